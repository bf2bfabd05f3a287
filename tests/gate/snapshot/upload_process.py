"""A process that makes one pass after another until it is killed, as the gate does without a pause.

    python -m tests.gate.snapshot.upload_process <volume> <rclone> <region> <bucket> <prefix> <endpoint>

Writes a line for each pass that ended, with the newest checkpoint's id. A pass in which the volume did not
settle is one failed pass, as in the gate: on a busy machine a table that is compacted all the time causes it.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from runtime.contracts.gate import Retention
from runtime.gate.snapshot.file_upload import Unsettled
from runtime.gate.snapshot.upload import Uploader
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.bucket import Store


def main() -> None:
    volume, rclone, region, bucket, prefix, endpoint = sys.argv[1:]
    interrupt = threading.Event()
    store = Store(
        Path(rclone), region=region, bucket=bucket, prefix=prefix, interrupt=interrupt, endpoint=endpoint
    )
    uploader = Uploader(Volume(Path(volume), "brain"), store, region=region, retention=Retention())
    while True:
        try:
            newest = uploader.run(generation=1, base=None).newest
        except Unsettled as error:
            print(error, flush=True)
        else:
            print(newest and newest.id, flush=True)


if __name__ == "__main__":
    main()
