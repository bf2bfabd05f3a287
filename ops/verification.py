"""Reads objects and compares their hashes: their sizes prove nothing."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, TypeVar

from ops.aws import calling
from ops.checkpoints import READERS, CheckpointStore, UnreadableObject, open_object
from ops.terminal import REPORT_SECONDS, amount, plain, say
from runtime.gate.snapshot.checkpoint import Checkpoint, StoredFile

CHUNK = 1 << 20
T = TypeVar("T")


def damaged_objects(store: CheckpointStore, checkpoint: Checkpoint) -> list[str]:
    """Keys of objects that do not have the hash which the checkpoint names. Shows the progress. Raises
    OperatorError when S3 does not answer."""
    files = list({file.key: file for file in checkpoint.files.values()}.values())
    prefix = store.memory.prefix_of(checkpoint.region)

    def check(file: StoredFile) -> tuple[str, bool]:
        return file.key, has_hash(store.client, store.memory.bucket, f"{prefix}/{file.key}", file)

    what = f"verifying {checkpoint.id}"
    return sorted(key for key, good in each(check, files, what) if not good)


def has_hash(client: Any, bucket: str, key: str, file: StoredFile, **version: str) -> bool:
    """Whether an object, or a version of it, has the content of `file`."""
    digest, size = hashlib.sha256(), 0
    try:
        with calling(f"reading s3://{bucket}/{plain(key)}", bucket):
            for chunk in open_object(client, bucket, key, **version).iter_chunks(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                if size > file.size:
                    return False
    except UnreadableObject:
        return False
    return digest.hexdigest() == file.sha256


def each(work: Callable[[StoredFile], T], files: Collection[StoredFile], what: str) -> Iterator[T]:
    """The results, in no order, with the progress on the terminal."""
    say(f"{what}: {len(files)} objects, {amount(sum(file.size for file in files))}")
    pool, done, reported = ThreadPoolExecutor(READERS), 0, time.monotonic()
    try:
        left = {pool.submit(work, file): file for file in files}
        for number, future in enumerate(as_completed(left), start=1):
            done += left[future].size
            yield future.result()
            if time.monotonic() - reported >= REPORT_SECONDS:
                reported = time.monotonic()
                say(f"{what}: {number} of {len(files)} objects, {amount(done)} …")
    finally:
        pool.shutdown(cancel_futures=True)
