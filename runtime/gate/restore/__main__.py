"""`python -m runtime.gate.restore`, the init container: nothing of the application runs yet. Ends with 1,
and log lines that say why, when the volume cannot be made complete: the kubelet tries again."""

from __future__ import annotations

import signal
import sys
import threading

from runtime.gate.config import environment, load_config
from runtime.gate.restore.startup import RestoreError, restore
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.bucket import BucketStores
from runtime.gate.storage.rclone import Interrupted
from runtime.logs import log


def main() -> int:
    env = environment()
    interrupt = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: interrupt.set())
    try:
        config = load_config(env.config)
        stores = BucketStores(env.rclone, lambda: config, interrupt)
        restore(Volume(env.volume, config.component, interrupt), config, stores)
    except (RestoreError, OSError, ValueError, KeyError) as error:
        for line in str(error).splitlines() or [repr(error)]:
            log("restore", level="error", message=line)
        return 1
    except Interrupted:
        log("restore", level="warning", message="interrupted; the next start continues here")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
