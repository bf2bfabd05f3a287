"""One region's prefix of a company in one bucket, by rclone: the only place that starts it.

What rclone is told stands in its arguments and environment; no configuration file is read or written. Its
calls are those that the role allows (`plan/iam.py`): no HEAD on what may be missing, no look at the bucket
itself, no listing outside the prefix, no deletion of versions.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from runtime.gate.rclone import command, environment
from runtime.gate.wording import few

READ_LIMIT = 64 << 20
"""Bytes that `read` takes into memory."""
_POLL_SECONDS = 0.1
_GRACE_SECONDS = 5.0
_NO_HEAD = {"RCLONE_S3_NO_HEAD_OBJECT": "true"}
_REFUSED = re.compile(
    r"StatusCode: 403|AccessDenied|Forbidden|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken"
    r"|failed to (?:refresh|retrieve)(?: cached)? credentials|no EC2 IMDS role|get identity"
)
_UNREACHABLE = re.compile(
    r"StatusCode: 50\d|ServiceUnavailable|SlowDown|InternalError|RequestTimeout|timeout|deadline exceeded"
    r"|connection (?:refused|reset)|no such host|no route|unreachable|EOF|broken pipe|server misbehaving",
    re.IGNORECASE,
)
_LOG_PREFIX = re.compile(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d [A-Z]+\s*: ", re.MULTILINE)


class StoreError(Exception):
    """S3 did not do what it was asked to. Says where, what rclone said, and what to do."""


class Unreachable(StoreError):
    """The network or S3 itself: it passes, and the next round tries again."""


class Refused(StoreError):
    """The role or its credentials: it does not pass by itself."""


class Interrupted(Exception):
    """The gate was told to do something else; rclone has ended."""


class Store:
    """Objects below `<bucket>/<prefix>/`; a key is what follows.

    Every call raises StoreError, and Interrupted as soon as `interrupt` is set. `timeout` is how many seconds
    a listing or reading may take; what sends, fetches or deletes goes on as long as bytes keep flowing.
    """

    def __init__(
        self,
        rclone: Path,
        *,
        region: str,
        bucket: str,
        prefix: str,
        interrupt: threading.Event,
        endpoint: str | None = None,
        bandwidth_limit: str = "off",
        transfers: int = 4,
        timeout: float = 120.0,
    ) -> None:
        self.region = region
        """The bucket's."""
        self.bucket = bucket
        self.prefix = prefix
        self._rclone = rclone
        self._interrupt = interrupt
        self._timeout = timeout
        self._environment = environment(
            region=region,
            endpoint=endpoint,
            bandwidth_limit=bandwidth_limit,
            transfers=transfers,
            timeout=timeout,
        )

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def list(self, folder: str = "") -> dict[str, int]:
        """Each key below the folder (by default, all) with its size in bytes; nothing there is no error."""
        below = f"{folder}/" if folder else ""
        told = self._run(
            "list",
            below,
            ["lsf", "--recursive", "--files-only", "--format=sp", "--separator=\t", self._remote(below)],
            limit=self._timeout,
        )
        rows = (line.split("\t", 1) for line in told.decode("utf-8", "surrogateescape").splitlines())
        return {below + path: int(size) for size, path in rows}

    def read(self, key: str) -> bytes:
        """A small object's content. List first: what's missing can't be told from what's refused."""
        asked = ["cat", "--files-from-raw=-", "--no-traverse", f"--count={READ_LIMIT}", self._remote()]
        return self._run("read", key, asked, keys=[key], flags=_NO_HEAD, limit=self._timeout)

    def download(self, keys: Collection[str], into: Path) -> None:
        """Fetch objects to their keys below `into`; what lies there is replaced, each file at once."""
        if not keys:
            return
        into.mkdir(parents=True, exist_ok=True)
        asked = ["copy", "--files-from-raw=-", "--no-traverse", "--no-check-dest", "--ignore-checksum"]
        self._run("download", few(keys), [*asked, self._remote(), str(into)], keys=keys)
        if missing := [key for key in keys if not (into / key).is_file()]:
            raise StoreError(f"{self}: not there: {few(missing)}. It may still be on its way to this bucket")

    def upload(self, files: Mapping[str, Path], staging: Path) -> None:
        """Send local files to their keys, whatever lies there; `staging` is emptied before and after.

        It should be in the files' own file system: then no byte is copied. Raises FileNotFoundError when a
        file is gone.
        """
        if not files:
            return
        shutil.rmtree(staging, ignore_errors=True)
        try:
            for key, path in files.items():
                _link(path, staging / key)
            asked = ["copy", "--no-check-dest", str(staging), self._remote()]
            self._run("upload", few(files), asked)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def put(self, key: str, data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "data")
            path.write_bytes(data)
            self.upload({key: path}, Path(folder, "staging"))

    def delete(self, keys: Collection[str]) -> None:
        """Put a delete marker on each; one that's not there is no error."""
        if keys:
            asked = ["delete", "--files-from-raw=-", "--no-traverse", self._remote()]
            self._run("delete", few(keys), asked, keys=keys, flags=_NO_HEAD)

    def _remote(self, below: str = "") -> str:
        # Without the slash at its end rclone would ask, by a HEAD, whether this is a file.
        return f":s3:{self.bucket}/{self.prefix}/{below}"

    def _run(
        self,
        what: str,
        where: str,
        asked: Sequence[str],
        *,
        keys: Collection[str] = (),
        limit: float | None = None,
        flags: Mapping[str, str] | None = None,
    ) -> bytes:
        """What rclone wrote on standard output. `keys` go to its standard input; `limit` is in seconds."""
        if self._interrupt.is_set():
            raise Interrupted
        if unfit := [key for key in keys if "\n" in key or not key]:
            raise ValueError(f"no key that rclone can be asked for: {unfit[:3]}")
        process = subprocess.Popen(
            [*command(self._rclone), *asked],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**self._environment, **(flags or {})},
        )
        try:
            told, said = self._wait(process, keys, limit)
        finally:
            _end(process)
        if process.returncode != 0:
            raise self._error(what, where, said.decode(errors="replace"), process.returncode)
        return told

    def _wait(
        self, process: subprocess.Popen[bytes], keys: Collection[str], limit: float | None
    ) -> tuple[bytes, bytes]:
        deadline = None if limit is None else time.monotonic() + limit
        given: bytes | None = "".join(f"{key}\n" for key in keys).encode("utf-8", "surrogateescape")
        while True:
            try:
                return process.communicate(given, timeout=_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                given = None
            if self._interrupt.is_set():
                raise Interrupted
            if deadline is not None and time.monotonic() > deadline:
                raise Unreachable(f"{self}: no answer within {limit:.0f} s. Is S3 slow, or the network?")

    def _error(self, what: str, where: str, said: str, code: int) -> StoreError:
        lines = list(dict.fromkeys(_LOG_PREFIX.sub("", said).strip().splitlines()))
        told = f"{self}: {what} {where}: " + (" | ".join(lines)[-700:] or f"rclone ended with {code}")
        if _REFUSED.search(said):
            return Refused(f"{told}. Check the pod's role and that the object exists")
        if _UNREACHABLE.search(said):
            return Unreachable(f"{told}. It is tried again")
        return StoreError(f"{told}. Check the bucket's name and its region")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave no process and no pipe behind."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:
                continue  # Keys that were still on their way to a process that has ended.


def _link(path: Path, at: Path) -> None:
    at.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, at, follow_symlinks=False)
    except FileNotFoundError:
        raise
    except OSError:  # Another file system, or one without links.
        shutil.copyfile(path, at)
