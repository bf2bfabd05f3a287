"""What happens to a volume before the application starts.

An interrupted swap is finished; an empty volume is filled from the best complete snapshot; a `graph.json`
that does not parse is replaced by its newest good version.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from runtime.contracts.gate import GateConfig
from runtime.gate.application import Application
from runtime.gate.lineage.ancestry import Ancestry, is_covered
from runtime.gate.lineage.ranking import best_first
from runtime.gate.lineage.state import LineageState, StateFiles
from runtime.gate.restore.requests import may_begin_empty
from runtime.gate.restore.staged import StagedSnapshot, matches
from runtime.gate.restore.staging import Staging
from runtime.gate.restore.swap import Swap
from runtime.gate.restore.swap_state import SwapState, is_swapping
from runtime.gate.snapshot.checkpoint import StoredFile
from runtime.gate.snapshot.checkpoint_index import publish
from runtime.gate.snapshot.scan import BucketScan, Scanner, Snapshot, pairs
from runtime.gate.snapshot.volume import BROKEN_MARK, GATE_FOLDER, GRAPH, Volume, parses_graph
from runtime.gate.storage import durable
from runtime.gate.storage.errors import StoreError
from runtime.gate.storage.files import remove
from runtime.gate.storage.keys import ANNOUNCEMENT, few
from runtime.gate.storage.stores import Stores
from runtime.gate.storage.writer import restoring
from runtime.logs import log

PEER_SECONDS = 15.0
"""For each operation on another region's bucket."""


class RestoreError(Exception):
    """The volume cannot be made complete; the message has a line for each thing that is missing."""


def restore(volume: Volume, config: GateConfig, stores: Stores) -> None:
    """Raises RestoreError, and OSError when the volume fails, or another process writes to it."""
    with restoring(volume.root, lambda: not is_swapping(volume.root)) as is_writer:
        if is_writer:
            Startup(volume, config, stores).run()
        else:
            log("restore", message="the gate of another pod has the volume: its files are complete")


