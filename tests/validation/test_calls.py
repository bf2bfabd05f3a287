"""Calls that are refused, questions that are asked, and what an interruption leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest

from local.machine.procfs import environment
from ops.__main__ import main
from ops.errors import FAILED, INTERRUPTED, NOT_CONFIRMED, WRONG_CALL, OperatorError
from tests.ops.snapshots import EU, US, stack_file
from tests.services import until
from tests.validation.process_runs import application

BRAIN, MONITOR = application("brain"), application("health-monitor")


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        (["--brain", "x"], "--health-monitor: missing"),
        (["--health-monitor", "x"], "--brain: missing"),
        (
            ["--brain", "x", "--health-monitor", "y", "--stack", "dev"],
            "--stack: must not be set with",
        ),
        (
            ["--brain", "x", "--health-monitor", "y", "--destructive"],
            "--destructive: must not be set",
        ),
        (
            ["--brain", "x", "--health-monitor", "y", "--companies", "a", "a"],
            "--companies: must be two companies or more; got one",
        ),
        (["--stack", "no-such"], "--stack: no file Pulumi.no-such.yaml"),
    ],
)
def test_a_call_that_means_two_things_or_half_of_one_is_refused(
    more: list[str], cause: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["validate", "--out", str(tmp_path / "out"), *more]) == WRONG_CALL
    assert cause in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


class Asked:
    """A terminal at which nobody says yes, and no cluster behind the stack file."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self.questions = folder, list[str]()
        monkeypatch.setattr("builtins.input", self._answer)
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("ops.validate.targets_of", self._targets)

    def run(self, stack: str, *more: str, companies: Sequence[Any] = ("acme", "globex")) -> int:
        regions = [{"name": one, "endpoint": f"{one}.example.com"} for one in (US, EU)]
        file = stack_file(self._folder, stack, regions=regions, companies=list(companies))
        return main(["validate", "--config", str(file), "--out", str(self._folder / "out"), *more])

    def _answer(self, question: str) -> str:
        self.questions.append(question)
        return "n"

    def _targets(self, *arguments: object) -> NoReturn:
        raise OperatorError("the clusters are reached")


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(tmp_path, monkeypatch)


@pytest.mark.parametrize("stack", ["prod", "staging", "live"])
def test_what_disturbs_is_asked_for_on_every_stack_but_local(asked: Asked, stack: str) -> None:
    companies = [{"name": "acme", "protect": True}, "globex"]
    assert asked.run(stack, "--destructive", companies=companies) == NOT_CONFIRMED
    (question,) = asked.questions
    assert question.startswith(
        f"Stack {stack}: Brains and nodes restart, and the Brains' volumes are deleted"
    )
    assert f"in {US}, {EU}. This disturbs 2 companies; protected: acme. Go on?" in question


def test_local_is_asked_for_where_a_company_is_protected(asked: Asked) -> None:
    assert asked.run("local", "--destructive") == FAILED
    assert asked.questions == []
    companies = ["acme", {"name": "globex", "protect": True}]
    assert asked.run("local", "--destructive", companies=companies) == NOT_CONFIRMED
    assert len(asked.questions) == 1


def test_a_protected_neighbour_on_the_same_nodes_is_asked_for_too(asked: Asked) -> None:
    companies = [{"name": "acme", "regions": [US]}, {"name": "globex", "protect": True}]
    assert asked.run("local", "--destructive", "--companies", "acme", companies=companies) == NOT_CONFIRMED
    elsewhere = [{"name": "acme", "regions": [US]}, {"name": "globex", "regions": [EU], "protect": True}]
    assert asked.run("local", "--destructive", "--companies", "acme", companies=elsewhere) == FAILED


def test_a_context_of_another_cluster_is_asked_for_under_the_name_local_too(asked: Asked) -> None:
    assert asked.run("local", "--destructive", "--context", "prod-blue") == NOT_CONFIRMED


@pytest.mark.parametrize("more", [["--destructive", "--yes"], []], ids=["with --yes", "disturbing nothing"])
def test_a_pipeline_is_not_asked(asked: Asked, more: list[str]) -> None:
    assert asked.run("prod", *more, companies=[{"name": "acme", "protect": True}]) == FAILED
    assert asked.questions == []


def test_without_a_terminal_the_answer_is_no(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert asked.run("staging", "--destructive") == NOT_CONFIRMED
    said = capsys.readouterr().err
    assert "nothing was done" in said and "Stack staging: " in said
    assert "repeat the command with --yes" in said


@pytest.mark.services
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_no_process_and_a_report(number: signal.Signals, tmp_path: Path) -> None:
    out = tmp_path / "out"
    argv = [sys.executable, "-m", "ops", "validate", "--out", str(out), "--companies", "a", "b"]
    argv += ["--brain", application("brain", "hangs"), "--health-monitor", MONITOR]
    marked = {**os.environ, "VALIDATION_TEST": str(tmp_path)}
    with subprocess.Popen(argv, env=marked, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        seen = ""
        while "application             answers                   b" not in seen:
            seen = process.stdout.readline()
            assert seen, "it ended early"
        process.send_signal(number)
        rest = process.stdout.read()
    assert process.returncode == INTERRUPTED
    assert "interrupted: no further check" in rest and "reports: " in rest
    assert len(list(out.glob("*.xml"))) == len(list(out.glob("*.json"))) == 1

    def left() -> list[int]:
        every = (int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid())
        return [pid for pid in every if environment(pid).get("VALIDATION_TEST") == str(tmp_path)]

    until(lambda: not left(), "no process is left")
