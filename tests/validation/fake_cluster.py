"""A cluster without any: pods are folders and processes of this machine, with real gates and a real S3 API.

What `exec` would run in a container runs here, with the container's environment; what is forwarded are the
ports of the processes themselves.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from clients.kubernetes_api import Object
from clients.pod_streams import Executed
from ops import stack as stacks
from ops.aws import AwsAccess
from ops.memory import plans_of
from ops.stack import Stack
from ops.stack_file import read
from ops.validation.pod_target import PodTarget
from ops.validation.process_target import Server
from ops.validation.target import Limits
from plan.handover import HandoverPlan
from plan.names import SYSTEM_NAMESPACE
from settings import from_config
from tests.gate.process.pod import Pod
from tests.ops.snapshots import US, stack_file
from tests.s3 import ADMIN, S3Service
from tests.validation.fake_network import FakeNetwork
from tests.validation.process_runs import application

LIMITS = Limits(answer=5.0, start=60.0, metric=2.0, upload_slack=20.0, standby=20.0)
INTERVAL = 1
DENY: Object = {
    "metadata": {"name": "default-deny"},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
}


@dataclass
class FakePod:
    """A Brain's or an Agent's pod."""

    gate: Pod
    servers: Mapping[int, Server]
    """By the port that they have in a cluster."""
    ready: bool = True
    problem: str = ""
    conditions: Sequence[Object] = ()
    uid: str = field(default_factory=lambda: uuid.uuid4().hex)

    def environment(self) -> dict[str, str]:
        return {
            "GATE_VOLUME": str(self.gate.volume),
            "GATE_RCLONE": str(self.gate.rclone),
            "JULES_AGENT_DIR": str(self.gate.volume),
            **self.gate.environment,
        }

    def url(self, port: int) -> str:
        if port in self.servers:
            return self.servers[port].url
        if port == 3010 and self.gate.port:
            return f"http://127.0.0.1:{self.gate.port}"
        return self.gate.health.url.removesuffix("/health")

    def close(self) -> None:
        self.gate.close()
        for server in self.servers.values():
            server.kill()


class FakeCluster:
    """Stands in for a Cluster, and for its API."""

    name = "cluster"
    kubectl = "kubectl"

    def __init__(self, regions: Sequence[str]) -> None:
        self.regions = tuple(regions)
        self.pods: dict[tuple[str, str], FakePod] = {}
        self.policies: dict[str, list[Object]] = {}
        self.network = FakeNetwork()
        self.targets: Sequence[PodTarget] = ()
        self.api = self
        self.calls: list[tuple[str, str]] = []
        """Every call that is no plain read: method and path."""
        self.commands: list[Sequence[str]] = []
        """Every command that was run in a container."""

    @contextmanager
    def forward(self, namespace: str, pod: str, port: int) -> Iterator[str]:
        yield self.pods[namespace, pod].url(port)

    def exec(
        self, namespace: str, pod: str, container: str, argv: Sequence[str], timeout: float = 60.0
    ) -> Executed:
        self.commands.append(argv)
        if argv[0] == "python3" and (answer := self.network.answer(self, namespace, pod, argv)) is not None:
            return Executed(0, json.dumps(answer), "")
        found = self.pods[namespace, pod]
        program = sys.executable if argv[0] == "python3" else argv[0]
        done = subprocess.run(
            [program, *argv[1:]],
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], **found.environment()},
            timeout=timeout,
        )
        return Executed(done.returncode, done.stdout, done.stderr)

    # The API.

    def get(self, manifest: Object) -> Object | None:
        named = manifest["metadata"]
        if manifest["kind"] != "Pod":
            return self.network.others.get((manifest["kind"], named["name"]))
        found = self.pods.get((named["namespace"], named["name"]))
        if found is None:
            return None
        variables = [{"name": "JULES_AGENT_DIR", "value": found.environment()["JULES_AGENT_DIR"]}]
        ready = {
            "type": "Ready",
            "status": "True" if found.ready else "False",
            "message": found.problem,
        }
        return self.network.pod(named, found.uid, variables, [ready, *found.conditions])

    def list(
        self, kind: str, namespace: str, labels: Mapping[str, str] | None = None, version: str = "v1"
    ) -> list[Object]:
        if kind == "NetworkPolicy":
            return self.policies[namespace]
        if kind == "Pod" and namespace == SYSTEM_NAMESPACE:
            return self.network.controller_pods()
        if kind == "Pod":
            named = [{"namespace": space, "name": name} for space, name in self.pods if space == namespace]
            return [pod for one in named if (pod := self.get({"kind": "Pod", "metadata": one}))]
        return self.network.objects(
            kind, namespace, [name for space, name in self.pods if space == namespace]
        )

    def path(self, pod: Object) -> str:
        return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"

    def call(self, method: str, path: str) -> Object:
        """Delete a pod: its StatefulSet starts another."""
        self.calls.append((method, path))
        assert method == "DELETE"
        namespace, _, name = path.partition("/")
        found = self.pods[namespace, name]
        for server in found.servers.values():
            server.kill()
            server.start()
        found.uid = uuid.uuid4().hex
        for target in self.targets:
            target.close()  # What was forwarded leads to ports that are gone.
        return {}

    def close(self) -> None:
        for pod in self.pods.values():
            pod.close()


class FakeStack:
    """A stack of companies in one region (or several) of a fake cluster."""

    def __init__(
        self,
        folder: Path,
        s3: S3Service,
        rclone: Path,
        *,
        regions: Sequence[str] = (US,),
        companies: Sequence[str] = ("acme", "Globex_Corp"),
        policy: str = "latency",
    ) -> None:
        self._folder, self._s3, self._rclone = folder, s3, rclone
        name = s3.buckets[US].removeprefix("agency-test-").removesuffix(f"-{US}")
        file = stack_file(
            folder,
            name,
            regions=list(regions),
            companies=list(companies),
            policy=policy,
            replication={"syncInterval": 5},
            failover={"enabled": len(regions) > 1},
        )
        config, _ = read(file)
        self.stack = Stack(name=name, file=file, settings=from_config(config, name))
        # Shorter than a stack file may say, and at an address that no stack but `local` may have.
        replication = self.stack.settings.replication.model_copy(
            update={"sync_interval": INTERVAL, "endpoint": s3.url}
        )
        settings = self.stack.settings.model_copy(update={"replication": replication})
        self.stack = stacks.Stack(name=name, file=file, settings=settings)
        self.cluster = FakeCluster(regions)
        self.targets = [
            self._site(company.name, region) for region in regions for company in settings.companies
        ]
        self.cluster.targets = self.targets

    def _site(self, company: str, region: str) -> PodTarget:
        tenant = self.stack.company(company)
        target = PodTarget(self.stack, tenant, region, self.cluster, self._folder, LIMITS)  # type: ignore[arg-type]
        keys = {"aws_access_key_id": ADMIN, "aws_secret_access_key": ADMIN}
        target.aws = AwsAccess(local=False, arguments={"endpoint_url": self._s3.url, **keys})
        self.cluster.policies[target.namespace] = [DENY]
        return target

    def start(self, *, gates: bool = True, idle: Collection[str] = ()) -> None:
        """All pods. Without gates nothing is copied, and their pages say nothing. Those of `idle`, as
        `<region>/<component>`, run, and know of no bucket: they copy nothing and follow nobody.
        """
        self._idle = idle
        for target in self.targets:
            gate = self._gate(target, "brain", gates)
            folder = gate.folder / "agent"
            folder.mkdir()
            (folder / "brain").symlink_to(gate.volume)
            server = self._server(target, "brain", folder, application("brain"))
            self.cluster.pods[target.namespace, target.brain.name] = FakePod(
                gate=gate, servers={3002: server}
            )
            gate = self._gate(target, "agent", gates)
            monitor = self._server(target, "health-monitor", gate.volume, application("health-monitor"))
            self.cluster.pods[target.namespace, target.agent.name] = FakePod(
                gate=gate, servers={3004: monitor}
            )

    def _server(self, target: PodTarget, name: str, folder: Path, command: str) -> Server:
        log = self._folder / f"{target.namespace}-{target.region}-{name}.log"
        server = Server(f"the {name} of {target.company}", command, folder, log, LIMITS.start)
        server.start()
        return server

    def _gate(self, target: PodTarget, component: str, start: bool) -> Pod:
        pod = Pod(self._folder / f"{target.namespace}-{target.region}-{component}", component=component)
        plan: HandoverPlan = plans_of(target.stack, target.tenant, component)[target.region]
        pod.rclone = self._rclone
        pod.environment = self._s3.credentials(self._s3.sidecar(target.region, target.namespace, component))
        pod.configure(
            region=target.region,
            namespace=target.namespace,
            order=plan.priority,
            follows=plan.follows,
            ranked=plan.ranked,
            buckets={} if f"{target.region}/{component}" in self._idle else self._s3.buckets,
            endpoint=self._s3.url,
            syncInterval=INTERVAL,
        )
        pod.files = {"mcp.serving.json": "{}", "mcp.standby.json": "{}"} if component == "agent" else {}
        pod.configure()
        if start:
            pod.start()
        return pod

    def pod(self, target: PodTarget, component: str) -> FakePod:
        return self.cluster.pods[target.namespace, target.pods[component].name]

    def close(self) -> None:
        for target in self.targets:
            target.close()
        self.cluster.close()
