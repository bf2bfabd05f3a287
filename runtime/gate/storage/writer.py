"""One writer per volume. Pods of a StatefulSet may share a volume, and a pod that its node lost may still run
beside its successor.

The locks are `flock`s: the kernel releases them when their process ends, however it ends, and a network file
system when the node's lease expires.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runtime.gate.storage.durable import FULL
from runtime.gate.storage.files import read_regular

WRITER = ".gate-writer"
"""At the top of the volume: locked by the process that writes to it, a gate for as long as it runs. It
contains who that is."""
RESTORING = ".gate-restoring"
"""Locked by an init container: whoever has this lock and not the other one waits for a gate."""
WAIT_SECONDS = 60.0
POLL_SECONDS = 0.2
LONGEST_OWNER = 400
"""Bytes."""
NO_LOCKS = (errno.EBADF, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""A file system that has no such lock."""


class VolumeInUse(OSError):
    """Another process writes to the volume."""

    def __init__(self, root: Path) -> None:
        self.message = f"another process writes to the volume: {_owner(root)}"
        super().__init__(errno.EBUSY, self.message, str(root))


class WriterLock:
    """The right to write to a volume. Threads of a process share it; it ends with the process."""

    def __init__(self, root: Path, name: str = WRITER) -> None:
        self._root = root
        self._file = root / name
        self._descriptor: int | None = None
        self._token = b""
        self._guard = threading.Lock()

    def acquire(self) -> None:
        """Keep the lock until `release`. Raises VolumeInUse, and other OSErrors of the volume."""
        with self._guard:
            if not self._is_held():
                self._release()
                self._acquire()

    def release(self) -> None:
        with self._guard:
            self._release()

    @contextmanager
    def held(self) -> Iterator[None]:
        """For one thing that is done on the volume, unless the process has the lock anyway. Raises what
        `acquire` does."""
        kept = self._descriptor is not None
        self.acquire()
        try:
            yield
        finally:
            if not kept:
                self.release()

    def _is_held(self) -> bool:
        """False also when another process could lock the volume meanwhile: the file was deleted, or a network
        file system gave the lock away."""
        if self._descriptor is None:
            return False
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            return not self._file.exists()
        with suppress(OSError):
            return os.path.samestat(os.stat(self._file), os.fstat(self._descriptor)) and (
                not self._token or read_regular(self._file, limit=LONGEST_OWNER) == self._token
            )
        return False

    def _acquire(self) -> None:
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise VolumeInUse(self._root) from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                os.close(descriptor)
                raise
        self._descriptor = descriptor
        self._token = f"{socket.gethostname()} {os.getpid()} {secrets.token_hex(8)}".encode()
        try:
            os.pwrite(descriptor, self._token, 0)
            os.ftruncate(descriptor, len(self._token))
        except OSError:  # A full volume, or the folder itself.
            self._token = b""

    def _open(self) -> int:
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            return os.open(self._file, flags, 0o600)
        except OSError as error:
            if error.errno not in FULL:
                raise
            return os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def _release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@contextmanager
def restoring(root: Path, is_complete: Callable[[], bool], limit: float = WAIT_SECONDS) -> Iterator[bool]:
    """For an init container: True with the lock, False when a gate has it and the files are complete.

    Raises VolumeInUse after `limit` seconds.
    """
    deadline = time.monotonic() + limit
    others, writer = WriterLock(root, RESTORING), WriterLock(root)
    try:
        while (is_writer := _may_write(others, writer, is_complete)) is None:
            if time.monotonic() >= deadline:
                raise VolumeInUse(root)
            time.sleep(POLL_SECONDS)
        yield is_writer
    finally:
        writer.release()
        others.release()


def _may_write(others: WriterLock, writer: WriterLock, is_complete: Callable[[], bool]) -> bool | None:
    """None: not yet."""
    try:
        others.acquire()
    except VolumeInUse:
        return None
    try:
        writer.acquire()
    except VolumeInUse:
        return False if is_complete() else None
    return True


def _owner(root: Path) -> str:
    """Host name and process of the writer, as far as it wrote them."""
    try:
        text = read_regular(root / WRITER, limit=LONGEST_OWNER).decode("ascii", "replace")
    except OSError:
        return "unknown"
    host, _, process = text.rpartition(" ")[0].partition(" ")
    return ascii(f"{host}, process {process}") if host else "unknown"
