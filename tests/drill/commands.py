"""The command `drill` on a stack file of its own, with a platform in virtual time behind it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops.__main__ import main
from ops.drill import drill
from ops.drill import target as targets
from ops.drill.faults.kinds import FaultKind
from ops.drill.journal import Entry, Journal
from ops.drill.observe.clock import Clock
from ops.drill.observe.record import Record
from ops.drill.scenario import Scenario, ZoneLoss
from ops.drill.target import RunTarget
from ops.errors import OperatorError
from ops.stack import Stack
from tests.drill.playing import run_target
from tests.drill.scenarios import EU, US
from tests.drill.simulated import Platform, Sabotage, SimulatedClock
from tests.drill.simulated_target import SimulatedFault

LOSS = ZoneLoss(zone=f"{US}a", workloads=(("acme", "agent"), ("acme", "brain")), region_fails=False)


class Cleanups:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.problem = ""

    def remove_markers(self, entry: Entry) -> None:
        if self.problem:
            raise OperatorError(self.problem)
        self.entries.append(entry)


class Closed:
    closed = False

    def close(self) -> None:
        self.closed = True


class Target:
    """A stack that runs in virtual time, a new one for each run."""

    def __init__(self, stack: Stack, journal: Journal, sabotage: Sequence[Sabotage]) -> None:
        self.stack, self.journal, self._sabotage = stack, journal, list(sabotage)
        self.cleanup, self.forwards = Cleanups(), Closed()
        self.faults: list[SimulatedFault] = []
        self.kinds: list[FaultKind] = []
        self.refusal, self.nodes = "", 2
        """Nodes in each region."""
        self.clock = SimulatedClock()

    @property
    def local(self) -> bool:
        return self.stack.name == "local"

    def progress(self, line: str) -> None:
        print(line)

    def client_regions(self, region: str) -> dict[str, str]:
        return {}

    def require_another(self, region: str, *, last_serving: bool) -> None:
        if self.refusal and not last_serving:
            raise OperatorError(self.refusal)

    def run_target(self, scenario: Scenario, record: Record, seed: int) -> RunTarget:
        self.clock.platform = Platform(scenario, self._sabotage.pop(0) if self._sabotage else Sabotage())
        return run_target(self.clock.platform)

    def zones(self, region: str) -> list[str]:
        return [f"{region}a", f"{region}b"][: self.nodes]

    def obstacle(self, kind: FaultKind, region: str) -> str:
        return targets.Target.obstacle(self, kind, region)  # type: ignore[arg-type]

    def require_possible(self, kind: FaultKind, region: str) -> None:
        targets.Target.require_possible(self, kind, region)  # type: ignore[arg-type]

    def narrowed(self, kind: FaultKind, scenario: Scenario) -> Scenario:
        return replace(scenario, loss=LOSS) if kind is FaultKind.ZONE else scenario

    def fault(self, kind: FaultKind, scenario: Scenario) -> Any:
        assert self.clock.platform is not None
        self.kinds.append(kind)
        self.faults.append(SimulatedFault(self.clock.platform))
        return self.faults[-1]


def stack_file(folder: Path, stack: str = "local", protected: Collection[str] = ()) -> Path:
    regions = [
        {"name": one, "cluster": {"context": "x"}, "endpoint": f"{one}.local.test"} for one in (US, EU)
    ]
    config: dict[str, Any] = {
        "domain": "agency.test",
        "hostedZoneId": "Z0LOCALLOCALLOCALLOC",
        "regions": regions,
        "images": {"agency": "agency:1"},
        "ingress": {"className": "nginx"},
        "loadBalancing": {"policy": "failover"},
        "replication": {"syncInterval": 10},
        "companies": [
            {"name": "acme"},
            {"name": "globex"},
            {"name": "hooli", "regions": [EU, US]},
            {"name": "initrode", "regions": [EU]},
        ],
    }
    for company in config["companies"]:
        company["protect"] = company["name"] in protected
    file = folder / f"Pulumi.{stack}.yaml"
    file.write_text(json.dumps({"config": {f"digital-agency:{key}": one for key, one in config.items()}}))
    return file


class Command:
    """The command on a stack file, and the target that it found."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.sabotage = folder, list[Sabotage]()
        self.target: Target | None = None
        self.refusal, self.nodes = "", 2
        monkeypatch.setattr(targets, "target_of", self._target_of)
        monkeypatch.setattr(drill, "Clock", self._clock)
        monkeypatch.setattr("ops.drill.journal.REPOSITORY", folder)

    def run(self, *more: str, stack: str = "local", protected: Collection[str] = ()) -> int:
        told_folders = ["--state", str(self.folder / "state"), "--out", str(self.folder / "drills")]
        file = stack_file(self.folder, stack, protected)
        return main(["drill", "--config", str(file), *told_folders, *more])

    def reports(self) -> list[Any]:
        return [json.loads(path.read_text()) for path in sorted((self.folder / "drills").glob("*.json"))]

    def pages(self) -> list[Path]:
        return sorted((self.folder / "drills").glob("*.html"))

    def _target_of(self, stack: Stack, contexts: Any, state: Path, journal: Journal, progress: Any) -> Any:
        self.target = Target(stack, journal, self.sabotage)
        self.target.refusal, self.target.nodes = self.refusal, self.nodes
        return self.target

    def _clock(self) -> Clock:
        assert self.target is not None
        self.target.clock = SimulatedClock()
        return self.target.clock
