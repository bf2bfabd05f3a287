"""`python -m ops drill`: what it refuses, asks, writes and ends with; the platform exists in virtual time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops.__main__ import main, parser
from ops.drill import run as drill_run
from ops.drill.faults.gray import GrayFault
from ops.drill.faults.kinds import FaultKind
from ops.drill.faults.node import NodeFault
from ops.drill.faults.scaling import ScaleFault
from ops.drill.faults.zone import ZoneFault
from ops.drill.journal import Entry, Journal
from ops.drill.target import Target
from ops.errors import CHECK_FAILED, DONE, FAILED, INTERRUPTED, WRONG_CALL, OperatorError
from tests.drill.commands import LOSS, Cleanups, Command
from tests.drill.scenarios import US, scenario
from tests.drill.simulated import Sabotage


def test_a_drill_whose_promises_hold_ends_with_0_a_document_and_a_page(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run("--region", US) == DONE
    [report] = command.reports()
    assert (report["ok"], report["region"], report["stack"]) == (True, US, "local")
    [page] = command.pages()
    said = capsys.readouterr().out
    assert str(page) in said
    assert "every promise held" in said
    assert "acme, globex, hooli" in said
    assert [line for line in said.splitlines() if "s  flag set" in line]


def test_a_drill_with_a_broken_promise_ends_with_6_and_the_reason(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    command.sabotage = [Sabotage(readiness_ignores_the_flag=True)]
    assert command.run("--region", US) == CHECK_FAILED
    [report] = command.reports()
    assert report["ok"] is False
    said = capsys.readouterr().out
    assert "readiness ignores the flag" in said
    assert "not observed" in said


def test_an_unhealthy_stack_is_not_touched(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    command.sabotage = [Sabotage(copies_nothing=True)]
    assert command.run("--region", US) == FAILED
    assert "nothing was done" in capsys.readouterr().err
    target = command.target
    assert target is not None
    assert [fault.injected for fault in target.faults] == [0]
    [report] = command.reports()
    assert (report["ok"], report["runs"]) == (False, [])
    assert "is in no snapshot" in report["problems"][0]


def test_all_runs_of_all_faults_are_in_one_report(command: Command) -> None:
    assert command.run("--region", US, "--way", "all", "--runs", "2") == DONE
    target = command.target
    assert target is not None
    assert target.kinds == [*FaultKind, *FaultKind]
    [report] = command.reports()
    assert [run["way"] for run in report["runs"]] == [*FaultKind, *FaultKind]
    assert set(report["distribution"]) == {"all", *FaultKind}
    spans = {one["what"]: one for one in report["distribution"]["all"]}
    assert spans["client without an answer, outage"]["runs"] == 8
    assert spans["move to another zone to answers"]["runs"] == 2


def test_a_run_that_cannot_begin_ends_the_drill_and_the_report_keeps_the_others(command: Command) -> None:
    command.sabotage = [Sabotage(), Sabotage(copies_nothing=True)]
    assert command.run("--region", US, "--runs", "3") == CHECK_FAILED
    [report] = command.reports()
    assert (report["ok"], len(report["runs"])) == (False, 1)
    assert report["problems"][0].startswith("run 2 (scale): nothing was done")


def test_markers_are_removed_and_the_journal_is_empty(command: Command) -> None:
    assert command.run("--region", US) == DONE
    target = command.target
    assert target is not None
    assert [entry["namespace"] for entry in target.cleanup.entries] == ["acme", "globex"]
    assert {one["region"] for one in target.cleanup.entries} == {US}
    assert target.journal.entries() == []
    assert target.forwards.closed


def test_markers_that_could_not_be_removed_are_left_to_the_next_drill(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Cleanups, "remove_markers", refuse)
    assert command.run("--region", US) == DONE
    assert "the next drill removes the markers of this one: it stands by" in capsys.readouterr().out
    left = Journal(command.folder / "state" / "drill.json").entries()
    assert [one["namespace"] for one in left] == ["acme", "globex"]
    monkeypatch.undo()


def refuse(self: Cleanups, entry: Entry) -> None:
    raise OperatorError("it stands by")


def test_the_last_serving_region_needs_an_option(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    command.refusal = "nothing was done: us-east-1 is the last region that serves"
    assert command.run("--region", US) == FAILED
    assert command.refusal in capsys.readouterr().err
    assert command.reports() == []
    assert command.run("--region", US, "--last-serving") == DONE


@pytest.mark.parametrize("way", ["node", "zone", "network"])
def test_nodes_are_stopped_on_the_local_target_alone(
    command: Command, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run("--region", US, "--way", way, stack="staging") == WRONG_CALL
    assert f"--way {way}: only on the local target" in capsys.readouterr().err


def test_a_region_with_nodes_in_one_zone_cannot_lose_one(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    command.nodes = 1
    why = f"zone: {US} has nodes in one zone ({US}a)"
    assert command.run("--region", US, "--way", "zone") == WRONG_CALL
    assert f"--way {why}" in capsys.readouterr().err
    assert command.run("--region", US, "--way", "all") == DONE
    assert f"left out: {why}" in capsys.readouterr().out


def test_on_other_stacks_all_faults_are_those_that_are_possible(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run("--region", US, "--way", "all", "--yes", stack="staging") == DONE
    target = command.target
    assert target is not None
    assert target.kinds == [FaultKind.SCALE, FaultKind.GRAY]
    said = capsys.readouterr().out
    assert "left out: node, zone, network: only on the local target (stack local)" in said


def test_what_an_earlier_drill_has_left_is_put_back_first(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    (command.folder / "state").mkdir()
    journal = Journal(command.folder / "state" / "drill.json")
    journal.add({"what": "memories", "namespace": "acme", "region": US, "companies": ["drill-0"]})
    assert command.run("--region", US) == DONE
    said = capsys.readouterr().out
    assert "an earlier drill has not put back all of its changes" in said
    assert said.index("the markers that a drill had stored for acme are removed") < said.index("run 1 of 1")
    assert journal.entries() == []


def test_a_remaining_fault_stops_the_next_drill_and_remaining_markers_do_not(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (command.folder / "state").mkdir()
    journal = Journal(command.folder / "state" / "drill.json")
    stored = {"what": "memories", "namespace": "acme", "region": US, "companies": ["drill-0"]}
    gone = {**stored, "namespace": "initech"}
    for entry in (stored, gone, {"what": "of another version"}):
        journal.add(entry)
    assert command.run("--region", US) == FAILED
    assert "an entry of another version" in capsys.readouterr().err
    assert len(journal.entries()) == 3
    journal.remove({"what": "of another version"})
    with monkeypatch.context() as patched:
        patched.setattr(Cleanups, "remove_markers", refuse)
        command.run("--restore")
    assert journal.entries() == [stored]
    said = capsys.readouterr().out
    assert "the next drill tries again: it stands by" in said
    assert "initech, for which a drill had stored markers, is no company any more" in said


def test_restore_does_nothing_else(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run("--restore") == DONE
    assert "there is nothing to put back" in capsys.readouterr().out
    assert command.reports() == []


def test_an_interrupted_drill_puts_everything_back_and_reports_it(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(self: drill_run.Run) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(drill_run.Run, "_observe_outage", interrupted)
    assert command.run("--region", US) == INTERRUPTED
    target = command.target
    assert target is not None
    assert [(fault.injected, fault.removed) for fault in target.faults] == [(1, 1)]
    assert [entry["namespace"] for entry in target.cleanup.entries] == ["acme", "globex"]
    assert "interrupted; the region is as it was\n" in capsys.readouterr().err
    [report] = command.reports()
    assert report["problems"] == ["run 1 (scale) was interrupted; everything was put back"]


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        ([], "--region: missing (required), unless --restore is set"),
        (["--region", "us-west-2"], "--region: us-west-2 is not in"),
        (["--region", US, "--company", "initech"], "--company: initech is not in"),
    ],
)
def test_a_wrong_call_is_rejected_with_what_is_allowed(
    command: Command, argv: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(*argv) == WRONG_CALL
    assert text in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["--runs", "0"], ["--runs", "x"], ["--way", "fire"]])
def test_invalid_values_of_options_are_rejected(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["drill", "--region", US, *argv])
    assert ended.value.code == WRONG_CALL
    assert argv[0] in capsys.readouterr().err


def test_without_a_local_target_no_file_is_created(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "nothing"
    assert main(["drill", "--region", US, "--state", str(state)]) == FAILED
    assert f"the local target does not run ({state}): start it with `make up`" in capsys.readouterr().err
    assert not state.exists()


def test_each_kind_of_fault_has_its_class(tmp_path: Path) -> None:
    known: Any = type("Stack", (), {"name": "local"})()
    clusters: Any = {US: None}
    target = Target(
        stack=known,
        state=tmp_path,
        clusters=clusters,
        access=None,  # type: ignore[arg-type]
        forwards=None,  # type: ignore[arg-type]
        edges={},
        journal=Journal(tmp_path / "drill.json"),
        progress=print,
    )
    lost = replace(scenario(), loss=LOSS)
    made = {way: type(target.fault(way, lost)) for way in FaultKind}
    assert made == {
        FaultKind.SCALE: ScaleFault,
        FaultKind.GRAY: GrayFault,
        FaultKind.NODE: NodeFault,
        FaultKind.ZONE: ZoneFault,
        FaultKind.NETWORK: NodeFault,
    }
