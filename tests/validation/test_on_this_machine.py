"""The suite without any cluster: what it passes, and that each fault is found by a line that names it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from local.machine.procfs import environment
from ops.errors import CHECK_FAILED, DONE
from ops.validation.target import Limits
from tests.validation.process_runs import LIMITS, application, validated

BRAIN, MONITOR = application("brain"), application("health-monitor")
PATIENT = Limits()
ON_CLUSTERS = {
    "network",
    "bucket prefix",
    "HR proposal",
    "snapshot in the bucket",
    "staged in the standby",
    "node restart",
    "volume lost",
}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.mark.parametrize("how", [(), ("json",)], ids=["as events", "as JSON"])
def test_an_application_that_keeps_its_promises_passes(how: tuple[str, ...], out: Path) -> None:
    result = validated(
        out, brain=application("brain", *how), health_monitor=application("health-monitor", *how)
    )
    assert (result.code, result.failures) == (DONE, [])
    assert {
        one["check"] for one in result.report["checks"] if one["status"] == "needs a cluster"
    } == ON_CLUSTERS
    assert {one["status"] for one in result.report["checks"] if one["check"] not in ON_CLUSTERS} == {"passed"}


def test_the_reference_application_passes(out: Path) -> None:
    programs = (f"{sys.executable} -m local.reference_app.{name}" for name in ("brain", "health_monitor"))
    result = validated(out, brain=next(programs), health_monitor=next(programs), limits=PATIENT)
    assert (result.code, result.failures) == (DONE, [])
    assert result.statuses("restart") == {"passed"}


@pytest.mark.parametrize(
    ("faults", "check", "cause"),
    [
        (("mixes",), ("tenancy isolation", "memory"), "the Brain mixes companies"),
        (("shares={folder}",), ("application", "stores and finds"), "mixes companies"),
        (("elsewhere={folder}",), ("application", "stores and finds"), "not on its volume"),
        (("forgets",), ("persistence", "restart"), "forgot: killed (SIGKILL)"),
        (("deaf",), ("application", "stores and finds"), "does not find what it has just stored"),
        (("unlearning",), ("four pillars", "SOP execution"), "does not recall the SOP execution"),
        (("error",), ("application", "stores and finds"), "status 500: <h1>Internal Server Error"),
        (("hangs",), ("application", "stores and finds"), "no answer in 2 s"),
        (("drips",), ("application", "stores and finds"), "no answer in 2 s"),
        (("refuses",), ("application", "stores and finds"), "the tool failed: Memory stored"),
        (
            ("dies",),
            ("application", "answers"),
            "ended with exit code 1 before it answered; its last output: no",
        ),
    ],
    ids=lambda value: "-".join(value).partition("=")[0] if isinstance(value, tuple) else None,
)
def test_a_brain_that_breaks_a_promise_fails_with_the_cause(
    faults: tuple[str, ...],
    check: tuple[str, str],
    cause: str,
    out: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = [fault.format(folder=tmp_path / "shared") for fault in faults]
    result = validated(out, brain=application("brain", *arguments), health_monitor=MONITOR)
    assert result.code == CHECK_FAILED
    causes = result.failed(*check)
    assert causes and all(cause in one for one in causes), result.failures
    assert any(
        line.startswith("    cause: ") and cause in line for line in capsys.readouterr().out.splitlines()
    )


def test_a_brain_that_shares_a_volume_with_another_company_s_is_found(out: Path, tmp_path: Path) -> None:
    """As two pods would on the same volume."""
    shared = tmp_path / "shared"
    shared.mkdir()
    link = f'rm -rf "$JULES_AGENT_DIR/brain" && ln -sfn {shared} "$JULES_AGENT_DIR/brain" && '
    result = validated(out, brain=link + BRAIN, health_monitor=MONITOR)
    (first, second) = result.failed("tenancy isolation", "memory")
    assert "what company-a stored" in first and "the Brain of company-b" in first
    assert "what company-b stored" in second and "the Brain of company-a" in second


@pytest.mark.parametrize(
    ("fault", "check", "cause"),
    [
        ("nowhere", "health monitor to agent", "does not write metrics"),
        ("blind", "agent to health monitor", "does not serve a metric that the agent wrote"),
        ("error", "agent to health monitor", "get_health_report at http://127.0.0.1"),
    ],
)
def test_a_health_monitor_that_breaks_a_promise_fails_with_the_cause(
    fault: str, check: str, cause: str, out: Path
) -> None:
    result = validated(out, brain=BRAIN, health_monitor=application("health-monitor", fault))
    assert result.code == CHECK_FAILED
    causes = result.failed("sidecar communication", check)
    assert len(causes) == 2 and all(cause in one for one in causes)
    assert {failure["area"] for failure in result.failures} == {"sidecar communication"}


def test_what_never_gets_well_is_given_up_and_no_check_counts_it_as_passed(out: Path) -> None:
    limits = replace(LIMITS, start=1.0)
    result = validated(out, brain=BRAIN, health_monitor=application("health-monitor", "sick"), limits=limits)
    (cause, _) = result.failed("application", "answers")
    assert "does not answer in 1 s" in cause and "status 500" in cause
    assert {one["status"] for one in result.report["checks"]} == {
        "failed",
        "not tried",
        "needs a cluster",
    }


def test_no_process_and_no_folder_is_left(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("VALIDATION_TEST", str(tmp_path))
    # A child of a child: the shell that is started is not what serves.
    validated(out, brain=f"{BRAIN.removeprefix('exec ')} & wait", health_monitor=MONITOR)
    mine = {pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if pid != os.getpid()}
    assert [pid for pid in mine if environment(pid).get("VALIDATION_TEST") == str(tmp_path)] == []
    assert list((tmp_path / "tmp").iterdir()) == []


def test_failures_say_where_the_output_is(out: Path) -> None:
    result = validated(out, brain=application("brain", "dies"), health_monitor=MONITOR)
    log = Path(result.failures[0]["look"])
    assert "no model, no memory" in log.read_text()
    assert json.loads(next(out.glob("*.json")).read_text())["passed"] is False
