"""A memory's objects as they were at a time, from the old versions in its versioned bucket, and the repair of
what was overwritten, deleted or hidden since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.aws import calling
from ops.checkpoints import (
    CheckpointStore,
    Listing,
    Stored,
    UnreadableObject,
    all_names,
    milliseconds,
    read_object,
)
from ops.terminal import clock, plain, say
from ops.verification import each, has_hash
from runtime.gate.snapshot.checkpoint import LARGEST, Checkpoint, StoredFile
from runtime.gate.snapshot.checkpoint_changes import read_checkpoint
from runtime.gate.storage.keys import CHECKPOINTS, DATA, OBJECTS, CheckpointId, CheckpointName, Listed

SHOWN = 10
OVERWRITTEN = "overwritten since"
HIDDEN = "hidden by a delete marker"


@dataclass(frozen=True, kw_only=True)
class Version:
    id: str
    at: int
    """S3's time: UTC in milliseconds."""
    size: int
    latest: bool
    marker: bool
    """It says that the object was deleted."""


@dataclass(frozen=True, kw_only=True)
class Copy:
    """One object that is to be as it was: an old version is copied over what is there now."""

    key: str
    """In the bucket."""
    version: Version
    why: str


@dataclass(frozen=True, kw_only=True)
class Repair:
    """What makes a checkpoint whole again."""

    copies: Sequence[Copy]
    lost: Sequence[str]
    """Keys of which no version has the right content."""


