"""Calls that are refused, questions that are asked, and what an interruption leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.procfs import environment
from ops.__main__ import main
from ops.errors import INTERRUPTED, NOT_CONFIRMED, WRONG_CALL
from tests.ops.copies import stack_file
from tests.services import until
from tests.validation.runs import double

BRAIN, MONITOR = double("brain"), double("health-monitor")


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        (["--brain", "x"], "--health-monitor: none given"),
        (["--health-monitor", "x"], "--brain: none given"),
        (["--brain", "x", "--health-monitor", "y", "--stack", "dev"], "--stack: of a cluster"),
        (["--brain", "x", "--health-monitor", "y", "--destructive"], "--destructive: of a cluster"),
        (["--brain", "x", "--health-monitor", "y", "--companies", "a", "a"], "--companies: one given"),
        (["--stack", "no-such"], "--stack: no file Pulumi.no-such.yaml"),
    ],
)
def test_a_call_that_means_two_things_or_half_of_one_is_refused(
    more: list[str], cause: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["validate", "--out", str(tmp_path / "out"), *more]) == WRONG_CALL
    assert cause in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("typed", "yes", "asked"),
    [([], [], 0), (["no"], [], 1), (["y", "staging"], [], 2), (["staging"], ["--yes"], 1)],
)
def test_nodes_and_volumes_of_prod_need_its_name_typed_even_with_yes(
    typed: list[str],
    yes: list[str],
    asked: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers = iter(typed)

    def answer(question: str) -> str:
        nonlocal asked
        asked -= 1
        return next(answers)

    monkeypatch.setattr("builtins.input", answer)
    monkeypatch.setattr("sys.stdin.isatty", lambda: bool(typed), raising=False)
    file = stack_file(tmp_path, "prod")
    call = ["validate", "--config", str(file), "--stack", "prod", "--destructive", *yes]
    assert main([*call, "--out", str(tmp_path / "out")]) == NOT_CONFIRMED
    assert "nothing was done" in capsys.readouterr().err
    assert asked == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_no_process_and_a_report(number: signal.Signals, tmp_path: Path) -> None:
    out = tmp_path / "out"
    argv = [sys.executable, "-m", "ops", "validate", "--out", str(out), "--companies", "a", "b"]
    argv += ["--brain", double("brain", "hangs"), "--health-monitor", MONITOR]
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
