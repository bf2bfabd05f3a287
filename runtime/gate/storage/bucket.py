"""One region's prefix of a company in one bucket, through rclone. `rclone.py` starts it.

rclone gets arguments and environment variables and no configuration file. Its calls are those that the role
allows (`plan/iam.py`): no HEAD on an object that may be missing, no request about the bucket itself, no
listing outside the prefix, no deletion of versions.
"""

from __future__ import annotations

import io
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from runtime.contracts.gate import GateConfig
from runtime.documents import parse
from runtime.gate.storage.files import link_below
from runtime.gate.storage.keys import few, prefix_of
from runtime.gate.storage.rclone import environment, run

LONGEST_LINE = 64 << 10
"""Bytes; a key has at most 1,024."""
READ_LIMIT = 64 << 20
"""Bytes that `read` takes into memory."""
DOWNLOADS = 32
"""Objects that are downloaded at a time: most are small, and each takes a round trip."""
_LIST = ("lsjson", "--recursive", "--files-only", "--no-modtime", "--no-mimetype")
_NO_HEAD = {"RCLONE_S3_NO_HEAD_OBJECT": "true"}
_ONE_REQUEST = {**_NO_HEAD, "RCLONE_INPLACE": "true"}
"""A name for an incomplete file would contain the object's time, for which rclone sends a HEAD."""
_REFUSED = re.compile(
    r"StatusCode: 403|AccessDenied|Forbidden|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken"
    r"|failed to (?:refresh|retrieve)(?: cached)? credentials|no EC2 IMDS role|get identity"
)
_UNREACHABLE = re.compile(
    r"StatusCode: 50\d|ServiceUnavailable|SlowDown|InternalError|RequestTimeout|timeout|deadline exceeded"
    r"|connection (?:refused|reset)|no such host|no route|unreachable|EOF|broken pipe|server misbehaving",
    re.IGNORECASE,
)
_NAME_OF_ANSWER = re.compile(r"(?:RequestID|HostID): [^,|]*")
_LOG_PREFIX = re.compile(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d [A-Z]+\s*: ", re.MULTILINE)


class StoreError(Exception):
    """A request to S3 failed. The message has the prefix, rclone's output and what to do."""

    @property
    def kind(self) -> str:
        """The same for the same problem, whatever S3 calls its answer."""
        return _NAME_OF_ANSWER.sub("", str(self))


class Unreachable(StoreError):
    """The network or S3 is down for a while; the next round tries again."""

    kind = "unreachable"


class Refused(StoreError):
    """The role or its credentials are wrong; somebody has to correct them."""

    kind = "refused"


class Store:
    """Objects below `<bucket>/<prefix>/`; keys are relative to that.

    Every call raises StoreError, and Interrupted as soon as `interrupt` is set. `timeout`: seconds that a
    list or read may take; uploads, downloads and deletions continue as long as bytes flow.
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
        self._transfers = transfers
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
        """Each key below the folder (by default, all keys) with its size in bytes; no objects are no
        error."""
        below = f"{folder}/" if folder else ""
        return _sizes(self._run("list", below, [*_LIST, self._remote(below)], limit=self._timeout), below)

    def read(self, key: str) -> bytes:
        """The content of a small object. List first: S3 gives the same answer for missing and forbidden."""
        arguments = ["cat", "--files-from-raw=-", "--no-traverse", f"--count={READ_LIMIT}", self._remote()]
        return self._run("read", key, arguments, keys=[key], flags=_NO_HEAD, limit=self._timeout)

    def find(self, key: str) -> bytes | None:
        """The content of a small object that may be missing. S3 gives the same answer for missing and
        forbidden: None. Raises Unreachable."""
        try:
            return self.read(key)
        except Unreachable:
            raise
        except StoreError:
            return None

    def sizes(self, keys: Collection[str]) -> dict[str, int]:
        """Of a few objects, by a request for each. Raises StoreError also when one is missing."""
        arguments = [*_LIST, "--files-from-raw=-", "--no-traverse", self._remote()]
        return (
            _sizes(self._run("sizes", few(keys), arguments, keys=keys, limit=self._timeout)) if keys else {}
        )

    def download(self, keys: Collection[str], into: Path) -> None:
        """Fetch objects to their keys below `into`, one request each. A download that fails may leave
        incomplete files."""
        if not keys:
            return
        into.mkdir(parents=True, exist_ok=True)
        arguments = ["copy", "--files-from-raw=-", "--no-traverse", "--no-check-dest", "--ignore-checksum"]
        arguments += [f"--transfers={max(self._transfers, DOWNLOADS)}", self._remote(), str(into)]
        self._run("download", few(keys), arguments, keys=keys, flags=_ONE_REQUEST)
        if missing := [key for key in keys if not (into / key).is_file()]:
            raise StoreError(
                f"{self}: missing: {few(missing)}. Replication may not have copied it to this bucket yet"
            )

    def upload(self, files: Mapping[str, Path], staging: Path, *, root: Path) -> None:
        """Send files below `root` to their keys. `staging` is emptied before and after.

        On the file system of the files, nothing is copied locally. Raises FileNotFoundError when a file is
        gone.
        """
        if not files:
            return
        shutil.rmtree(staging, ignore_errors=True)
        try:
            for key, path in files.items():
                link_below(root, str(path.relative_to(root)), staging / key)
            arguments = ["copy", "--no-check-dest", str(staging), self._remote()]
            self._run("upload", few(files), arguments)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def put(self, key: str, data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "data")
            path.write_bytes(data)
            self.upload({key: path}, Path(folder, "staging"), root=Path(folder))

    def delete(self, keys: Collection[str]) -> None:
        """Put a delete marker on each; a missing object is no error."""
        if keys:
            arguments = ["delete", "--files-from-raw=-", "--no-traverse", self._remote()]
            self._run("delete", few(keys), arguments, keys=keys, flags=_NO_HEAD)

    def _remote(self, below: str = "") -> str:
        # Without the final slash rclone sends a HEAD to learn whether this is a file.
        return f":s3:{self.bucket}/{self.prefix}/{below}"

    def _run(
        self,
        what: str,
        where: str,
        arguments: Sequence[str],
        *,
        keys: Collection[str] = (),
        limit: float | None = None,
        flags: Mapping[str, str] | None = None,
    ) -> bytes:
        """rclone's standard output. `keys` go to its standard input; `limit` is in seconds."""
        if invalid := [key for key in keys if "\n" in key or not key]:
            raise ValueError(f"keys must be one non-empty line each, got {invalid[:3]}")
        try:
            call = run(
                self._rclone,
                arguments,
                {**self._environment, **(flags or {})},
                lines=keys,
                interrupt=self._interrupt,
                limit=limit,
            )
        except TimeoutError as error:
            raise Unreachable(f"{self}: {error}") from None
        if call.code != 0:
            raise self._error(what, where, call.errors.decode(errors="replace"), call.code)
        return call.output

    def _error(self, what: str, where: str, output: str, code: int) -> StoreError:
        lines = list(dict.fromkeys(_LOG_PREFIX.sub("", output).strip().splitlines()))
        message = f"{self}: {what} {where}: " + (" | ".join(lines)[-700:] or f"rclone ended with {code}")
        if _REFUSED.search(output):
            return Refused(f"{message}. Check the pod's role and that the object exists")
        if _UNREACHABLE.search(output):
            return Unreachable(f"{message}. It is tried again")
        return StoreError(f"{message}. Check the bucket's name and its region")


def _sizes(listing: bytes, below: str = "") -> dict[str, int]:
    """Of rclone's listing: a line for each object, between brackets."""
    sizes, lines = {}, io.BytesIO(listing)
    for line in lines:
        if line.startswith(b"{"):
            row = parse(line.rstrip(b",\n"), "listing", limit=LONGEST_LINE)
            sizes[sys.intern(below + row.text("Path"))] = row.number("Size")
    return sizes


class Stores(Protocol):
    def __call__(self, bucket: str, writer: str, timeout: float | None = None) -> Store:
        """On the bucket of the region `bucket` and the prefix of the region `writer`; `timeout` in seconds
        limits each of its operations."""


class BucketStores:
    """The stores of the live config. Each ends what it does as soon as `interrupt` is set."""

    def __init__(self, rclone: Path, config: Callable[[], GateConfig], interrupt: threading.Event) -> None:
        self._rclone = rclone
        self._config = config
        self._interrupt = interrupt

    def __call__(self, bucket: str, writer: str, timeout: float | None = None) -> Store:
        """Raises StoreError when the company has no bucket there (any more)."""
        config = self._config()
        if bucket not in config.buckets:
            raise StoreError(f"no bucket in {bucket}; the company has buckets in {sorted(config.buckets)}")
        return Store(
            self._rclone,
            region=bucket,
            bucket=config.buckets[bucket],
            prefix=prefix_of(writer, config.namespace, config.component),
            interrupt=self._interrupt,
            endpoint=config.endpoint,
            bandwidth_limit=config.bandwidth_limit,
            transfers=config.transfers,
            **({} if timeout is None else {"timeout": timeout}),
        )
