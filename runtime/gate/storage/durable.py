"""Writes and renames that are on the disk when the call returns. A file is complete or absent, whenever the
gate or its node dies."""

from __future__ import annotations

import ctypes
import errno
import json
import os
from io import BufferedWriter
from pathlib import Path
from typing import Any

from runtime import documents
from runtime.documents import Document
from runtime.gate.storage.files import create, read_regular, remove

_LIBC = ctypes.CDLL(None, use_errno=True)
FULL = (errno.ENOSPC, errno.EDQUOT)
LARGEST = 128 << 20
"""Bytes of a document: it may contain a checkpoint."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write a temporary file, sync it, rename it in place of whatever has its name, sync the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    with BufferedWriter(create(temporary)) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if path.is_dir() and not path.is_symlink():
        remove(path)
    temporary.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put renames and removals in the folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, content: Any) -> None:
    write_atomically(path, json.dumps(content, indent=0).encode())


def read_document(path: Path) -> Document | None:
    """What `write_json` wrote; None without a regular file. Raises ValueError for all but a JSON object."""
    try:
        return documents.parse(read_regular(path, limit=LARGEST), str(path), limit=LARGEST)
    except FileNotFoundError:
        return None


def sync_file(path: Path) -> None:
    """Put a file's content on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file_system(path: Path) -> None:
    """Put all that was written to the file system of a folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _LIBC.syncfs(descriptor) != 0:
            raise OSError(number := ctypes.get_errno(), os.strerror(number), str(path))
    finally:
        os.close(descriptor)


def move(source: Path, target: Path) -> None:
    """Rename, and sync both folders."""
    os.rename(source, target)
    sync_folder(target.parent)
    if source.parent != target.parent:
        sync_folder(source.parent)
