"""A run that is killed at any moment, started again, ends as one that was not."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.embedded.state import State
from local.emulator import ensure_hosted_zone
from tests.engine.stage import Stage, actions, assorted, health_check

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def zone(stage: Stage) -> str:
    zone = f"Z{stage.name.upper()}"
    ensure_hosted_zone(stage.emulator.url, zone, f"{stage.name}.example.com")
    return zone


def kill(stage: Stage, zone: str, point: tuple[str, str, int], variant: dict[str, Any] | None) -> None:
    """Run the assorted program (None: an empty one) in a process that kills itself at a point.

    A point is a method (`save` of the state, `put` or `delete` of a driver), before or after its call number.
    """
    method, at, which = point
    given = {
        "state": str(stage.state),
        "name": stage.name,
        "kubeconfig": str(stage.kubeconfig),
        "url": stage.emulator.url,
        "instance": stage.emulator.instance,
        "zone": zone,
        "method": method,
        "at": at,
        "which": which,
        "variant": variant,
    }
    command = [sys.executable, "-W", "ignore", "-m", "tests.engine.killed", json.dumps(given)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def assert_whole(stage: Stage, zone: str, kind: str = "HTTPS") -> None:
    """Everything of the assorted program is there once, and the state knows it."""
    entries = State(stage.state).resources.values()
    assert len(entries) == 10
    assert all(entry["id"] and not entry["pending"] for entry in entries)
    assert State(stage.state).doomed == []
    assert [one["HealthCheckConfig"]["Type"] for one in stage.health_checks()] == [kind]
    assert len(stage.certificates()) == 1
    records = stage.aws("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    made = [one for one in records if one.get("SetIdentifier")]
    assert [one["HealthCheckId"] for one in made] == [stage.health_checks()[0]["Id"]]
    assert stage.live("StatefulSet", "workload", version="apps/v1", namespace=stage.name)
    assert actions(stage.run(assorted(stage.name, zone=zone, kind=kind))) == {}


@pytest.mark.parametrize(
    "point",
    [
        ("save", "before", 1),
        ("save", "after", 3),
        ("put", "before", 4),
        ("put", "after", 2),
        ("put", "after", 4),
        ("put", "after", 6),
        ("put", "after", 9),
        ("save", "before", 19),
    ],
)
def test_a_first_run(stage: Stage, zone: str, point: tuple[str, str, int]) -> None:
    kill(stage, zone, point, {})
    stage.run(assorted(stage.name, zone=zone))
    assert_whole(stage, zone)


@pytest.mark.parametrize("point", [("put", "after", 1), ("delete", "before", 1), ("delete", "after", 1)])
def test_a_replacement(stage: Stage, zone: str, point: tuple[str, str, int]) -> None:
    stage.run(assorted(stage.name, zone=zone))
    kill(stage, zone, point, {"kind": "HTTP"})
    stage.run(assorted(stage.name, zone=zone, kind="HTTP"))
    assert_whole(stage, zone, "HTTP")


@pytest.mark.parametrize(("at", "which"), [("before", 1), ("after", 3), ("after", 10)])
def test_a_removal(stage: Stage, zone: str, at: str, which: int) -> None:
    stage.run(assorted(stage.name, zone=zone))
    kill(stage, zone, ("delete", at, which), None)
    stage.run(lambda: None)
    assert State(stage.state).resources == {}
    assert (stage.health_checks(), stage.certificates()) == ([], [])
    assert stage.live("Namespace", stage.name) is None


@pytest.mark.parametrize("which", [2, 5, 8])
def test_a_first_run_of_what_then_leaves_the_program_leaves_nothing_behind(
    stage: Stage, zone: str, which: int
) -> None:
    kill(stage, zone, ("put", "after", which), {})
    stage.run(lambda: None)
    assert State(stage.state).resources == {}
    assert (stage.health_checks(), stage.certificates()) == ([], [])
    assert stage.live("Namespace", stage.name) is None


def test_a_first_run_after_which_the_program_changed(stage: Stage, zone: str) -> None:
    kill(stage, zone, ("put", "after", 7), {})
    stage.run(assorted(stage.name, zone=zone, kind="HTTP"))
    assert_whole(stage, zone, "HTTP")


def test_a_stop_keeps_what_was_done(stage: Stage) -> None:
    def program() -> None:
        check = health_check("check", f"{stage.name}.example.com")
        check.id.apply(interrupt)

    def interrupt(identity: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stage.run(program)
    assert actions(stage.run(lambda: health_check("check", f"{stage.name}.example.com") and None)) == {}
