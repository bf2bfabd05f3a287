"""Buckets in this process: what `runtime.gate.storage.bucket.Store` does, without rclone, for long histories.

They replicate as S3 does: what was written, some time later, in no order.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from runtime.gate.storage.errors import StoreError, Unreachable
from runtime.gate.storage.keys import Listed
from runtime.gate.storage.server_clock import UNREPORTED_SECONDS


class Buckets:
    """One bucket a region. Whoever writes, writes below its own region's prefix."""

    def __init__(self, regions: Collection[str], seed: int = 0) -> None:
        self.now: Callable[[], float] = lambda: 0.0
        """S3's clock, in seconds."""
        self.objects: dict[str, dict[str, bytes]] = {region: {} for region in regions}
        self.under_way: list[tuple[str, str, bytes | None]] = []
        """To which region, which key, what; None deletes."""
        self.wrong: dict[str, float] = {}
        """By how many seconds a region takes S3's time wrongly."""
        self.cut: set[tuple[str, str]] = set()
        """A region, and the region whose bucket it cannot reach."""
        self.at: dict[str, int] = {}
        """S3's time of the last write of each key, in milliseconds; of others now."""
        self.random = random.Random(seed)
        self.listings: list[str] = []
        """What was listed, in order."""

    def use(self, now: Callable[[], float], region: str, skew: float) -> None:
        self.now = now
        self.wrong[region] = max(-UNREPORTED_SECONDS, min(skew, UNREPORTED_SECONDS))

    def write(self, region: str, key: str, data: bytes | None) -> None:
        assert key.startswith(f"{region}/")
        self.at[key] = int(self.now() * 1000)
        if data is None:
            self.objects[region].pop(key, None)
        else:
            self.objects[region][key] = data
        self.under_way += [(other, key, data) for other in self.objects if other != region]

    def replicate(self, count: int | None = None) -> None:
        """So many of what is under way, in no order; all, if not said."""
        for _ in range(len(self.under_way) if count is None else min(count, len(self.under_way))):
            self.apply(self.under_way[self.random.randrange(len(self.under_way))])

    def apply(self, one: tuple[str, str, bytes | None]) -> None:
        """Of several writes to one key the last stays the current one, whenever it arrives."""
        to, key, data = next(other for other in self.under_way if other[:2] == one[:2])
        self.under_way.remove((to, key, data))
        if data is None:
            self.objects[to].pop(key, None)
        else:
            self.objects[to][key] = data

    def of(self, region: str, holder: str, prefix: str, timeout: float | None = None) -> BucketStore:
        return BucketStore(self, region, holder, prefix)


class BucketStore:
    """As a gate in `region` sees the bucket of the region `holder`."""

    def __init__(self, buckets: Buckets, region: str, holder: str, prefix: str) -> None:
        self._buckets = buckets
        self._region = region
        self._holder = holder
        self.prefix = prefix
        self.bucket = self.region = holder

    def __str__(self) -> str:
        return f"s3://{self._holder}/{self.prefix}"

    def list(self, folder: str = "") -> dict[str, int]:
        below = f"{self.prefix}/{folder}/" if folder else f"{self.prefix}/"
        self._buckets.listings.append(below)
        cut = len(self.prefix) + 1
        return {key[cut:]: len(data) for key, data in self._reach().items() if key.startswith(below)}

    def listing(self, folder: str = "") -> dict[str, Listed]:
        at, now = self._buckets.at, int(self.now() * 1000)
        return {
            key: Listed(size, at.get(f"{self.prefix}/{key}", now)) for key, size in self.list(folder).items()
        }

    def now(self) -> float:
        """As far as rclone tells: it mentions no difference of less than five minutes."""
        return self._buckets.now() + self._buckets.wrong.get(self._region, 0.0)

    def read(self, key: str) -> bytes:
        found = self._reach().get(f"{self.prefix}/{key}")
        if found is None:
            raise StoreError(f"{self}: not there: {key}")
        return found

    def find(self, key: str) -> bytes | None:
        return self._reach().get(f"{self.prefix}/{key}")

    def heads(self, keys: Collection[str]) -> dict[str, Listed]:
        at, now = self._buckets.at, int(self.now() * 1000)
        return {key: Listed(len(self.read(key)), at.get(f"{self.prefix}/{key}", now)) for key in keys}

    def hashes(self, keys: Collection[str]) -> dict[str, str]:
        there = {key for key in keys if f"{self.prefix}/{key}" in self._reach()}
        return {key: hashlib.sha256(self.read(key)).hexdigest() for key in there}

    def download(self, keys: Collection[str], into: Path) -> None:
        for key in keys:
            data = self.read(key)
            (into / key).parent.mkdir(parents=True, exist_ok=True)
            (into / key).write_bytes(data)

    def upload(self, files: Mapping[str, Path], staging: Path, *, root: Path) -> None:
        for key, path in files.items():
            self.put(key, path.read_bytes())

    upload_anew = upload

    def put(self, key: str, data: bytes) -> None:
        self._reach()
        self._buckets.write(self._region, f"{self.prefix}/{key}", data)

    def delete(self, keys: Collection[str]) -> None:
        self._reach()
        for key in keys:
            self._buckets.write(self._region, f"{self.prefix}/{key}", None)

    def _reach(self) -> dict[str, bytes]:
        if (self._region, self._holder) in self._buckets.cut:
            raise Unreachable(f"{self}: no route")
        return self._buckets.objects[self._holder]
