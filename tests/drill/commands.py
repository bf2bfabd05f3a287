"""The command `drill` on a stack file of its own, with a platform in virtual time behind it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pytest

from ops.__main__ import main
from ops.drill import drills, world
from ops.drill.journal import Entry, Journal
from ops.drill.record import Record
from ops.drill.run import World
from ops.drill.scene import Scene
from ops.drill.watching import Stage
from ops.drill.ways import Way
from ops.errors import WRONG_CALL, OperatorError
from ops.stack import Stack
from tests.drill.playing import world as simulated_world
from tests.drill.scenes import EU, US
from tests.drill.simulated import Clockwork, Platform, Sabotage, SimulatedOutage


class Forgets:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.problem = ""

    def forget(self, entry: Entry) -> None:
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
        self.forgetting, self.doors = Forgets(), Closed()
        self.outages: list[SimulatedOutage] = []
        self.ways: list[Way] = []
        self.refusal = ""
        self.stage = Clockwork()

    @property
    def local(self) -> bool:
        return self.stack.name == "local"

    def progress(self, line: str) -> None:
        print(line)

    def require_another(self, region: str, *, last_serving: bool) -> None:
        if self.refusal and not last_serving:
            raise OperatorError(self.refusal)

    def world(self, scene: Scene, record: Record, seed: int) -> World:
        self.stage.platform = Platform(scene, self._sabotage.pop(0) if self._sabotage else Sabotage())
        return simulated_world(self.stage.platform)

    def outage(self, way: Way, region: str) -> Any:
        if way in (Way.NODE, Way.NETWORK) and not self.local:
            raise OperatorError(f"--way {way}: only on the local target (stack local)", WRONG_CALL)
        if self.stage.platform is None:
            return None  # It was only asked whether the way can be gone.
        self.ways.append(way)
        self.outages.append(SimulatedOutage(self.stage.platform))
        return self.outages[-1]


class Command:
    """The command on a stack file, and the target that it found."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.sabotage = folder, list[Sabotage]()
        self.target: Target | None = None
        self.refusal = ""
        monkeypatch.setattr(world, "target_of", self._target_of)
        monkeypatch.setattr(drills, "RealStage", self._stage)
        monkeypatch.setattr("ops.drill.journal.REPOSITORY", folder)

    def run(self, *more: str, stack: str = "local", protected: Collection[str] = ()) -> int:
        regions = [
            {"name": one, "cluster": {"context": "x"}, "endpoint": f"{one}.local.test"} for one in (US, EU)
        ]
        told: dict[str, Any] = {
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
        for company in told["companies"]:
            company["protect"] = company["name"] in protected
        file = self.folder / f"Pulumi.{stack}.yaml"
        file.write_text(json.dumps({"config": {f"digital-agency:{key}": one for key, one in told.items()}}))
        told_folders = ["--state", str(self.folder / "state"), "--out", str(self.folder / "drills")]
        return main(["drill", "--config", str(file), *told_folders, *more])

    def reports(self) -> list[Any]:
        return [json.loads(path.read_text()) for path in sorted((self.folder / "drills").glob("*.json"))]

    def pages(self) -> list[Path]:
        return sorted((self.folder / "drills").glob("*.html"))

    def _target_of(self, stack: Stack, contexts: Any, state: Path, journal: Journal, progress: Any) -> Any:
        self.target = Target(stack, journal, self.sabotage)
        self.target.refusal = self.refusal
        return self.target

    def _stage(self) -> Stage:
        assert self.target is not None
        self.target.stage = Clockwork()
        return self.target.stage
