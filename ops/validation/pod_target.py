"""Targets of a stack: a company's pods in one of its regions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any

from clients import http_client
from clients.http_client import HttpError
from clients.kubernetes_api import Object, reference
from clients.pod_streams import Executed
from ops.aws import Reach, reach_of
from ops.cluster_access import Cluster, clusters_of, local_target
from ops.memory import memory_in, plans_of
from ops.stack import Stack
from ops.validation import pods
from ops.validation.pods import Container
from ops.validation.results import Failure
from ops.validation.target import AGENT, BRAIN, GATE, HEALTH_MONITOR, Limits, Target, wait_until
from ops.vault import Stored, Vault
from runtime.gate.snapshot.checkpoint import Checkpoint
from runtime.gate.storage.keys import CheckpointId
from runtime.ports import AGENT_PORT, BRAIN_PORT, GATE_PORT, HEALTH_MONITOR_PORT
from settings import Company

PORTS = {BRAIN: BRAIN_PORT, AGENT: AGENT_PORT, HEALTH_MONITOR: HEALTH_MONITOR_PORT, GATE: GATE_PORT}
COMPONENTS = {BRAIN: BRAIN, AGENT: AGENT, HEALTH_MONITOR: AGENT}
"""The component of a container. Each component has a gate, too."""
PRIMARY = 'agency_role{role="serving"}'
"""The series of a gate's metrics that is 1 while its region serves the company."""
READY_POLL_SECONDS = 1.0
SWAPS, SWAPPING = "agency_swaps_total", "agency_swapping"
SWAP_SECONDS = 5.0
"""Until a swap shows in the gate's metrics."""


