from __future__ import annotations

import argparse

import pytest

from ops.errors import OperatorError
from ops.mcp.restore_points import list_points
from tests.ops.conftest import snapshots
from tests.ops.snapshots import EU, US, Snapshots, id_of

__all__ = ["snapshots"]


def arguments(snapshots: Snapshots) -> argparse.Namespace:
    return argparse.Namespace(config=snapshots.file, stack=None, state=snapshots.folder)


def test_the_points_are_those_of_the_restore_command_newest_first(snapshots: Snapshots) -> None:
    snapshots.put(US, id_of(1, "02:00"), {"graph.json": "{}"})
    snapshots.put(EU, id_of(2, "03:00"), {"graph.json": "{1}", "a": "x"}, bucket=US)
    snapshots.put(US, id_of(3, "04:00"), {"graph.json": "{22}"}, lost=("graph.json",))
    found = list_points(arguments(snapshots), "acme", None, "brain")
    assert (found.region, found.component) == (US, "brain")
    assert found.reason.startswith("the first region of acme by priority")
    assert [(each.checkpoint, each.written_by, each.complete) for each in found.points] == [
        (str(id_of(3, "04:00")), US, False),
        (str(id_of(2, "03:00")), EU, True),
        (str(id_of(1, "02:00")), US, True),
    ]
    assert found.points[0].remark.startswith("1 of 1 objects missing")
    assert (found.points[1].files, found.points[1].bytes) == (2, 4)
    assert found.points[1].time == "2026-11-23T03:00:00Z"


def test_a_memory_without_checkpoints_has_no_points(snapshots: Snapshots) -> None:
    assert list_points(arguments(snapshots), "acme", US, "agent").points == []


def test_a_region_of_another_company_is_refused(snapshots: Snapshots) -> None:
    with pytest.raises(OperatorError, match="--region: mars-1 is not in"):
        list_points(arguments(snapshots), "acme", "mars-1", "brain")
