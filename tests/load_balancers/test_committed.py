"""The committed stack files, and others like them, brought to load balancers by the real controller."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.load_balancers.judge import Judge
from tests.recording import ROOT, record_file


@pytest.mark.parametrize("path", sorted(ROOT.glob("Pulumi.*.yaml")), ids=lambda path: path.name)
def test_a_committed_stack_gets_the_load_balancers_that_its_plan_promises(judge: Judge, path: Path) -> None:
    judge.check(record_file(path))