class Startup:
    def __init__(
        self, volume: Volume, config: GateConfig, stores: Stores, clock: Callable[[], float] = time.time
    ) -> None:
        self._volume = volume
        self._config = config
        self._stores = stores
        self._clock = clock
        self._known = 0
        self._scanner = Scanner(stores, known=lambda: self._known)
        self._records = StateFiles(volume.root)
        staged = StagedSnapshot(volume, config.component)
        self._staging = Staging(staged=staged, scanner=self._scanner, stores=stores, record=_record)
        self._swap = Swap(
            volume, component=config.component, region=config.region, application=Application(())
        )

    def run(self) -> None:
        if self._swap.state is not SwapState.NONE:
            log("restore", message="an interrupted swap is finished now")
        self._swap.activate()
        self._swap.finish()
        self._staging.staged.tidy()
        if not self._config.buckets:
            return
        if self._volume.is_empty():
            self._fill()
        else:
            self._repair_graphs()

    def _fill(self) -> None:
        scan = self._scan()
        if scan.ignored and not any(scan.listed.values()):
            # Each may have followed from one that was thinned out long ago.
            self._known = min(id.generation for id in scan.ignored)
            scan = self._scan()
        if self._config.region in scan.primaries:
            self._withdraw(scan)
        best = best_first(self._config, scan.snapshots.values())
        if not best and (scan.ignored or any(scan.listed.values())):
            lines = ["there are checkpoints, and none is complete:", *scan.incomplete, *_unreadable(scan)]
            if scan.ignored:
                lines.append(f"ignored: names that cannot be true: {few([str(id) for id in scan.ignored])}")
            raise RestoreError("\n".join(lines))
        if not best:
            self._begin(scan)
            return
        while not any(self._restore(scan, snapshot) for snapshot in best):
            again = self._scan()
            if not again.snapshots or again.snapshots == scan.snapshots:
                lines = [
                    "no complete checkpoint could be downloaded:",
                    *scan.incomplete,
                    *again.incomplete,
                    *_unreadable(again),
                ]
                raise RestoreError("\n".join(lines))
            # Damaged snapshots are no longer among them.
            scan, best = again, best_first(self._config, again.snapshots.values())

    def _begin(self, scan: BucketScan) -> None:
        """A new company. Raises RestoreError while a bucket that does not answer may have its files."""
        if scan.errors and not self._may_begin_empty():
            lines = [
                "the volume is empty, and a bucket that may have the company's files does not answer:",
                *_unreadable(scan),
                "It is tried again. If no bucket has files of the company, or they may be lost, say so with",
                "`python -m ops accept-shrink --empty`.",
            ]
            raise RestoreError("\n".join(lines))
        log("restore", message="no bucket has a checkpoint: a new company")
        self._records.save(LineageState(ranked=self._config.ranked))

    def _may_begin_empty(self) -> bool:
        own = self._config.region
        try:
            return may_begin_empty(self._stores(own, own), self._clock())
        except StoreError as error:
            log("restore", level="warning", message=str(error))
            return False

    def _withdraw(self, scan: BucketScan) -> None:
        """The announcement of the gate that lost this volume: nothing is left of which the last upload could
        be awaited."""
        store = self._stores(self._config.region, self._config.region)
        try:
            store.delete([ANNOUNCEMENT])
            publish(store, known=scan.highest_generation, serving=False)
        except StoreError as error:
            log("restore", level="warning", message=f"the announcement could not be withdrawn: {error}")

    def _restore(self, scan: BucketScan, snapshot: Snapshot) -> bool:
        if not self._staging.stage(snapshot):
            return False
        config, winner = self._config, snapshot.checkpoint
        before = self._records.load() or LineageState(seen=scan.highest_generation)
        after = replace(before, generation=0, base=None)
        after = after.restored_from(winner, ranked=config.ranked, now=self._clock())
        after = replace(after, swapped_at=None, seen=max(after.seen, scan.highest_generation))
        own = scan.snapshots.get(config.region)
        after = after.after_request(own.checkpoint if own else None)
        covered = own is None or is_covered(own.checkpoint, winner, self._scanner.resolve)
        diverged = None if own is None or covered else own.checkpoint
        self._swap.prepare(
            winner, before=before, after=after, ancestry=Ancestry(known=None, diverged=diverged)
        )
        self._swap.activate()
        self._swap.finish()
        message = f"restored {winner.region}'s checkpoint {winner.id}"
        log("restore", message=message, files=len(winner.files))
        return True

    def _scan(self) -> BucketScan:
        """All writers in all buckets. Raises RestoreError when the own bucket cannot be read."""
        config, own = self._config, self._config.region
        writers = list(dict.fromkeys([own, *config.follows]))
        timeouts = {region: PEER_SECONDS for region in config.buckets if region != own}
        scan = self._scanner.scan(pairs(config, writers, list(config.buckets)), own=own, timeouts=timeouts)
        if own in scan.errors:
            raise RestoreError(f"the own bucket cannot be read: {scan.errors[own]}")
        return scan

    def _repair_graphs(self) -> None:
        """A Brain would take a graph that does not parse for an empty one, and save that."""
        broken = [
            path
            for path in self._volume.scan()
            if path.endswith(f"/{GRAPH}") and not parses_graph(self._volume.root / path)
        ]
        if not broken:
            return
        snapshots = self._scan().snapshots
        others = [snapshot for writer, snapshot in snapshots.items() if writer != self._config.region]
        own = [snapshot for writer, snapshot in snapshots.items() if writer == self._config.region]
        for path in broken:
            versions = _versions(path, [*own, *best_first(self._config, others)])
            if not any(self._repair(path, file, snapshot) for snapshot, file in versions):
                message = f"{path} does not parse, and no complete checkpoint names it: it stays as it is"
                log("restore", level="warning", message=message)

    def _repair(self, path: str, file: StoredFile, snapshot: Snapshot) -> bool:
        target = self._volume.root / path
        downloads = self._volume.root / GATE_FOLDER / "mended"
        checkpoint = snapshot.checkpoint
        for bucket in snapshot.buckets:
            try:
                self._stores(bucket, checkpoint.region).download([file.key], downloads)
            except StoreError as error:
                log("restore", level="warning", message=f"{path} could not be downloaded: {error}")
                continue
            good = downloads / file.key
            if not matches(good, file) or not parses_graph(good):
                continue
            durable.sync_file(good)
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
            damaged = target.with_name(f"{target.name}{BROKEN_MARK}{stamp}")
            if not damaged.exists():
                shutil.copyfile(target, damaged)  # Not moved: the file's name always exists.
                durable.sync_file(damaged)
            os.replace(good, target)
            durable.sync_folder(target.parent)
            remove(downloads)
            message = f"{path} did not parse: replaced by the one of {checkpoint.region}'s {checkpoint.id}"
            log("restore", level="warning", message=f"{message}; the damaged file is beside it")
            return True
        return False


def _versions(path: str, snapshots: list[Snapshot]) -> Iterator[tuple[Snapshot, StoredFile]]:
    return ((each, file) for each in snapshots if (file := each.checkpoint.files.get(path)) is not None)


def _unreadable(scan: BucketScan) -> list[str]:
    return [f"the bucket of {region} could not be read: {error}" for region, error in scan.errors.items()]


def _record(reason: str, message: str, warning: bool = False) -> None:
    log("restore", level="warning" if warning else "info", reason=reason, message=message)
