"""Simulated regions: each a volume, a coordinator with its uploads, and what a Brain writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol, cast

from runtime.contracts.gate import GateConfig
from runtime.gate.application import Application
from runtime.gate.handover.coordinator import Coordinator
from runtime.gate.handover.parts import Parts
from runtime.gate.handover.roles import Role, role_of
from runtime.gate.handover.status import MemoryStatus
from runtime.gate.lineage.state import LineageState, StateFiles
from runtime.gate.restore.staged import STAGED
from runtime.gate.restore.startup import restore
from runtime.gate.snapshot.upload import Uploader
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.bucket import Store
from runtime.gate.storage.errors import StoreError
from runtime.gate.storage.keys import prefix_of
from runtime.metrics import Metrics
from tests.gate.handover.memories import read, set_aside

COMPANY = "acme"
TABLE = f"{COMPANY}/episodic/episodic_memories.lance"
GRAPH = f"{COMPANY}/graph.json"


def config_of(region: str, order: Sequence[str], **changes: object) -> GateConfig:
    made = GateConfig(
        region=region,
        namespace=COMPANY,
        component="brain",
        order=tuple(order),
        follows=tuple(other for other in order if other != region),
        ranked=True,
        buckets={each: f"bucket-of-{each}" for each in order},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


class AnyBuckets(Protocol):
    def use(self, now: Callable[[], float], region: str, skew: float) -> None:
        """`now` is S3's clock; that of the region's node is wrong by `skew` seconds."""

    def of(self, region: str, holder: str, prefix: str, timeout: float | None = None) -> object:
        """A Store, for a gate in `region`, on the bucket of the region `holder`."""


class Clock:
    """Seconds since 1970, as the test has it; each region's may go wrong by its own amount."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


class Gate:
    """One region."""

    def __init__(
        self,
        region: str,
        root: Path,
        buckets: AnyBuckets,
        clock: Clock,
        order: Sequence[str],
        skew: float = 0.0,
        application: Application | None = None,
        **changes: object,
    ) -> None:
        """`skew`: by how many seconds its clock is wrong. `changes`: of its settings."""
        self.region = region
        self.root = root
        self.config = config_of(region, order, **changes)
        self.flags: frozenset[str] = frozenset()
        self.events: list[tuple[str, str]] = []
        self.rows = 0
        self._buckets = buckets
        buckets.use(lambda: clock.now, region, skew)
        self.time = clock
        self._application = application or Application(())
        self.skew = skew
        root.mkdir(parents=True, exist_ok=True)
        self.start()

    def start(self) -> None:
        """As its pod does: restore, then the gate."""
        restore(Volume(self.root, self.config.component), self.config, self.stores)
        self.start_gate()

    def start_gate(self) -> None:
        self.metrics = Metrics()
        self._uploader: Uploader | None = None
        self.volume = Volume(self.root, self.config.component)
        parts = Parts(
            volume=self.volume,
            config=lambda: self.config,
            stores=self.stores,
            uploaders=self._uploaders,
            application=self._application,
            record=self._record,
            metrics=self.metrics,
            clock=self.clock,
            monotonic=lambda: self.time.now,
        )
        self.coordinator = Coordinator(parts)

    def clock(self) -> float:
        return self.time.now + self.skew

    def stores(self, bucket: str, writer: str, timeout: float | None = None) -> Store:
        if bucket not in self.config.buckets:
            raise StoreError(f"no bucket in {bucket}")
        prefix = prefix_of(writer, self.config.namespace, self.config.component)
        return cast(Store, self._buckets.of(self.region, bucket, prefix, timeout))

    @property
    def role(self) -> Role:
        return role_of(self.config, self.flags)

    @property
    def ready(self) -> bool:
        return self.region not in self.flags and self.coordinator.why_not_ready(self.role) is None

    @property
    def state(self) -> LineageState:
        return StateFiles(self.root).load() or LineageState()

    def coordinate(self) -> MemoryStatus:
        return self.coordinator.round(self.role, self.flags)

    def upload(self) -> bool:
        """One pass; whether S3 let it."""
        try:
            return self.coordinator.upload(self.role) is not None
        except StoreError:
            return False

    def round(self, times: int = 1, seconds: float = 60.0) -> None:
        """What the worker does in an interval, so many times."""
        for _ in range(times):
            self.time.pass_by(seconds)
            self.coordinate()
            self.upload()

    def write(self, row: str | None = None) -> str:
        """A Brain stores one memory: a fragment of the table, its manifest, and an entry in the graph."""
        self.rows += 1
        row = row or f"{self.region}-{self.rows}"
        table = self.root / TABLE
        for folder in ("data", "_versions"):
            (table / folder).mkdir(parents=True, exist_ok=True)
        (table / "data" / f"{row}.lance").write_text(row)
        versions = sorted(int(file.stem) for file in (table / "_versions").iterdir())
        rows = json.loads((table / "_versions" / f"{versions[-1]}.manifest").read_text()) if versions else []
        version = versions[-1] + 1 if versions else 1
        (table / "_versions" / f"{version}.manifest").write_text(json.dumps([*rows, row]))
        graph = self.root / GRAPH
        messages = json.loads(graph.read_text()) if graph.exists() else {}
        graph.write_text(json.dumps({**messages, row: 1}))
        return row

    @property
    def memory(self) -> set[str]:
        """The rows that both the table and the graph have; what the table names must be there."""
        return rows_of(read(self.root))

    @property
    def staged(self) -> set[str]:
        """The rows of the staged snapshot."""
        folder = self.root / STAGED
        files = [file for file in folder.rglob("*") if file.is_file()]
        return rows_of({file.relative_to(folder).as_posix(): file.read_bytes() for file in files})

    @property
    def aside(self) -> set[str]:
        """The rows that are set aside on the volume: their fragment, and a graph that names them."""
        found = set_aside(self.root)
        fragments = {path.rpartition("/")[2].removesuffix(".lance") for path in found if "/data/" in path}
        return fragments & _in_graphs(self.root / "diverged")

    @property
    def now_alarm(self) -> str | None:
        return self.coordinator.now.alarm

    def messages(self, reason: str) -> list[str]:
        return [message for each, message in self.events if each == reason]

    def _uploaders(self, settings: GateConfig) -> Uploader:
        if self._uploader is None:
            self._uploader = Uploader(
                self.volume,
                self.stores(self.region, self.region),
                region=self.region,
                retention=settings.retention,
            )
        return self._uploader

    def _record(self, reason: str, message: str, warning: bool = False) -> None:
        self.events.append((reason, message))


def rows_of(files: dict[str, bytes]) -> set[str]:
    manifests = {int(path.rpartition("/")[2].split(".")[0]): path for path in files if "/_versions/" in path}
    if not manifests:
        return set()
    rows = set(json.loads(files[manifests[max(manifests)]]))
    fragments = {path.rpartition("/")[2].removesuffix(".lance") for path in files if "/data/" in path}
    assert rows <= fragments, f"the table names what is not there: {rows - fragments}"
    return rows & set(json.loads(files[GRAPH]))


def _in_graphs(folder: Path) -> set[str]:
    found: set[str] = set()
    for graph in folder.rglob("graph.json*"):
        with suppress(ValueError):
            found |= set(json.loads(graph.read_text()))
    return found
