"""The loss guard: lost or damaged files on the volume must not become the newest snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from runtime import documents
from runtime.gate.snapshot.checkpoint import Checkpoint, StoredFile
from runtime.gate.snapshot.lance import description, is_write_once, newest_manifest, rows, table_of, version
from runtime.gate.storage.keys import REQUESTS, few

ACCEPT_SHRINK = f"{REQUESTS}/accept-shrink.json"
"""`{"checkpoint": "<id>"}`, written by an operator: the loss since this checkpoint is intended."""
LARGEST = 64 << 10
"""Bytes of the request."""


def loss(
    before: Checkpoint | None,
    files: Mapping[str, StoredFile],
    read: Callable[[str], bytes],
    read_before: Callable[[StoredFile], bytes | None] = lambda file: None,
) -> str | None:
    """What `files` lost since `before`, in words; None when they may become a checkpoint.

    Of a table only what nothing replaced is lost: its compaction drops versions and most of its bytes. `read`
    gives a file's content, `read_before` that of an uploaded one, or None. Raises what they raise.
    """
    if before is None or not before.files:
        return None
    since = f"since checkpoint {before.id}"
    if not files:
        return f"every file vanished {since}"
    then, now = _by_table(before.files), _by_table(files)
    if tables := sorted(table for table in then.keys() - now.keys() if table):
        return f"a table vanished {since}: {few(tables)}"
    lost = _bytes(then.get("", {})) - _bytes(now.get("", {}))
    if 2 * lost > before.bytes:
        return f"{lost} of {before.bytes} bytes are lost, outside of tables, {since}"
    for table in sorted(then.keys() - {""}):
        if what := _lost_of(then[table], now[table], read, read_before):
            return f"{what} {since}: {table}"
    if damaged := sorted(
        path for path, file in files.items() if _damaged(path, before.files.get(path), file)
    ):
        return f"files that Lance never changes have changed {since}: {few(damaged)}"
    if missing := sorted(_missing(before, files, read)):
        return f"files vanished {since} that their table still needs: {few(missing)}"
    return None


def _bytes(files: Mapping[str, StoredFile]) -> int:
    return sum(file.size for file in files.values())


def _by_table(files: Mapping[str, StoredFile]) -> dict[str, dict[str, StoredFile]]:
    """Those outside of tables under an empty name."""
    tables: dict[str, dict[str, StoredFile]] = {}
    for path, file in files.items():
        tables.setdefault(table_of(path) or "", {})[path] = file
    return tables


def _lost_of(
    before: Mapping[str, StoredFile],
    files: Mapping[str, StoredFile],
    read: Callable[[str], bytes],
    read_before: Callable[[StoredFile], bytes | None],
) -> str | None:
    """What one table lost: its newest version, or most of its rows."""
    then, now = newest_manifest(before), newest_manifest(files)
    if then is None or then == now:
        return None
    if now is None or (version(now) or 0) < (version(then) or 0):
        return "a table lost its newest version"
    old = read(then) if files.get(then) == before[then] else read_before(before[then])
    rows_before, rows_now = (None if old is None else rows(old)), rows(read(now))
    if rows_before is not None and rows_now is not None and 2 * rows_now < rows_before:
        return f"only {rows_now} of {rows_before} rows of a table are left"
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
    """Vanished files that their table's newest manifest names, or any without a manifest, which holds
    names in plain text."""
    gone: dict[str, list[str]] = {}
    for path in before.files.keys() - files.keys():
        if is_write_once(path):
            gone.setdefault(table_of(path) or "", []).append(path)
    for table, paths in gone.items():
        newest = newest_manifest(path for path in files if path.startswith(f"{table}/"))
        content = description(read(newest)) if newest else None
        for path in paths:
            if content is None or path.rpartition("/")[2].encode() in content:
                yield path
