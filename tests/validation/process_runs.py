"""Runs of the suite against processes of this machine, and what they leave."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import validate
from ops.__main__ import parser
from ops.validation.results import Status
from ops.validation.target import Limits

APPLICATION = Path(__file__).with_name("fake_application.py")
LIMITS = Limits(answer=2.0, start=60.0, metric=1.0)
"""Short where a fault lets the suite wait in vain."""


@dataclass(frozen=True, kw_only=True)
class Result:
    code: int
    report: dict[str, Any]
    """The JSON report."""

    @property
    def failures(self) -> list[dict[str, Any]]:
        return [entry for entry in self.report["checks"] if entry["status"] == Status.FAILED]

    def failed(self, area: str, check: str) -> list[str]:
        """The causes."""
        found = [failure for failure in self.failures if (failure["area"], failure["check"]) == (area, check)]
        return [entry["detail"] for entry in found]

    def statuses(self, check: str) -> set[str]:
        return {entry["status"] for entry in self.report["checks"] if entry["check"] == check}


def application(role: str, *faults: str) -> str:
    return f"exec {sys.executable} -S {APPLICATION} {role} {' '.join(faults)}"


def validated(out: Path, *, brain: str, health_monitor: str, limits: Limits = LIMITS) -> Result:
    argv = ["validate", "--brain", brain, "--health-monitor", health_monitor, "--out", str(out)]
    code = validate.validate(parser().parse_args(argv), limits)
    (file,) = out.glob("*.json")
    return Result(code=code, report=json.loads(file.read_text()))