class PodTarget(Target):
    """A company's Brain and Agent in one region: the pods with ordinal 0, whose volumes are replicated."""

    def __init__(
        self, stack: Stack, tenant: Company, region: str, cluster: Cluster, state: Path, limits: Limits
    ) -> None:
        self.stack, self.tenant, self.region, self.cluster = stack, tenant, region, cluster
        self.state, self.limits = state, limits
        self.company, self.namespace = tenant.name, tenant.namespace
        self.proposals: set[str] = set()
        """Files that the run wrote below the Agent's `.agent`."""
        self._forwards, self._urls = ExitStack(), dict[tuple[str, int], str]()
        self._swaps = 0.0

    def open(self) -> None:
        for component in (BRAIN, AGENT):
            if problem := pods.problem_of(self.pod(component)):
                pod = self.pod_name(component)
                raise Failure(f"{self.namespace}/{pod} is not Ready: {problem}", self.describe(component))
        self._swaps = self._count(SWAPS)

    def close(self) -> None:
        self._urls.clear()
        self._forwards.close()

    def url(self, container: str) -> str:
        return self._forwarded(COMPONENTS[container], PORTS[container])

    def logs(self, container: str) -> str:
        return self._container(COMPONENTS.get(container, BRAIN), container).logs

    def gate_failure(self, component: str, cause: str) -> Failure:
        return Failure(cause, self._container(component, GATE).logs)

    def describe(self, component: str) -> str:
        return f"{self.cluster.kubectl} -n {self.namespace} describe pod {self.pod_name(component)}"

    def count_files(self, folder: str) -> int:
        return int(self.run_in_gate(BRAIN, "volume", {"count": [folder]})[folder])

    def execute(self, container: str, script: str, arguments: Sequence[str]) -> Executed:
        folder = pods.environment_of(self.require_pod(AGENT), container)["JULES_AGENT_DIR"]
        argv = ["sh", "-c", script, "sh", folder, *arguments]
        return self.cluster.exec(self.namespace, self.pod_name(AGENT), container, argv)

    def run_in_gate(self, component: str, script: str, argument: Any) -> Any:
        """The JSON that a script of `in_pod/` prints in the gate of the component's pod."""
        return self._container(component, GATE).run(script, argument)

    def restart_brain(self) -> str:
        before = self.require_pod(BRAIN)
        self.cluster.api.call("DELETE", self.cluster.api.path(before))
        seconds = self.await_ready(BRAIN, lambda pod: pod["metadata"]["uid"] != before["metadata"]["uid"])
        return f"{self.pod_name(BRAIN)} deleted, its successor is Ready after {seconds:.0f} s"

    def standby_reason(self) -> str | None:
        """Writing to a standby's Brain would raise an alarm in its gate."""
        follows = self.follows(BRAIN)
        if not follows:
            return None
        primary = self.metric(BRAIN, PRIMARY)
        if primary is None:
            raise self.gate_failure(
                BRAIN,
                f"whether the Brain of {self.name} may be written to cannot be judged: the metrics of its"
                f" gate lack {PRIMARY}",
            )
        return None if primary == 1.0 else f"standby: its memory follows {', '.join(follows)}"

    def recovered(self) -> bool:
        """A gate restarts the Brain when it swaps its files for those of the primary region."""
        what = f"the Brain of {self.name} has other files"
        if wait_until(self._swapped, SWAP_SECONDS, what) is None:
            return False
        is_up = wait_until(self._is_up, self.limits.start, f"{what}, and answers") is not None
        self._swaps = self._count(SWAPS)
        return is_up

    def _swapped(self) -> bool:
        return bool(self._count(SWAPPING)) or self._count(SWAPS) > self._swaps

    def _count(self, series: str) -> float:
        """0 while the gate does not answer: of swaps, where that proves nothing."""
        try:
            return self.metric(BRAIN, series) or 0.0
        except HttpError:
            return 0.0

    def _is_up(self) -> bool:
        try:
            http_client.health(self.url(BRAIN))
        except HttpError:
            return False
        return not self._count(SWAPPING)

    def pod_name(self, component: str) -> str:
        return f"{component}-{self.region}-0"

    def pod(self, component: str) -> Object | None:
        return self.cluster.api.get(reference("Pod", self.pod_name(component), self.namespace))

    def require_pod(self, component: str) -> Object:
        pod = self.pod(component)
        if pod is None:
            raise Failure(
                f"there is no pod {self.namespace}/{self.pod_name(component)}",
                f"{self.cluster.kubectl} -n {self.namespace} describe statefulset {component}-{self.region}",
            )
        return pod

    def await_ready(
        self, component: str, is_new: Callable[[Object], bool] = lambda pod: True, limit: float = 0.0
    ) -> float:
        """Seconds until the component's pod is Ready and `is_new`, at most `limit` (default: for a start)."""
        limit, problem = limit or self.limits.start, ""

        def is_ready() -> bool:
            nonlocal problem
            pod = self.pod(component)
            problem = pods.problem_of(pod) or ""
            return pod is not None and not problem and is_new(pod)

        name = f"{self.namespace}/{self.pod_name(component)}"
        seconds = wait_until(is_ready, limit, f"{name} is Ready again", READY_POLL_SECONDS)
        if seconds is None:
            problem = problem or "it is still the previous pod"
            raise Failure(
                f"{name} is not Ready again after {limit:.0f} s: {problem}", self.describe(component)
            )
        return seconds

    def follows(self, component: str) -> tuple[str, ...]:
        """The regions whose memory the component takes over; empty: it keeps a memory of its own."""
        return plans_of(self.stack, self.tenant, component)[self.region].follows

    def vault(self, component: str) -> Vault | None:
        """The component's checkpoints in the region's bucket; None without replication."""
        if not self.stack.settings.replication.enabled:
            return None
        memory = memory_in(self.stack, self.tenant, component, self.region)
        return Vault(self.aws.client("s3", self.region), memory)

    def newest_checkpoint(self, vault: Vault) -> Checkpoint | None:
        """The newest that this region uploaded; None where there is none yet. Raises as `checkpoint` does."""
        id = vault.newest()
        return None if id is None else self.checkpoint(vault, id)

    def checkpoint(self, vault: Vault, id: CheckpointId) -> Checkpoint:
        """Raises Failure for an invalid checkpoint, OperatorError when S3 does not answer."""
        try:
            return vault.read(Stored(writer=vault.memory.region, id=id))
        except ValueError as error:
            raise self.gate_failure(vault.memory.component, f"{vault.memory.name}: {error}") from error

    @cached_property
    def aws(self) -> Reach:
        # The stack's settings name the emulator as pods know it, not as this machine does.
        if target := local_target(self.stack, self.state):
            return Reach(local=True, given=target.aws.credentials())
        return reach_of(self.stack, self.state)

    def page(self, component: str, path: str) -> tuple[int, str]:
        """Status and text of a page of the component's gate. Raises HttpError."""
        return http_client.get(self._forwarded(component, GATE_PORT), path)

    def metric(self, component: str, series: str) -> float | None:
        """A series of the metrics of the component's gate; None without it. Raises HttpError."""
        status, text = self.page(component, "/metrics")
        if status != HTTPStatus.OK:
            raise HttpError(f"/metrics of the {component}'s gate: status {status}: {' '.join(text.split())}")
        values = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(f"{series} ")]
        return float(values[0]) if values else None

    def gate_report(self, component: str) -> str:
        """What the component's gate reports about its uploads, in words."""
        try:
            health: Mapping[str, Any] = json.loads(self.page(component, "/health")[1])
            problems = "; ".join(health["problems"]) or "nothing is wrong"
            return f"its gate reports: {problems}; last good upload {health['lagSeconds']} s ago"
        except (HttpError, ValueError, KeyError, TypeError) as error:
            return f"its gate reports nothing: {error}"

    def _forwarded(self, component: str, port: int) -> str:
        """Leads to whichever pod has the component's name when a connection is opened."""
        if (component, port) not in self._urls:
            forward = self.cluster.forward(self.namespace, self.pod_name(component), port)
            self._urls[component, port] = self._forwards.enter_context(forward)
        return self._urls[component, port]

    def _container(self, component: str, container: str) -> Container:
        pod = self.pod_name(component)
        return Container(cluster=self.cluster, namespace=self.namespace, pod=pod, container=container)


def targets_of(
    stack: Stack,
    companies: Sequence[str] | None,
    contexts: Sequence[str] | None,
    state: Path,
    limits: Limits,
) -> list[PodTarget]:
    """The targets of these companies, default all, by the stack's regions. Raises OperatorError."""
    chosen = [stack.company(name) for name in companies] if companies else stack.settings.companies
    clusters = {
        region: cluster for cluster in clusters_of(stack, contexts, state) for region in cluster.regions
    }
    return [
        PodTarget(stack, company, region, clusters[region], state, limits)
        for region in stack.regions
        for company in dict.fromkeys(chosen)
        if region in {each.name for each in stack.settings.regions_of(company)}
    ]
