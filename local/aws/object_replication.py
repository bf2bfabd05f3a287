"""What S3 does with a bucket's replication rules, for an emulator that only stores them.

`ObjectReplication` stands before moto's own application and sees what was written: objects that were put,
copied or completed, and delete markers. For each it reads the bucket's rules as they are at that moment, so
what was there before a rule stays where it is, and hands over one `Copy` for each destination. A `Copy` is
applied to moto's own store: a replica keeps its version, time and metadata, and as it passes no application,
it is never replicated again. Deleting a version is not replicated (source: S3 user guide, "What does Amazon
S3 replicate?").
"""

from __future__ import annotations

import copy
import heapq
import io
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.exceptions import MissingBucket
from moto.s3.models import FakeDeleteMarker, FakeKey, S3Backend, s3_backends
from werkzeug.wrappers import Request, Response

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Lock = AbstractContextManager[Any]

_log = logging.getLogger(__name__)
_ARN = "arn:aws:s3:::"


class ReplicationError(Exception):
    """A rule that can't be followed; the message says which, and why."""


@dataclass(frozen=True, kw_only=True)
class Copy:
    """One version of an object, or one delete marker, that a rule sends to another bucket."""

    source: str
    destination: str
    key: str
    version: str

    def apply(self) -> None:
        """Make the replica unless it is there; nothing when the version is gone meanwhile.

        Raises ReplicationError when the destination is no versioned bucket.
        """
        backend = store()
        try:
            target = backend.get_bucket(self.destination)
            versions = backend.get_bucket(self.source).keys.getlist(self.key, [])
        except MissingBucket as error:
            raise ReplicationError(f"{self}: a bucket is missing") from error
        if not target.is_versioned:
            raise ReplicationError(f"{self}: the destination keeps no versions")
        there = target.keys.getlist(self.key, [])
        found = [one for one in versions if one.version_id == self.version]
        if not found or any(one.version_id == self.version for one in there):
            return
        replica = _replica(backend, found[0], target)
        # Whatever the order of arrival, the version that was written last is the current one.
        target.keys.setlist(self.key, sorted([*there, replica], key=lambda one: one.last_modified))


def store() -> S3Backend:
    """Moto's S3 of this process."""
    backend: S3Backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    return backend


def _replica(backend: S3Backend, source: FakeKey | FakeDeleteMarker, target: Any) -> Any:
    replica = copy.copy(source)
    if isinstance(source, FakeKey) and isinstance(replica, FakeKey):
        replica.bucket_name = target.name
        replica.region_name = target.region_name
        replica._metadata = copy.copy(source.metadata)
        backend.tagger.copy_tags(source.arn, replica.arn)
    return replica


def copies(bucket: str, key: str, version: str, *, marker: bool) -> list[Copy]:
    """What the bucket's rules, as they are now, do with a version that was just written.

    Of the rules for one destination, the one with the highest priority counts. Raises ReplicationError for a
    rule of a kind that is not supported here.
    """
    try:
        rules = (store().get_bucket_replication(bucket) or {}).get("Rule", [])
    except MissingBucket as error:
        raise ReplicationError(f"{key} was written to a bucket {bucket} that is not there") from error
    if not rules:
        return []
    chosen: dict[str, Mapping[str, Any]] = {}
    for rule in sorted(rules, key=lambda one: int(one["Priority"])):
        if rule["Status"] == "Enabled" and key.startswith(_prefix(bucket, rule)):
            chosen[rule["Destination"]["Bucket"].removeprefix(_ARN)] = rule
    return [
        Copy(source=bucket, destination=destination, key=key, version=version)
        for destination, rule in sorted(chosen.items())
        if not marker or rule.get("DeleteMarkerReplication", {}).get("Status") == "Enabled"
    ]


def _prefix(bucket: str, rule: Mapping[str, Any]) -> str:
    if "Filter" not in rule or (rule["Filter"] or {}).keys() - {"Prefix"}:
        raise ReplicationError(
            f"rule {rule['ID']} of {bucket}: only a `Filter` with nothing but a `Prefix` is supported"
        )
    return (rule["Filter"] or {}).get("Prefix") or ""


class ObjectReplication:
    """`aws`, with each copy that its buckets' rules ask for handed to `schedule`.

    `lock` is held during each call, for moto's store knows no threads; whoever applies a copy holds it too.
    """

    def __init__(self, aws: WsgiApp, schedule: Callable[[Copy], None], lock: Lock) -> None:
        self._aws = aws
        self._schedule = schedule
        self._lock = lock

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        # Read first: a slow sender must not hold the lock.
        body = Request(environ).get_data(cache=False)
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ.update({"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})
        request = Request(environ)
        with self._lock:
            response = Response.from_app(self._aws, environ, buffered=True)
            for key, version, marker in _written(request, response):
                self._replicate(_split(request.path)[0], key, version, marker)
        return response(environ, start_response)

    def _replicate(self, bucket: str, key: str, version: str, marker: bool) -> None:
        try:
            for one in copies(bucket, key, version, marker=marker):
                self._schedule(one)
        except ReplicationError as error:
            _log.error("not replicated: %s", error)


def _written(request: Request, response: Response) -> Iterator[tuple[str, str, bool]]:
    """Key and version of what a call wrote, and whether it is a delete marker.

    Moto names a version where a call made it, and where a call asked for it by its id.
    """
    if response.status_code >= 300 or request.method not in {"PUT", "POST", "DELETE"}:
        return
    key = _split(request.path)[1]
    version = response.headers.get("x-amz-version-id")
    if request.method == "POST" and not key and "delete" in request.args:
        yield from _markers(response.get_data())
    elif version not in (None, "null") and "versionId" not in request.args:
        yield key, version, request.method == "DELETE"


def _markers(answer: bytes) -> Iterator[tuple[str, str, bool]]:
    for one in ElementTree.fromstring(answer).iterfind("{*}Deleted"):
        if marker := one.findtext("{*}DeleteMarkerVersionId"):
            yield one.findtext("{*}Key", ""), marker, True


def _split(path: str) -> tuple[str, str]:
    """Bucket and key; buckets stand in the path, as a client does it that knows the API by its address."""
    bucket, _, key = path.removeprefix("/").partition("/")
    return bucket, key


@dataclass(order=True)
class _Due:
    at: float
    copy: Copy = field(compare=False)


class Later:
    """Applies each copy after a random delay of at most `seconds`, so in no order. What fails is logged."""

    def __init__(self, seconds: float, lock: Lock) -> None:
        self._seconds = seconds
        self._lock = lock
        self._due: list[_Due] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="object replication", daemon=True).start()

    def __call__(self, copy: Copy) -> None:
        with self._changed:
            heapq.heappush(self._due, _Due(time.monotonic() + random.uniform(0, self._seconds), copy))
            self._changed.notify()

    def _run(self) -> None:
        while True:
            due = self._next()
            with self._lock:
                try:
                    due.apply()
                except Exception:  # whatever it is, the copies after it are still to be made
                    _log.exception("not replicated: %s", due)

    def _next(self) -> Copy:
        with self._changed:
            while not self._due or self._due[0].at > time.monotonic():
                self._changed.wait(self._due[0].at - time.monotonic() if self._due else None)
            return heapq.heappop(self._due).copy
