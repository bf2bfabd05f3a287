"""Controllers as processes: `python -m runtime.controller`, with what a pod would have around them."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.machine import ports
from tests.controller.acting.deployed import REGIONS, Cluster
from tests.controller.acting.workloads import Workloads
from tests.recording import ROOT
from tests.services import until

REQUEST_SECONDS = 30.0
SECRET = "of all clusters"


@dataclass
class Replica:
    name: str
    process: subprocess.Popen[bytes]
    http: int
    inside: int
    log: Path

    def get(self, path: str, *, inside: bool = False, authorization: str = "") -> tuple[int, str]:
        """Status and body; (0, "") when nobody listens."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.inside if inside else self.http, timeout=REQUEST_SECONDS
        )
        try:
            headers = {"Authorization": authorization} if authorization else {}
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def status(self) -> dict[str, Any]:
        status, body = self.get("/status", inside=True)
        return dict(json.loads(body)) if status == 200 else {}

    def leads(self) -> bool:
        return bool(self.status().get("leading"))

    def ready(self) -> bool:
        ended = self.process.poll()
        assert ended is None, f"{self.name} ended with {ended}: {self.log.read_text()[-2000:]}"
        return self.get("/ready", inside=True)[0] == 200

    def rounds(self) -> int:
        """When its last round ended, in milliseconds; 0 before the first."""
        return int((self.status().get("round") or {}).get("at", 0))

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What it logged of a kind."""
        found = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in found if line["event"] == event]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """As the kubelet does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@dataclass
class Controllers:
    """The replicas of one cluster, and the ConfigMap folder that they share."""

    cluster: Cluster
    folder: Path
    hosts: Path
    settings: dict[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    replicas: list[Replica] = field(default_factory=list)

    def configure(self, **settings: Any) -> None:
        """Change settings: replaced at once, as the kubelet does."""
        self.settings |= settings
        folder = self.folder / "settings"
        folder.mkdir(exist_ok=True)
        (folder / "new").write_text(json.dumps(self.settings))
        (folder / "new").rename(folder / "settings.json")

    def start(self, name: str) -> Replica:
        (self.folder / "flags").mkdir(exist_ok=True)
        (self.folder / "secret").mkdir(exist_ok=True)
        (self.folder / "secret" / "key").write_text(SECRET)
        token, log = self.folder / "token", self.folder / f"{name}-{len(self.replicas)}.log"
        token.write_text(self.cluster.token())
        http_port = ports.choose(())
        inside = ports.choose((http_port,))
        plane = self.cluster.control_plane
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "POD_NAME": name,
            "CONTROLLER_SETTINGS": str(self.folder / "settings"),
            "CONTROLLER_SECRET_PATH": str(self.folder / "secret"),
            "CONTROLLER_FLAGS": str(self.folder / "flags"),
            "CONTROLLER_HOSTS": str(self.hosts),
            "CONTROLLER_HTTP_PORT": str(http_port),
            "CONTROLLER_METRICS_PORT": str(inside),
            "KUBERNETES_API": plane.server,
            "KUBERNETES_TOKEN_FILE": str(token),
            "KUBERNETES_CA_FILE": str(plane.kubeconfig.parent / "pki" / "ca.crt"),
            **self.environment,
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "runtime.controller"],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.replicas.append(Replica(name, process, http_port, inside, log))
        return self.replicas[-1]

    def leader(self) -> Replica | None:
        leading = [replica for replica in self.replicas if replica.process.poll() is None and replica.leads()]
        return leading[0] if len(leading) == 1 else None

    def settled(self) -> Replica:
        """The leader, once it has seen every company as it should be."""
        until(lambda: (replica := self.leader()) is not None and replica.ready(), "one leads")
        replica = self.leader()
        assert replica is not None
        since = replica.rounds()
        until(
            lambda: replica.rounds() > since + 1000 and replica.status()["pending"] == 0,
            "it has seen everyone",
            600,
        )
        return replica

    def close(self) -> None:
        for replica in self.replicas:
            if replica.process.poll() is None:
                replica.kill()


def populate(cluster: Cluster, workloads: Workloads, names: Sequence[str]) -> None:
    """Companies that are deployed, and whose workloads answer."""
    cluster.add(names)
    for name in names:
        for region in REGIONS:
            workloads.add(region, name)


def companies(*names: str, dedicated: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """As settings name them: each in all regions."""
    return {name: {"regions": list(REGIONS), "dedicated": name in dedicated} for name in names}


@contextmanager
def controllers(
    on: Cluster, folder: Path, hosts: Path, companies: Mapping[str, Any], **settings: Any
) -> Iterator[Controllers]:
    """No replica yet. Rounds are a second apart, unless `settings` say otherwise."""
    folder.mkdir(exist_ok=True)
    found = Controllers(cluster=on, folder=folder, hosts=hosts)
    found.configure(
        **{
            "cluster": "context-shared",
            "regions": sorted(REGIONS),
            "all": sorted(REGIONS),
            "peers": {},
            "companies": companies,
            "intervalSeconds": 1,
            "timeoutSeconds": 1,
            "failureThreshold": 3,
            "recoveryThreshold": 3,
            **settings,
        }
    )
    try:
        yield found
    finally:
        found.close()
