"""Which files belong to a Lance table, and which of them never change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

WRITE_ONCE = ("data", "_transactions", "_deletions", "_indices")
"""Folders of a table whose files never change once they are written."""
TABLE_SUFFIX = ".lance"
MANIFEST_SUFFIX = ".manifest"
_FRAGMENT, _DELETIONS, _ROWS = 2, 3, 4


def table_of(path: str) -> str | None:
    """The table that a file belongs to."""
    return _table_of_folder(path.rpartition("/")[0])


@lru_cache(maxsize=1000)
def _table_of_folder(folder: str) -> str | None:
    parts = folder.split("/")
    for depth, part in enumerate(parts):
        if part.endswith(TABLE_SUFFIX):
            return "/".join(parts[: depth + 1])
    return None


def is_write_once(path: str) -> bool:
    table = table_of(path)
    return table is not None and path[len(table) + 1 :].partition("/")[0] in WRITE_ONCE


def is_manifest(path: str) -> bool:
    """Whether the file says what a table holds: a checkpoint that names it must have all that it names."""
    return table_of(path) is not None and not is_write_once(path)


def version(path: str) -> int | None:
    """Of a manifest. Lance counts up from 1, or down from the largest number of 64 bits, so that the newest
    sorts first."""
    number = path.rpartition("/")[2].removesuffix(MANIFEST_SUFFIX)
    if not (path.endswith(MANIFEST_SUFFIX) and number.isdecimal()):
        return None
    return int(number) if int(number) < 1 << 63 else (1 << 64) - 1 - int(number)


def newest_manifest(paths: Iterable[str]) -> str | None:
    """Of one table's files."""
    manifests = {path: number for path in paths if (number := version(path)) is not None}
    return max(manifests, key=manifests.__getitem__, default=None)


def description(manifest: bytes) -> bytes:
    """The part of a manifest that describes a version: the whole when it has no known form.

    Other parts name files of older versions: a compaction's manifest contains what the compaction replaced.
    """
    where = _description(manifest)
    return manifest[slice(*where)] if where else manifest


def rows(manifest: bytes) -> int | None:
    """How many rows a version of a table has; None when the manifest has no known form.

    Lance's `protos/table.proto`: field 2 of the message Manifest is a fragment, of which field 4 counts the
    rows, and field 4 of its field 3 the deleted ones.
    """
    where = _description(manifest)
    if where is None:
        return None
    try:
        fragments = [value for number, value in _fields(manifest, *where) if number == _FRAGMENT]
        return sum(_rows_of(manifest, fragment) for fragment in fragments)
    except (ValueError, IndexError):
        return None


def _description(manifest: bytes) -> tuple[int, int] | None:
    """Where the message Manifest is: its length precedes it, and the file's last 16 bytes begin with the
    position of that."""
    if len(manifest) < 20 or manifest[-4:] != b"LANC":
        return None
    start = int.from_bytes(manifest[-16:-8], "little") + 4
    end = start + int.from_bytes(manifest[start - 4 : start], "little")
    return (start, end) if end <= len(manifest) else None


def _rows_of(manifest: bytes, fragment: int | tuple[int, int]) -> int:
    """Raises ValueError for a fragment that does not say."""
    fields = dict(_fields(manifest, *_message(fragment)))
    count, deletions = fields.get(_ROWS), fields.get(_DELETIONS)
    deleted = dict(_fields(manifest, *_message(deletions))).get(_ROWS, 0) if deletions else 0
    if not (isinstance(count, int) and isinstance(deleted, int)):
        raise ValueError("a fragment without rows")
    return count - deleted


def _message(value: int | tuple[int, int]) -> tuple[int, int]:
    if isinstance(value, int):
        raise ValueError("not a message")
    return value


def _fields(data: bytes, start: int, end: int) -> Iterator[tuple[int, int | tuple[int, int]]]:
    """Of a message in the encoding of Protocol Buffers: number and value; of bytes, where they are.

    Raises ValueError or IndexError.
    """
    while start < end:
        tag, start = _varint(data, start)
        kind = tag & 7
        if kind == 0:
            value, start = _varint(data, start)
            yield tag >> 3, value
        elif kind == 2:
            length, start = _varint(data, start)
            if start + length > end:
                raise ValueError("a field is cut off")
            yield tag >> 3, (start, start + length)
            start += length
        elif kind in (1, 5):
            start += 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of type {kind}")


def _varint(data: bytes, start: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[start]
        start += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, start
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