class OldVersions:
    """Of all checkpoints and objects of a memory. Raises OperatorError when S3 does not answer."""

    def __init__(self, store: CheckpointStore, at: int) -> None:
        """`at`: UTC in milliseconds."""
        self.memory = store.memory
        self._client, self._at = store.client, at
        self._versions = {writer: self._list(writer) for writer in self.memory.writers}
        self._objects = {
            writer: {key: version for key in keys if (version := self._listed(writer, key))}
            for writer, keys in self._versions.items()
        }
        self._names: dict[tuple[str, CheckpointId], CheckpointName] = {
            (writer, id): name
            for writer, objects in self._objects.items()
            for id, name in all_names(objects).items()
        }

    def listing(self) -> Listing:
        """Of the checkpoints that were there at the time."""
        return Listing(store=self, objects=self._objects)

    def read(self, stored: Stored) -> Checkpoint:
        """As it was at the time. Raises ValueError for an invalid checkpoint."""
        return read_checkpoint(self._name(stored), lambda key: self._read_then(stored.writer, key))

    def repair(self, stored: Stored, checkpoint: Checkpoint) -> Repair:
        """Reads every object of the checkpoint, and old versions where the current one is wrong."""
        files = {file.key: file for file in checkpoint.files.values()}
        copies, lost = list[Copy](), list[str]()

        def search(file: StoredFile) -> tuple[str, Version | None]:
            return file.key, next(self._good(stored.writer, file), None)

        for key, version in each(search, list(files.values()), f"verifying {checkpoint.id}"):
            if version is None:
                lost.append(key)
            elif not version.latest:
                copies.append(self._copy(stored.writer, key, version))
        copies = [*sorted(copies, key=lambda copy: copy.key), *self._of_checkpoint(stored)]
        return Repair(copies=copies, lost=sorted(lost))

    def apply(self, repair: Repair) -> None:
        for number, copy in enumerate(repair.copies, start=1):
            bucket = self.memory.bucket
            source = {"Bucket": bucket, "Key": copy.key, "VersionId": copy.version.id}
            with calling(f"copying an old version to s3://{bucket}/{plain(copy.key)}", bucket):
                self._client.copy(source, bucket, copy.key)
            if number % 1000 == 0 or number == len(repair.copies):
                say(f"{number} of {len(repair.copies)} objects are as they were")

    def _good(self, writer: str, file: StoredFile) -> Iterator[Version]:
        """Versions with the right content: the current one first, then that of the time, then the others."""
        versions = [version for version in self._versions[writer].get(file.key, ()) if not version.marker]
        then = self._then(writer, file.key)
        versions.sort(key=lambda version: (not version.latest, version != then, -version.at))
        key = f"{self.memory.prefix_of(writer)}/{file.key}"
        for version in versions:
            if version.size == file.size and has_hash(
                self._client, self.memory.bucket, key, file, VersionId=version.id
            ):
                yield version

    def _of_checkpoint(self, stored: Stored) -> list[Copy]:
        """The checkpoint's own lists, last: they say that its objects are there."""
        name = self._name(stored)
        names = [CheckpointName(id=name.since), name] if name.since else [name]
        return [copy for each in names if (copy := self._of_list(stored.writer, each.key))]

    def _of_list(self, writer: str, key: str) -> Copy | None:
        then = self._then(writer, key)
        if then is None or then.latest:
            return None
        current = next((each for each in self._versions[writer][key] if each.latest), then)
        if not current.marker and self._read(writer, key, current) == self._read(writer, key, then):
            return None
        return self._copy(writer, key, then)

    def _name(self, stored: Stored) -> CheckpointName:
        return self._names.get((stored.writer, stored.id), CheckpointName(id=stored.id))

    def _copy(self, writer: str, key: str, version: Version) -> Copy:
        marked = any(each.latest and each.marker for each in self._versions[writer][key])
        return Copy(
            key=f"{self.memory.prefix_of(writer)}/{key}",
            version=version,
            why=HIDDEN if marked else OVERWRITTEN,
        )

    def _read_then(self, writer: str, key: str) -> bytes:
        version = self._then(writer, key)
        if version is None:
            raise UnreadableObject("it was not there at that time")
        return self._read(writer, key, version)

    def _read(self, writer: str, key: str, version: Version) -> bytes:
        key = f"{self.memory.prefix_of(writer)}/{key}"
        return read_object(self._client, self.memory.bucket, key, LARGEST, VersionId=version.id)

    def _then(self, writer: str, key: str) -> Version | None:
        """The version that was current at the time; None where there was no object."""
        before = [each for each in self._versions[writer].get(key, ()) if each.at <= self._at]
        newest = max(before, key=lambda each: (each.at, each.latest, not each.marker), default=None)
        return None if newest is None or newest.marker else newest

    def _listed(self, writer: str, key: str) -> Listed | None:
        version = self._then(writer, key)
        return None if version is None else Listed(version.size, version.at)

    def _list(self, writer: str) -> dict[str, list[Version]]:
        bucket, below = self.memory.bucket, f"{self.memory.prefix_of(writer)}/"
        found: dict[str, list[Version]] = {}
        for folder in (CHECKPOINTS, DATA, OBJECTS):
            with calling(f"listing the versions in s3://{bucket}/{below}{folder}/", bucket):
                pages = self._client.get_paginator("list_object_versions").paginate(
                    Bucket=bucket, Prefix=f"{below}{folder}/"
                )
                for page in pages:
                    for kind in ("Versions", "DeleteMarkers"):
                        for item in page.get(kind, ()):
                            found.setdefault(item["Key"].removeprefix(below), []).append(_version(item))
        return found


def _version(item: Mapping[str, Any]) -> Version:
    return Version(
        id=item["VersionId"],
        at=milliseconds(item["LastModified"]),
        size=item.get("Size", 0),
        latest=item["IsLatest"],
        marker="Size" not in item,
    )


def describe(repair: Repair, bucket: str) -> str:
    """What will be done, for the operator."""
    if not repair.copies:
        return "every object is as it was: nothing has to be repaired"
    counts = Counter(copy.why for copy in repair.copies)
    rows = [
        f"  {plain(copy.key)}: version {plain(copy.version.id)} of {clock(copy.version.at)} ({copy.why})"
        for copy in repair.copies[:SHOWN]
    ]
    more = [f"  … and {len(repair.copies) - SHOWN} more"] if len(repair.copies) > SHOWN else []
    what = ", ".join(f"{count} {why}" for why, count in sorted(counts.items()))
    head = f"{len(repair.copies)} objects of s3://{bucket} will be copied from their old versions ({what}):"
    return "\n".join([head, *rows, *more])
