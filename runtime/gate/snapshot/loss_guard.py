"""The loss guard: lost or damaged files on the volume must not become the newest snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from runtime import documents
from runtime.gate.snapshot.checkpoint import Checkpoint, StoredFile
from runtime.gate.snapshot.lance import is_write_once, table_of, version
from runtime.gate.storage.keys import REQUESTS, few

ACCEPT_SHRINK = f"{REQUESTS}/accept-shrink.json"
"""`{"checkpoint": "<id>"}`, written by an operator: the loss since this checkpoint is intended."""
LARGEST = 64 << 10
"""Bytes of the request."""


def loss(
    before: Checkpoint | None, files: Mapping[str, StoredFile], read: Callable[[str], bytes]
) -> str | None:
    """What `files` lost since `before`, in words; None when they may become a checkpoint.

    `read` gives a file's content. Raises the OSErrors of `read`.
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
        return f"files that Lance never changes have changed {since}: {few(damaged)}"
    if missing := sorted(_missing(before, files, read)):
        return f"files vanished {since} that their table still needs: {few(missing)}"
    return None


def accepts(request: bytes, newest: Checkpoint) -> bool:
    """Whether an operator's request releases the guard, as long as this is the newest checkpoint."""
    try:
        accepted = documents.parse(request, ACCEPT_SHRINK, limit=LARGEST).text("checkpoint")
    except ValueError:
        return False
    return accepted == str(newest.id)


def _damaged(path: str, before: StoredFile | None, now: StoredFile) -> bool:
    """Whether a file of a table shrank, or a write-once file has other content of the same size.

    A file that grew was still being written at its first upload. A manifest of the same name and size may
    belong to a table that was created anew.
    """
    if before is None or table_of(path) is None:
        return False
    return now.size < before.size or (
        is_write_once(path) and now.size == before.size and now.sha256 != before.sha256
    )


def _missing(
    before: Checkpoint, files: Mapping[str, StoredFile], read: Callable[[str], bytes]
) -> Iterator[str]:
    """Vanished files that their table's newest manifest names. A manifest holds names in plain text."""
    gone: dict[str, list[str]] = {}
    for path in before.files.keys() - files.keys():
        if is_write_once(path):
            gone.setdefault(table_of(path) or "", []).append(path)
    for table, paths in gone.items():
        if newest := _newest_manifest(path for path in files if path.startswith(f"{table}/")):
            content = read(newest)
            yield from (path for path in paths if path.rpartition("/")[2].encode() in content)


def _newest_manifest(paths: Iterable[str]) -> str | None:
    manifests = {path: number for path in paths if (number := version(path)) is not None}
    return max(manifests, key=manifests.__getitem__, default=None)
