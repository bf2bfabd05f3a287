"""Files that the application may replace at any moment: only regular files count, and no part of a path below
the volume may be a symbolic link."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

_REPLACED = (errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENXIO)
"""A link, a file in a folder's place and the reverse, a pipe or a socket."""


def open_below(root: Path, path: str) -> FileIO:
    """For reading. Raises FileNotFoundError when there is no regular file at that path."""
    with _folder_of(root, path) as (folder, name), _replaced_is_missing(path):
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, "not a regular file", path)
    return FileIO(descriptor)


def read_below(root: Path, path: str, *, limit: int) -> bytes:
    """Raises FileNotFoundError like `open_below`, and OSError for more than `limit` bytes."""
    with open_below(root, path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit} bytes", path)
    return content


def read_regular(path: Path, *, limit: int) -> bytes:
    """Like `read_below`, where the folder is trusted to be no link."""
    return read_below(path.parent, path.name, limit=limit)


def create(path: Path) -> FileIO:
    """An empty file for writing, in place of whatever has its name. Never waits, follows no link."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    remove(path)
    return FileIO(os.open(path, flags, 0o666), "w")


def remove(path: Path) -> None:
    """Remove a file or a folder with its content, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def clear(path: Path) -> None:
    """The same, as far as that is possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def append_regular(path: Path) -> FileIO:
    """For writing at the end. Raises FileNotFoundError when there is no regular file at that path."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    with _replaced_is_missing(str(path)):
        descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, "not a regular file", str(path))
    return FileIO(descriptor, "a")


def link_below(root: Path, path: str, target: Path) -> None:
    """A second name of the file, or a copy where the file system has no links. Raises FileNotFoundError like
    `open_below`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _folder_of(root, path) as (folder, name), _replaced_is_missing(path):
            os.link(name, target, src_dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        raise
    except OSError:  # Another file system, or a file system without links.
        with open_below(root, path) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
    if not stat.S_ISREG(target.lstat().st_mode):
        target.unlink()
        raise FileNotFoundError(errno.ENOENT, "not a regular file", path)


@contextmanager
def _folder_of(root: Path, path: str) -> Iterator[tuple[int, str]]:
    """The folder of a file, opened step by step, and the file's name."""
    *parents, name = path.split("/")
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    folder = os.open(root, flags)
    try:
        for parent in parents:
            with _replaced_is_missing(path):
                inner = os.open(parent, flags | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        yield folder, name
    finally:
        os.close(folder)


@contextmanager
def _replaced_is_missing(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _REPLACED:
            raise FileNotFoundError(error.errno, "no longer a regular file", path) from error
        raise


def is_below(path: str, tops: Collection[str]) -> bool:
    """Whether a path is one of `tops`, or lies below one."""
    parts = path.split("/")
    return any("/".join(parts[:depth]) in tops for depth in range(1, len(parts) + 1))
