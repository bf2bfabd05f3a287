"""What the README promises to prove on the local cluster, run as it says: the validation suite and drills."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.access import edges
from local.cluster import network_policies
from ops.drill.faults.kinds import FaultKind
from ops.errors import CHECK_FAILED, DONE
from tests.nodes.conftest import Stack

US = "us-east-1"
BUSY = 3
"""How many times longer than promised a step may take on a machine that has other work, too."""


def report_of(folder: Path) -> Any:
    (file,) = folder.glob("*.json")
    return json.loads(file.read_text())


def test_the_suite_passes_with_node_restarts_and_lost_volumes(stack: Stack, tmp_path: Path) -> None:
    done = stack.run("ops", "validate", "--destructive", "--yes", "--out", str(tmp_path))

    checks = report_of(tmp_path)["checks"]
    assert [each for each in checks if each["status"] == "failed"] == [], f"{done.stdout}\n{done.stderr}"
    assert done.returncode == DONE, f"{done.stdout}\n{done.stderr}"
    statuses = {(each["check"], each["status"]) for each in checks}
    assert {("node restart", "passed"), ("volume lost", "passed"), ("restart", "passed")} <= statuses
    unenforced = {"network"} if network_policies.obstacle() else set()
    assert {each["check"] for each in checks if each["status"] == "not enforced here"} == unenforced
    assert {each["status"] for each in checks} <= {"passed", "not enforced here", "does not apply"}
    assert {each["region"] for each in checks} >= set(edges(stack.state))


@pytest.mark.parametrize("way", FaultKind)
def test_a_region_goes_and_comes_back(stack: Stack, tmp_path: Path, way: FaultKind) -> None:
    done = stack.run("ops", "drill", "--region", US, "--way", way, "--yes", "--out", str(tmp_path))

    report = report_of(tmp_path)
    (run,) = report["runs"] or [None]
    assert run is not None and report["problems"] == [], f"{done.stdout}\n{done.stderr}"
    seconds = [each for each in run["verdicts"] if each["seconds"] is not None and each["limit"] is not None]
    assert {each["what"] for each in seconds} == {each["what"] for each in report["distribution"][way]}
    assert all(each["seconds"] <= BUSY * each["limit"] for each in seconds), seconds
    assert [each for each in run["verdicts"] if not each["ok"] and each not in seconds] == []
    assert done.returncode == (DONE if report["ok"] else CHECK_FAILED)
    (page,) = tmp_path.glob("*.html")
    assert "<svg" in page.read_text()
    assert "nothing" in stack.succeed("ops", "drill", "--restore")
