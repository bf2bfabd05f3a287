"""Which files belong to a Lance table, and which of them never change."""

from __future__ import annotations

from functools import lru_cache

WRITE_ONCE = ("data", "_transactions", "_deletions", "_indices")
"""Folders of a table whose files never change once they are written."""
TABLE_SUFFIX = ".lance"
MANIFEST_SUFFIX = ".manifest"


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
