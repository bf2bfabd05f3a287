"""What the README promises to prove on the local cluster, run as it says: the validation suite and drills."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.access import edges
from local.cluster import network_policies
from ops.drill.faults.kinds import LOCAL_FAULTS, FaultKind
from ops.errors import DONE
from tests.nodes.conftest import Stack
from tests.nodes.drilling import drilled, report_of

US = "us-east-1"


@pytest.mark.slow
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


@pytest.mark.parametrize(
    "way", [FaultKind.SCALE, *(pytest.param(way, marks=pytest.mark.slow) for way in LOCAL_FAULTS)]
)
def test_a_region_goes_and_comes_back(stack: Stack, tmp_path: Path, way: FaultKind) -> None:
    """The fault that is left out, gray, is that of the drill with Global Accelerator."""
    drilled(stack, tmp_path, US, way)
