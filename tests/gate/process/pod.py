"""A pod as far as the gate sees it: volume, mounted folders, environment; and the gate's process."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import runtime
from tests.gate.process.application import Health
from tests.gate.process.config_map import ConfigMapFolder
from tests.runtime import prometheus
from tests.services import LIMIT_SECONDS, until

REGION = "ap-southeast-1"
NAMESPACE = "acme"
PROGRAMS = Path(runtime.__file__).parent.parent


class Pod:
    """One Brain's or Agent's pod in REGION, whose gate is started and ended by the test."""

    def __init__(self, folder: Path, *, component: str = "brain", ordinal: int = 0) -> None:
        self.folder = folder
        self.component = component
        self.ordinal = ordinal
        self.volume = folder / "volume"
        self.work = folder / "work"
        for path in (self.volume, self.work):
            path.mkdir(parents=True)
        self.config: dict[str, Any] = {
            "region": REGION,
            "namespace": NAMESPACE,
            "component": component,
            "order": [REGION, "us-east-1"],
            "follows": [],
            "ranked": False,
            "buckets": {},
            "syncInterval": 60,
        }
        self.files: dict[str, str] = {}
        self.settings = ConfigMapFolder(folder / "settings", self._data())
        self.flags = ConfigMapFolder(folder / "flags")
        self.health = Health()
        self.environment: dict[str, str] = {}
        self.rclone = folder / "no-rclone"
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0

    def configure(self, **changes: Any) -> None:
        """Change settings; the names are those of settings.json."""
        self.config |= changes
        self.settings.replace(self._data())

    def flag(self, *regions: str) -> None:
        self.flags.replace({"failedRegions": "".join(f"{region}\n" for region in regions)} if regions else {})

    def start(self) -> None:
        """Return when the gate listens."""
        self.launch()
        until(lambda: self._listening() or self._ended(), f"the gate listens: {self.log()[-3:]}")
        assert not self._ended(), self.log()

    def launch(self) -> None:
        self._starts += 1
        self._output = self.folder / f"gate-{self._starts}.log"
        environment = {
            "GATE_VOLUME": str(self.volume),
            "GATE_SETTINGS": str(self.settings.path),
            "GATE_FLAGS": str(self.flags.path),
            "GATE_RCLONE": str(self.rclone),
            "GATE_APPLICATION": self.health.url,
            "GATE_PORT": "0",
            **({"GATE_WORK": str(self.work)} if self.component == "agent" else {}),
            "POD_NAME": f"{self.component}-{REGION}-{self.ordinal}",
            "AGENCY_CONTAINER": "gate",
            "HOME": str(self.folder),
            "PYTHONPATH": str(PROGRAMS),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            **self.environment,
        }
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "runtime.gate"],
                env=environment,
                cwd=self.folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def ended(self) -> int:
        """Wait for the gate's end; return its status."""
        assert self._process is not None
        return self._process.wait(LIMIT_SECONDS)

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self.health.stop()

    def log(self) -> list[dict[str, Any]]:
        """What it wrote, line by line. What is no JSON fails the test: a traceback, a warning."""
        return [json.loads(line) for line in self._output.read_text().splitlines()]

    def get(self, target: str) -> tuple[int, str]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_SECONDS)) as connection:
            connection.request("GET", target)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def status(self, target: str) -> int:
        return self.get(target)[0]

    def ready(self) -> bool:
        return self.status("/ready") == 200

    def says(self) -> dict[str, Any]:
        """What `/health` tells; its status must fit."""
        status, body = self.get("/health")
        health: dict[str, Any] = json.loads(body)
        assert (status == 200) == health["ok"] == (not health["problems"])
        return health

    def problems(self) -> str:
        return "; ".join(self.says()["problems"])

    def events(self, after: int = 0) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = json.loads(self.get(f"/events?after={after}")[1])
        return events

    def reasons(self) -> list[str]:
        return [event["reason"] for event in self.events()]

    def metrics(self) -> Mapping[str, prometheus.Family]:
        return prometheus.parse(self.get("/metrics")[1])

    def metric(self, name: str, **labels: str) -> float:
        """0 for what is not there yet."""
        family = self.metrics().get(name)
        return family.samples.get(frozenset(labels.items()), 0.0) if family else 0.0

    def _data(self) -> dict[str, str]:
        return {"settings.json": json.dumps(self.config), **self.files}

    def _ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def _listening(self) -> bool:
        for line in self._output.read_text().splitlines():
            if line.startswith("{") and (entry := json.loads(line))["event"] == "serving":
                self.port = entry["port"]
                return True
        return False
