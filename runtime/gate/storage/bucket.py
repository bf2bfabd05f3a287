"""One region's prefix of a company in one bucket, through rclone. `rclone.py` starts it.

rclone gets arguments and environment variables and no configuration file. Its calls are those that the role
allows (`plan/iam.py`): no HEAD on an object that may be missing, no request about the bucket itself, no
listing outside the prefix, no deletion of versions.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from runtime.documents import Document
from runtime.gate.storage.conditional_writes import (
    COMPARE,
    COMPARE_ALL,
    IF_NONE_MATCH,
    JSON_LOG,
    NO_FAST_LIST,
    different,
    existing_keys,
    is_listable,
)
from runtime.gate.storage.errors import ContentConflict, StoreError, Unreachable, error_of
from runtime.gate.storage.files import clear, link_below
from runtime.gate.storage.keys import Listed, few, is_write_once
from runtime.gate.storage.listing import LIST, listed, rows
from runtime.gate.storage.rclone import Ended, environment, run
from runtime.gate.storage.server_clock import ServerClock
from runtime.logs import log

READ_LIMIT = 64 << 20
"""Bytes that `read` takes into memory."""
DOWNLOADS = 32
"""Objects that are downloaded at a time: most are small, and each takes a round trip."""
_SERVER_TIME = "--use-server-modtime"
_NO_HEAD = {"RCLONE_S3_NO_HEAD_OBJECT": "true"}
_ONE_REQUEST = {**_NO_HEAD, "RCLONE_INPLACE": "true"}
"""A name for an incomplete file would contain the object's time, for which rclone sends a HEAD."""


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
        kms_key: str | None = None,
        bandwidth_limit: str = "off",
        transfers: int = 4,
        timeout: float = 120.0,
        now: ServerClock | None = None,
    ) -> None:
        self.region = region
        """The bucket's."""
        self.bucket = bucket
        self.prefix = prefix
        self._clock = now or ServerClock()
        self.now: Callable[[], float] = self._clock
        """S3's time."""
        self._rclone = rclone
        self._interrupt = interrupt
        self._timeout = timeout
        self._transfers = transfers
        self._environment = environment(
            region=region,
            endpoint=endpoint,
            kms_key=kms_key,
            bandwidth_limit=bandwidth_limit,
            transfers=transfers,
            timeout=timeout,
        )

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def list(self, folder: str = "") -> dict[str, int]:
        """Each key below the folder (by default, all keys) with its size in bytes; no objects are no
        error."""
        return {key: row.number("Size") for key, row in self._rows(folder, "--no-modtime")}

    def listing(self, folder: str = "") -> dict[str, Listed]:
        """The same, with S3's own time of each object."""
        return listed(self._rows(folder, _SERVER_TIME))

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

    def heads(self, keys: Collection[str]) -> dict[str, Listed]:
        """`listing` of a few objects, by a request for each. Raises StoreError also when one is missing."""
        if not keys:
            return {}
        arguments = [*LIST, _SERVER_TIME, "--files-from-raw=-", "--no-traverse", self._remote()]
        return listed(rows(self._run("read", few(keys), arguments, keys=keys, limit=self._timeout)))

    def hashes(self, keys: Collection[str]) -> dict[str, str]:
        """SHA-256 of each object, which is read but not stored. Those that S3 does not hand out are left out;
        raises StoreError when it hands out none."""
        if not keys:
            return {}
        arguments = ["hashsum", "sha256", "--download", "--files-from-raw=-", "--no-traverse"]
        output = self._run(
            "read", few(keys), [*arguments, self._remote()], keys=keys, flags=_NO_HEAD, partial=True
        )
        rows = (line.partition("  ") for line in output.decode("utf-8", "surrogateescape").splitlines())
        return {key: sha256 for sha256, _, key in rows}

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

        On the file system of the files, nothing is copied locally. A write-once key that has the content
        already is no error. Raises FileNotFoundError when a file is gone, and ContentConflict.
        """
        if not files:
            return
        clear(staging)
        try:
            for key, path in files.items():
                link_below(root, str(path.relative_to(root)), staging / key)
            conditional = [IF_NONE_MATCH] if all(map(is_write_once, files)) else []
            arguments = ["copy", "--no-check-dest", *conditional, str(staging), self._remote()]
            call = self._call(arguments, flags=JSON_LOG)
            if call.code != 0:
                self._compare_existing(call, files, staging)
        finally:
            clear(staging)

    def upload_anew(self, files: Mapping[str, Path], staging: Path, *, root: Path) -> None:
        """`upload`, for keys that nobody else may have written: other content is damaged, and gets a delete
        marker. Its version stays."""
        try:
            self.upload(files, staging, root=root)
        except ContentConflict as conflict:
            log("objects-replaced", level="error", at=str(self), error=str(conflict))
            self.delete(conflict.keys)
            self.upload(files, staging, root=root)

    def put(self, key: str, data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            (path := Path(folder, "data")).write_bytes(data)
            self.upload({key: path}, Path(folder, "staging"), root=Path(folder))

    def delete(self, keys: Collection[str]) -> None:
        """Put a delete marker on each; a missing object is no error."""
        if keys:
            arguments = ["delete", "--files-from-raw=-", "--no-traverse", self._remote()]
            self._run("delete", few(keys), arguments, keys=keys, flags=_NO_HEAD)

    def _rows(self, folder: str, times: str) -> Iterator[tuple[str, Document]]:
        below = f"{folder}/" if folder else ""
        arguments = [*LIST, times, self._remote(below)]
        return rows(self._run("list", below, arguments, limit=self._timeout), below)

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
        partial: bool = False,
    ) -> bytes:
        """rclone's standard output. `keys` go to its standard input; `limit` is in seconds. `partial`: some
        output is enough, unless S3 is down."""
        call = self._call(arguments, keys=keys, limit=limit, flags=flags)
        if call.code != 0:
            failure = self._error(what, where, call.errors.decode(errors="replace"), call.code)
            if not (partial and call.output) or isinstance(failure, Unreachable):
                raise failure
        return call.output

    def _call(
        self,
        arguments: Sequence[str],
        *,
        keys: Collection[str] = (),
        limit: float | None = None,
        flags: Mapping[str, str] | None = None,
    ) -> Ended:
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
        self._clock.learn(call.errors.decode(errors="replace"), answered=call.code == 0)
        return call

    def _compare_existing(self, call: Ended, files: Mapping[str, Path], staging: Path) -> None:
        """After a failed upload: return if every file that failed is in the bucket with this content."""
        keys, log_text = existing_keys(call.errors)
        if not keys:
            raise self._error("upload", few(files), log_text, call.code)
        listed = [key for key in keys if key in files and is_listable(key)]
        changed = self._different(listed, staging) if listed else []
        if len(listed) < len(keys):
            for key in filter(is_listable, files):
                (staging / key).unlink()
            call = self._call([*COMPARE_ALL, str(staging), self._remote()], flags=NO_FAST_LIST)
            if call.code != 0:
                raise self._error("compare", few(keys), call.errors.decode(errors="replace"), call.code)
        if changed:
            what = "other content than on the volume, which never overwrites it"
            raise ContentConflict(f"{self}: {what}: {few(changed)}", changed)

    def _different(self, keys: Collection[str], staging: Path) -> Collection[str]:
        call = self._call([*COMPARE, str(staging), self._remote()], keys=keys)
        changed = different(call.output, keys)
        if changed is None:
            raise self._error("compare", few(keys), call.errors.decode(errors="replace"), call.code)
        return changed

    def _error(self, what: str, where: str, output: str, code: int) -> StoreError:
        return error_of(f"{self}: {what} {where}", output, code)
