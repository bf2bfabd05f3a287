"""S3 replication: moto stores a bucket's replication rules but replicates nothing.

`ObjectReplication` wraps moto's application and sees each write: objects and delete markers. It reads the
bucket's rules at that moment, so objects that are older than a rule stay where they are, and passes on one
`Replica` for each destination. A replica keeps version id, time and metadata. It is written to moto's backend
directly, so it is never replicated again. The deletion of a version is not replicated (S3 user guide, "What
does Amazon S3 replicate?").
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
    """A replication rule cannot be applied; the message says which, and why."""


@dataclass(frozen=True, kw_only=True)
class Replica:
    """One version of an object, or one delete marker, to be replicated to another bucket."""

    source: str
    destination: str
    key: str
    version: str

    def apply(self) -> None:
        """Create the replica, unless it exists or the version has been deleted.

        Raises ReplicationError when the destination is not a versioned bucket.
        """
        backend = store()
        try:
            target = backend.get_bucket(self.destination)
            versions = backend.get_bucket(self.source).keys.getlist(self.key, [])
        except MissingBucket as error:
            raise ReplicationError(f"{self}: a bucket is missing") from error
        if not target.is_versioned:
            raise ReplicationError(f"{self}: the destination must have versioning")
        existing = target.keys.getlist(self.key, [])
        source = next((each for each in versions if each.version_id == self.version), None)
        if source is None or any(each.version_id == self.version for each in existing):
            return
        replica = _replica(backend, source, target)
        # Whatever the order of arrival, the version that was written last is the current version.
        target.keys.setlist(self.key, sorted([*existing, replica], key=lambda each: each.last_modified))


def store() -> S3Backend:
    """moto's S3 backend in this process."""
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


def replicas(bucket: str, key: str, version: str, *, marker: bool) -> list[Replica]:
    """The replicas of a new version, by the bucket's rules as they are now.

    Of the rules for one destination, the rule with the highest priority counts. Raises ReplicationError
    for a rule that is not supported here.
    """
    try:
        rules = (store().get_bucket_replication(bucket) or {}).get("Rule", [])
    except MissingBucket as error:
        raise ReplicationError(f"{key} was written to bucket {bucket}, which does not exist") from error
    if not rules:
        return []
    chosen: dict[str, Mapping[str, Any]] = {}
    for rule in sorted(rules, key=lambda rule: int(rule["Priority"])):
        if rule["Status"] == "Enabled" and key.startswith(_prefix(bucket, rule)):
            chosen[rule["Destination"]["Bucket"].removeprefix(_ARN)] = rule
    return [
        Replica(source=bucket, destination=destination, key=key, version=version)
        for destination, rule in sorted(chosen.items())
        if not marker or rule.get("DeleteMarkerReplication", {}).get("Status") == "Enabled"
    ]


def _prefix(bucket: str, rule: Mapping[str, Any]) -> str:
    if "Filter" not in rule or (rule["Filter"] or {}).keys() - {"Prefix"}:
        raise ReplicationError(
            f"rule {rule['ID']} of {bucket}: must have a `Filter` with nothing but a `Prefix`"
        )
    return (rule["Filter"] or {}).get("Prefix") or ""


class ObjectReplication:
    """The WSGI application `aws`; replicas of what its calls write are passed to `schedule`.

    moto's backend is not thread-safe: each call, and each creation of a replica, holds `lock`.
    """

    def __init__(self, aws: WsgiApp, schedule: Callable[[Replica], None], lock: Lock) -> None:
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
            for replica in replicas(bucket, key, version, marker=marker):
                self._schedule(replica)
        except ReplicationError as error:
            _log.error("not replicated: %s", error)


def _written(request: Request, response: Response) -> Iterator[tuple[str, str, bool]]:
    """Key and version of what a call wrote, and whether it is a delete marker.

    moto returns a version id when a call created the version, and when a call named the version by its id.
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
    for deleted in ElementTree.fromstring(answer).iterfind("{*}Deleted"):
        if marker := deleted.findtext("{*}DeleteMarkerVersionId"):
            yield deleted.findtext("{*}Key", ""), marker, True


def _split(path: str) -> tuple[str, str]:
    """Bucket and key. Clients of an endpoint URL have the bucket in the path."""
    bucket, _, key = path.removeprefix("/").partition("/")
    return bucket, key


@dataclass(order=True)
class _Due:
    at: float
    replica: Replica = field(compare=False)


class RandomDelay:
    """Creates each replica after a random delay of at most `seconds`, so in any order. Logs failures."""

    def __init__(self, seconds: float, lock: Lock) -> None:
        self._seconds = seconds
        self._lock = lock
        self._due: list[_Due] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="object replication", daemon=True).start()

    def __call__(self, replica: Replica) -> None:
        with self._changed:
            heapq.heappush(self._due, _Due(time.monotonic() + random.uniform(0, self._seconds), replica))
            self._changed.notify()

    def _run(self) -> None:
        while True:
            due = self._next()
            with self._lock:
                try:
                    due.apply()
                except Exception:  # later replicas must still be created
                    _log.exception("not replicated: %s", due)

    def _next(self) -> Replica:
        with self._changed:
            while not self._due or self._due[0].at > time.monotonic():
                self._changed.wait(self._due[0].at - time.monotonic() if self._due else None)
            return heapq.heappop(self._due).replica
