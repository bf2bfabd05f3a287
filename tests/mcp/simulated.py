"""`python -m ops` with a stack in virtual time behind it, in a process of its own.

    python -m tests.mcp.simulated server|child <command> …

The folder SIMULATED has the stack's state: while its file `hold` is there, an outage lasts; `down` is there
while the region is down; `refusal` is why no other region serves.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ops import validate
from ops.__main__ import main as run_command
from ops.drill import run as drill_run
from ops.mcp import child, commands
from ops.probing.failure import Failure
from ops.validation.target import Target as ValidationTarget
from tests.drill.commands import Command, Target

SLOW_SECONDS = 3.0
"""Until a region is back whose outage was held: longer than an MCP client waits for its server."""


class HeldFault:
    cut_off = False

    def __init__(self, folder: Path, fault: Any) -> None:
        self._folder, self._fault = folder, fault

    def prepare(self) -> None:
        pass

    def inject(self) -> str:
        (self._folder / "down").touch()
        while (self._folder / "hold").exists():
            time.sleep(0.02)
        done: str = self._fault.inject()
        return done

    def bring_back(self) -> str:
        done: str = self._fault.bring_back()
        return done

    def remove(self) -> str:
        if (self._folder / "hold").exists():
            time.sleep(SLOW_SECONDS)
        (self._folder / "down").unlink(missing_ok=True)
        done: str = self._fault.remove()
        return done


class Silent(ValidationTarget):
    """A company whose pods are not Ready."""

    company, region = "acme", "us-east-1"

    def open(self) -> None:
        raise Failure("acme/brain-us-east-1-0 is not Ready: crash loop", "kubectl describe pod")

    def close(self) -> None:
        pass

    def url(self, container: str) -> str:
        raise AssertionError

    def logs(self, container: str) -> str:
        return "kubectl logs"

    def count_files(self, folder: str) -> int:
        raise AssertionError

    def execute(self, container: str, script: str, arguments: Sequence[str]) -> Any:
        raise AssertionError

    def restart_brain(self) -> str:
        raise AssertionError


def main(mode: str, argv: list[str]) -> int:
    folder = Path(os.environ["SIMULATED"])
    patch = pytest.MonkeyPatch()
    patch.setattr(drill_run, "OUTAGE_SECONDS", 60)
    patch.setattr(drill_run, "RETURN_SECONDS", 150)
    patch.setattr(commands, "CHILD", (sys.executable, "-m", __spec__.name, "child"))
    patch.setattr(validate, "targets_of", lambda *_: [Silent()])
    made = Target.fault

    def fault(self: Target, kind: Any, scenario: Any) -> Any:
        return HeldFault(folder, made(self, kind, scenario))

    patch.setattr(Target, "fault", fault)
    simulated = Command(folder, patch)
    refusal = folder / "refusal"
    simulated.refusal = refusal.read_text() if refusal.exists() else ""
    return child.main(argv) if mode == "child" else run_command(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
