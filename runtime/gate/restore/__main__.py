"""`python -m runtime.gate.restore`, the init container: nothing of the application runs yet. Ends with 1,
and log lines that say why, when the volume cannot be made complete: the kubelet tries again."""

from __future__ import annotations

import os
import signal
import sys
import threading

from runtime.gate.config import Environment, environment, load_config
from runtime.gate.restore import credentials
from runtime.gate.restore.startup import RestoreError, restore
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.rclone import Interrupted
from runtime.gate.storage.stores import BucketStores
from runtime.logs import log


def main() -> int:
    env = environment()
    interrupt = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: interrupt.set())
    try:
        config = load_config(env.config)
        volume = Volume(env.volume, config.component, interrupt)
        if not _has_credentials(env, volume, interrupt):
            return 1
        stores = BucketStores(env.rclone, lambda: config, interrupt)
        restore(volume, config, stores)
    except (RestoreError, OSError, ValueError, KeyError) as error:
        for line in str(error).splitlines() or [repr(error)]:
            log("restore", level="error", message=line)
        return 1
    except Interrupted:
        log("restore", level="warning", message="interrupted; the next start continues here")
        return 1
    return 0


def _has_credentials(env: Environment, volume: Volume, interrupt: threading.Event) -> bool:
    """Whether the application may start: without credentials it may only on a volume with data, after some
    new pods had none either.
    """
    if env.replacement is None or not credentials.are_missing(os.environ):
        credentials.forget_missing(volume)
    elif credentials.must_be_replaced(volume):
        credentials.replace_pod(os.environ["POD_NAME"], env.replacement, interrupt)
        return False
    else:
        message = "no pod got AWS credentials: the application starts, and nothing is uploaded or downloaded"
        log("restore", level="warning", message=message)
    return True


if __name__ == "__main__":
    sys.exit(main())
