"""What rclone lists: a line of JSON for each object."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime

from runtime.documents import Document, parse
from runtime.gate.storage.keys import Listed
from runtime.gate.storage.rclone import LONGEST_LINE

LIST = ("lsjson", "--recursive", "--files-only", "--no-mimetype")


def rows(output: bytes, below: str = "") -> Iterator[tuple[str, Document]]:
    """Each key, which is `below` and its path in the listing, with what rclone says of it."""
    for line in io.BytesIO(output):
        if line.startswith(b"{"):
            row = parse(line.rstrip(b",\n"), "listing", limit=LONGEST_LINE)
            yield sys.intern(below + row.text("Path")), row


def listed(rows: Iterable[tuple[str, Document]]) -> dict[str, Listed]:
    """With S3's own time of each object, if rclone was told to list that."""
    return {
        key: Listed(
            size=row.number("Size"), at=int(datetime.fromisoformat(row.text("ModTime")).timestamp() * 1000)
        )
        for key, row in rows
    }
