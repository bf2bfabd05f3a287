from __future__ import annotations

import argparse

import pytest

from ops.errors import OperatorError
from ops.mcp.restore_points import list_points
from tests.ops.conftest import copies
from tests.ops.copies import EU, US, Copies, id_of

__all__ = ["copies"]


def arguments(copies: Copies) -> argparse.Namespace:
    return argparse.Namespace(config=copies.file, stack=None, state=copies.folder)


def test_the_points_are_those_of_the_restore_command_newest_first(copies: Copies) -> None:
    copies.put(US, id_of(1, "02:00"), {"graph.json": "{}"})
    copies.put(EU, id_of(2, "03:00"), {"graph.json": "{1}", "a": "x"}, bucket=US)
    copies.put(US, id_of(3, "04:00"), {"graph.json": "{22}"}, lost=("graph.json",))
    found = list_points(arguments(copies), "acme", None, "brain")
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


def test_a_memory_without_checkpoints_has_no_points(copies: Copies) -> None:
    assert list_points(arguments(copies), "acme", US, "agent").points == []


def test_a_region_of_another_company_is_refused(copies: Copies) -> None:
    with pytest.raises(OperatorError, match="--region: mars-1 is not in"):
        list_points(arguments(copies), "acme", "mars-1", "brain")
