"""Which snapshots may replace the active files: those in buckets, and the staged one on the volume."""

from __future__ import annotations

from collections.abc import Callable, Collection

from runtime.contracts.gate import GateConfig
from runtime.gate.lineage.active import ActiveFiles
from runtime.gate.lineage.ranking import active_ref, best_first, wins_over, without_future
from runtime.gate.lineage.state import LineageState
from runtime.gate.restore.staged import StagedSnapshot
from runtime.gate.snapshot.scan import REPLICATION_SECONDS, BucketScan, Snapshot, pairs

FLAGGED_SECONDS = 5.0
"""For each operation on the bucket of a flagged region."""
PEER_SECONDS = 15.0
"""For each operation on another region's bucket."""
BACK_OFF_SECONDS = 300.0
"""A standby's pause before it tries again a bucket that could not be read."""


class Candidates:
    """Scans buckets, and leaves those alone for a while that could not be read."""

    def __init__(self, active: ActiveFiles, staged: StagedSnapshot, monotonic: Callable[[], float]) -> None:
        self._active = active
        self._staged = staged
        self._monotonic = monotonic
        self._unreadable: dict[str, float] = {}

    def scan_for_promotion(
        self, config: GateConfig, flags: Collection[str], without: Collection[str]
    ) -> BucketScan:
        """All writers in all buckets except `without`; flagged regions with a short timeout, as clients
        wait."""
        buckets = [region for region in config.follows if region not in without]
        timeouts = {region: FLAGGED_SECONDS if region in flags else PEER_SECONDS for region in buckets}
        scanned = [pair for pair in pairs(config, config.follows, buckets) if pair[0] not in without]
        return self._active.scanner.scan(scanned, own=config.region, timeouts=timeouts, listing=True)

    def scan_for_standby(self, config: GateConfig) -> BucketScan:
        """Each writer's replica in the own bucket, and its own bucket, which counts when the replica is
        late."""
        now = self._monotonic()
        scanned = pairs(config, config.follows, [])
        scanned += [
            (region, region)
            for region in config.follows
            if region in config.buckets and self._unreadable.get(region, 0) <= now
        ]
        scan = self._active.scanner.scan(
            scanned,
            own=config.region,
            replica_delay=REPLICATION_SECONDS,
            timeouts=dict.fromkeys(config.follows, PEER_SECONDS),
        )
        for region in set(scan.errors) - {config.region}:
            self._unreadable[region] = now + BACK_OFF_SECONDS
        return scan

    def scan_own_bucket(self, config: GateConfig) -> BucketScan:
        """The writers' replicas in the own bucket alone."""
        return self._active.scanner.scan(pairs(config, config.follows, []), own=config.region)

    def winners(
        self, config: GateConfig, state: LineageState, scan: BucketScan, *, primary: bool
    ) -> list[Snapshot]:
        """The snapshots that win over the active files, the best first. `primary`: whether this region is."""
        state = without_future(state, scan.now)
        snapshots = [each for writer, each in scan.snapshots.items() if writer in config.follows]
        staged = self._staged.current()
        listed = [each.checkpoint.ref for each in snapshots]
        if staged is not None and staged.region in config.follows and staged.ref not in listed:
            snapshots.append(Snapshot(checkpoint=staged, buckets=()))
        active = active_ref(config, state, empty=self._active.volume.is_empty())
        return best_first(
            config,
            [
                each
                for each in snapshots
                if wins_over(config, state, active, each.checkpoint, primary=primary)
            ],
        )
