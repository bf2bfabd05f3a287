"""Test data is removed and the gate goes on uploading: on the test S3, with a simulated gate."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

import pytest

from ops import stack, terminal
from ops.aws import AwsAccess
from ops.drill import cleanup
from ops.drill.cleanup import Cleanup, entry_of
from ops.drill.observe.markers import Markers
from ops.errors import OperatorError
from ops.probing import test_data
from ops.probing.failure import Failure
from ops.terminal import rounds as real_rounds
from runtime.gate.snapshot.loss_guard import accepts, loss
from runtime.gate.storage.keys import CheckpointId
from tests.ops.snapshots import US, Snapshots

MARKERS = Markers(run="t1")
OURS = f"{MARKERS.company}/episodic/memories.lance/data/1.lance"
THEIRS = "acme/episodic/memories.lance/data/1.lance"
AT = 1_795_402_800_000


class Gate:
    """A Brain's pod: its volume, and its gate, which uploads once in each round of waiting."""

    namespace, region, component = "acme", US, "brain"

    def __init__(self, snapshots: Snapshots, files: dict[str, str]) -> None:
        self.snapshots, self.files = snapshots, dict(files)
        self.asked = 0
        self.removed_folders: list[Sequence[str]] = []
        self.loss_guard = 0.0
        self.standing_by = 0
        self.uploading = True
        self.also_lost: list[str] = []
        self.newest = snapshots.put(US, CheckpointId(generation=1, at=AT), self.files)

    def not_serving(self, namespace: str, region: str) -> str:
        self.standing_by -= 1
        return "it stands by" if self.standing_by >= 0 else ""

    def pod(self, namespace: str, region: str) -> Gate:
        assert (namespace, region) == ("acme", US)
        return self

    def run(self, script: str, argument: dict[str, Sequence[str]]) -> dict[str, list[str]]:
        assert script == "volume"
        folders = argument["remove"]
        self.removed_folders.append(folders)
        gone = [path for path in self.files if path.split("/")[0] in folders or path in self.also_lost]
        for path in gone:
            del self.files[path]
        return {"tables": sorted({path.rpartition("/data/")[0] for path in self.files if ".lance/" in path})}

    def metric(self, series: str) -> float:
        assert series == "agency_loss_guard"
        return self.loss_guard

    def report(self) -> str:
        return "its gate reports: no problem"

    def failure(self, cause: str) -> Failure:
        return Failure(cause, "kubectl logs")

    def copy(self) -> None:
        """A pass, as the gate makes it: nothing that looks like a loss, unless an request allows it."""
        if not self.uploading:
            return
        made = self.snapshots.put
        now = dict(self.files)
        shrunk = {path: one for path, one in self.newest.files.items() if path in now}
        if loss(self.newest, shrunk, lambda path: b"") is not None and not self._allowed():
            return
        if shrunk.keys() != self.newest.files.keys():
            self.newest = made(US, CheckpointId(generation=1, at=self.newest.id.at + 1000), now)

    def _allowed(self) -> bool:
        [request] = [key for key in self.snapshots.requests() if key.endswith("accept-shrink.json")] or [""]
        return bool(request) and accepts(json.dumps(self.snapshots.read(US, request)).encode(), self.newest)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(cleanup, "RETURN_SECONDS", 1.0)
    monkeypatch.setattr(test_data, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(
        cleanup, "Removal", lambda **arguments: test_data.Removal(upload_seconds=-119.0, **arguments)
    )


def forget(snapshots: Snapshots, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    def rounds(every: float, limit: float | None = None) -> Any:
        for passed in real_rounds(every, limit):
            yield passed
            gate.copy()

    monkeypatch.setattr(terminal, "rounds", rounds)
    known = stack.load(argparse.Namespace(config=snapshots.file, stack=None))
    brains: Any = gate
    Cleanup(known, AwsAccess(local=False, arguments={}), brains).remove_markers(entry_of(MARKERS, "acme", US))


def test_the_drill_s_table_is_removed_and_missing_in_the_next_snapshot(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(snapshots, {OURS: "ours", THEIRS: "theirs and more"})
    forget(snapshots, gate, monkeypatch)
    assert gate.files.keys() == {THEIRS}
    assert gate.newest.files.keys() == {THEIRS}
    assert gate.removed_folders == [[MARKERS.company, MARKERS.unknown_company]]


def test_a_removal_that_is_no_loss_needs_no_announcement(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(snapshots, {f"{MARKERS.company}/graph.json": "{}", THEIRS: "theirs and more"})
    forget(snapshots, gate, monkeypatch)
    gate.copy()
    assert gate.newest.files.keys() == {THEIRS}
    assert snapshots.requests() == []


def test_files_in_no_snapshot_are_just_removed(snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(snapshots, {THEIRS: "theirs"})
    gate.files[OURS] = "ours"
    forget(snapshots, gate, monkeypatch)
    assert gate.files.keys() == {THEIRS}
    assert snapshots.requests() == []


def test_the_drill_s_files_may_be_the_only_ones(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(snapshots, {OURS: "ours"})
    forget(snapshots, gate, monkeypatch)
    assert gate.newest.files == {}


def test_a_snapshot_made_just_before_the_removal_is_announced_too(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(snapshots, {OURS: "ours", THEIRS: "theirs and more"})
    removed = gate.run

    def run(script: str, argument: Any) -> Any:
        gate.newest = snapshots.put(US, CheckpointId(generation=1, at=AT + 500), gate.files)
        return removed(script, argument)

    monkeypatch.setattr(gate, "run", run)
    forget(snapshots, gate, monkeypatch)
    assert gate.newest.files.keys() == {THEIRS}


def test_another_loss_is_reported_and_not_announced(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(snapshots, {OURS: "ours", THEIRS: "theirs and more"})
    removed = gate.run

    def run(script: str, argument: Any) -> Any:
        gate.newest = snapshots.put(US, CheckpointId(generation=1, at=AT + 500), gate.files)
        return removed(script, argument)

    gate.also_lost = [THEIRS]
    monkeypatch.setattr(gate, "run", run)
    with pytest.raises(
        OperatorError, match=r"tables are missing on the volume: \['acme/episodic/memories.lance'\]"
    ):
        forget(snapshots, gate, monkeypatch)


def test_a_loss_that_the_guard_already_holds_is_never_accepted(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(snapshots, {OURS: "ours", THEIRS: "theirs and more"})
    gate.loss_guard = 1.0
    with pytest.raises(OperatorError, match="holds already"):
        forget(snapshots, gate, monkeypatch)
    assert OURS in gate.files and snapshots.requests() == []


def test_a_gate_that_uploads_nothing_is_reported_with_the_command_to_run(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(snapshots, {OURS: "ours", THEIRS: "theirs and more"})
    gate.uploading = False
    with pytest.raises(
        OperatorError, match=r"python -m ops accept-shrink --stack \S+ --company acme --region us"
    ):
        forget(snapshots, gate, monkeypatch)


def test_the_removal_waits_until_the_region_serves_and_leaves_a_standby_alone(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(snapshots, {OURS: "ours", THEIRS: "theirs and more"})
    gate.standing_by = 3
    forget(snapshots, gate, monkeypatch)
    assert gate.newest.files.keys() == {THEIRS}
    gate.standing_by = 10_000
    with pytest.raises(OperatorError, match=f"{MARKERS.company} of acme in us-east-1 is left: it stands by"):
        forget(snapshots, gate, monkeypatch)


def test_an_unreachable_pod_is_reported(snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(snapshots, {OURS: "ours"})

    def run(*_: object) -> str:
        raise OperatorError("exec in acme/brain-us-east-1-0: not found")

    monkeypatch.setattr(gate, "run", run)
    with pytest.raises(OperatorError, match="is left: exec in acme/brain-us-east-1-0: not found"):
        forget(snapshots, gate, monkeypatch)
