"""The loss guard: what was lost or damaged on the volume must not become the newest copy of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping

from runtime.gate.checkpoint import ORDERS, Checkpoint, StoredFile, is_write_once, table_of
from runtime.gate.wording import few

ACCEPT_SHRINK = f"{ORDERS}/accept-shrink.json"
"""`{"checkpoint": "<id>"}`, written by an operator: what the volume lost against this checkpoint is meant."""
_MANIFEST = ".manifest"


def loss(
    before: Checkpoint | None, files: Mapping[str, StoredFile], read: Callable[[str], bytes]
) -> str | None:
    """What `files` lack that the memory had at `before`, in words; None when they may become a checkpoint.

    `read` gives a file's content. It raises OSError, which is let through.
    """
    if before is None or not before.files:
        return None
    since = f"since checkpoint {before.id}"
    if not files:
        return f"every file vanished {since}"
    if tables := sorted(before.tables - {table for path in files if (table := table_of(path))}):
        return f"a table vanished {since}: {few(tables)}"
    size = sum(file.size for file in files.values())
    if 2 * size < before.bytes:
        return f"only {size} of {before.bytes} bytes are left {since}"
    if damaged := sorted(
        path for path, file in files.items() if _damaged(path, before.files.get(path), file)
    ):
        return f"what Lance never changes has changed {since}: {few(damaged)}"
    if missing := sorted(_missing(before, files, read)):
        return f"files vanished {since} that their table still needs: {few(missing)}"
    return None


def accepts(order: bytes, newest: Checkpoint) -> bool:
    """Whether an operator's order releases the guard, as long as this is the newest checkpoint."""
    try:
        told = json.loads(order)
    except ValueError:
        return False
    return isinstance(told, dict) and told.get("checkpoint") == str(newest.id)


def _damaged(path: str, before: StoredFile | None, now: StoredFile) -> bool:
    """Whether a file of a table shrank, or a write-once one is another at the same size.

    One that grew was still being written when it was first copied. A manifest of the same name and size may
    belong to a table that was made anew.
    """
    if before is None or table_of(path) is None:
        return False
    return now.size < before.size or (
        is_write_once(path) and now.size == before.size and now.sha256 != before.sha256
    )


def _missing(
    before: Checkpoint, files: Mapping[str, StoredFile], read: Callable[[str], bytes]
) -> Iterator[str]:
    """Files that are gone and that their table's newest manifest names: it holds names as they are."""
    gone: dict[str, list[str]] = {}
    for path in before.files.keys() - files.keys():
        if is_write_once(path):
            gone.setdefault(table_of(path) or "", []).append(path)
    for table, paths in gone.items():
        if newest := _newest_manifest(path for path in files if path.startswith(f"{table}/")):
            content = read(newest)
            yield from (path for path in paths if path.rpartition("/")[2].encode() in content)


def _newest_manifest(paths: Iterable[str]) -> str | None:
    manifests = {path: version for path in paths if (version := _version(path)) is not None}
    return max(manifests, key=manifests.__getitem__, default=None)


def _version(path: str) -> int | None:
    """Lance counts up from 1, or down from the largest number of 64 bits so that the newest comes first."""
    number = path.rpartition("/")[2].removesuffix(_MANIFEST)
    if not (path.endswith(_MANIFEST) and number.isdecimal()):
        return None
    return int(number) if int(number) < 1 << 63 else (1 << 64) - 1 - int(number)
