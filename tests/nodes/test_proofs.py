"""What the README promises to prove on the local cluster, run as it says: the validation suite and drills."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.access import edges
from local.cluster import network_policies
from ops.drill.faults.kinds import LOCAL_FAULTS, FaultKind
from ops.errors import DONE
from ops.validation.check_table import CHECKS
from tests.nodes.conftest import Stack
from tests.nodes.drilling import drilled, report_of

US = "us-east-1"
FINE = {"passed", "not enforced here", "does not apply"}
DESTRUCTIVE = {check.name for check in CHECKS if check.destructive}


def test_the_suite_passes(stack: Stack, tmp_path: Path) -> None:
    checks = validated(stack, tmp_path)

    assert {each["status"] for each in checks} <= {*FINE, "not tried"}
    assert {each["check"] for each in checks if each["status"] == "not tried"} == DESTRUCTIVE


@pytest.mark.slow
def test_the_suite_passes_with_node_restarts_and_lost_volumes(stack: Stack, tmp_path: Path) -> None:
    checks = validated(stack, tmp_path, "--destructive", "--yes")

    assert {each["status"] for each in checks} <= FINE
    assert {each["check"] for each in checks if each["status"] == "passed"} >= DESTRUCTIVE


def validated(stack: Stack, folder: Path, *options: str) -> list[dict[str, Any]]:
    """The report's checks, none of which failed; every region of the stack has some."""
    done = stack.run("ops", "validate", *options, "--out", str(folder))
    checks: list[dict[str, Any]] = report_of(folder)["checks"]
    assert [each for each in checks if each["status"] == "failed"] == [], f"{done.stdout}\n{done.stderr}"
    assert done.returncode == DONE, f"{done.stdout}\n{done.stderr}"
    unenforced = {"network"} if network_policies.obstacle() else set()
    assert {each["check"] for each in checks if each["status"] == "not enforced here"} == unenforced
    assert {each["region"] for each in checks} >= set(edges(stack.state))
    return checks


@pytest.mark.parametrize(
    "way", [FaultKind.SCALE, *(pytest.param(way, marks=pytest.mark.slow) for way in LOCAL_FAULTS)]
)
def test_a_region_goes_and_comes_back(stack: Stack, tmp_path: Path, way: FaultKind) -> None:
    """The way that is left out, gray, is that of the drill with Global Accelerator."""
    drilled(stack, tmp_path, US, way)
