"""What the rounds of all phases work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

from runtime.contracts.gate import GateConfig
from runtime.gate.application import Application
from runtime.gate.events import Condition, Record
from runtime.gate.handover.candidates import Candidates
from runtime.gate.handover.status import DIVERGED_UNSENT, VOLUME_TOO_SMALL, StatusBoard
from runtime.gate.handover.uploads import Uploads
from runtime.gate.lineage.active import ActiveFiles
from runtime.gate.lineage.state import StateFiles
from runtime.gate.restore.replacement import Replacement
from runtime.gate.restore.space import Space
from runtime.gate.restore.staged import StagedSnapshot
from runtime.gate.restore.staging import Staging
from runtime.gate.restore.swap import Swap
from runtime.gate.snapshot.ignored import IgnoredCheckpoints
from runtime.gate.snapshot.scan import Scanner
from runtime.gate.snapshot.upload import UploadPass
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.stores import Stores
from runtime.gate.storage.writer import WriterLock
from runtime.metrics import Metrics


@dataclass(frozen=True, kw_only=True)
class Parts:
    volume: Volume
    config: Callable[[], GateConfig]
    """The live config."""
    stores: Stores
    uploaders: Callable[[GateConfig], UploadPass]
    application: Application
    record: Record
    metrics: Metrics
    clock: Callable[[], float]
    """Seconds since 1970: for times that people read, or that other gates do."""
    monotonic: Callable[[], float]
    """Seconds: for how long something lasts. The other clock may be corrected meanwhile."""

    @cached_property
    def status(self) -> StatusBoard:
        return StatusBoard(self.metrics)

    @cached_property
    def writer(self) -> WriterLock:
        return WriterLock(self.volume.root)

    @cached_property
    def active(self) -> ActiveFiles:
        return ActiveFiles(
            volume=self.volume,
            records=StateFiles(self.volume.root),
            scanner=Scanner(
                self.stores,
                self.monotonic,
                known=self._known_generation,
                on_ignored=IgnoredCheckpoints(self.record, self.metrics),
            ),
            record=self.record,
        )

    def _known_generation(self) -> int:
        records = StateFiles(self.volume.root)
        if state := records.load():
            return state.highest
        checkpoint = records.uploaded() or records.restored()
        return checkpoint.id.generation if checkpoint else 0

    @cached_property
    def staging(self) -> Staging:
        staged = StagedSnapshot(self.volume, self.config().component)
        return Staging(staged=staged, scanner=self.active.scanner, stores=self.stores, record=self.record)

    @cached_property
    def swap(self) -> Swap:
        return Swap(
            self.volume,
            component=self.config().component,
            region=self.config().region,
            application=self.application,
            replicas=lambda: self.config().replicas,
            clock=self.clock,
        )

    @cached_property
    def uploads(self) -> Uploads:
        return Uploads(
            active=self.active,
            swap=self.swap,
            stores=self.stores,
            uploaders=self.uploaders,
            record=self.record,
            diverged=self._condition(DIVERGED_UNSENT, bad="DivergedFailed", good="DivergedRecovered"),
        )

    @cached_property
    def replacement(self) -> Replacement:
        return Replacement(
            active=self.active,
            staging=self.staging,
            swap=self.swap,
            space=Space(
                self.volume, self._condition(VOLUME_TOO_SMALL, bad="VolumeTooSmall", good="VolumeLargeEnough")
            ),
            lock=self.writer.held,
            upload=lambda config: self.uploads.run(config, primary=False),
            on_swap=self.status.set_swapping,
            record=self.record,
            metrics=self.metrics,
            clock=self.clock,
            monotonic=self.monotonic,
        )

    @cached_property
    def candidates(self) -> Candidates:
        return Candidates(self.active, self.staging.staged, self.monotonic)

    def _condition(self, metric: str, *, bad: str, good: str) -> Condition:
        return Condition(self, bad=bad, good=good, on_change=partial(self.status.report, metric))
