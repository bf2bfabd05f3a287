"""Targets of a stack: a company's pods in one of its regions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from clients import http_client
from clients.http_client import HttpError
from clients.kubernetes_api import Object
from clients.pod_streams import Executed
from ops.aws import AwsAccess, aws_access
from ops.checkpoints import CheckpointStore, Stored
from ops.cluster_access import Cluster, clusters_by_region
from ops.memory import memory_in, plans_of
from ops.probing.containers import AGENT, BRAIN, COMPONENTS
from ops.probing.failure import Failure
from ops.probing.pods import ComponentPod, environment_of, problem_of
from ops.probing.port_forwards import PortForwards
from ops.stack import Stack
from ops.terminal import wait_until
from ops.validation.target import Limits, Target
from runtime.gate.snapshot.checkpoint import Checkpoint
from runtime.gate.storage.keys import CheckpointId
from settings import Company

PRIMARY = 'agency_role{role="serving"}'
"""The series of a gate's metrics that is 1 while its region is primary for the company."""
READY_POLL_SECONDS = 1.0
SWAPS, SWAPPING = "agency_swaps_total", "agency_swapping"
SWAP_SECONDS = 5.0
"""Until a swap shows in the gate's metrics."""


class PodTarget(Target):
    def __init__(
        self, stack: Stack, tenant: Company, region: str, cluster: Cluster, state: Path, limits: Limits
    ) -> None:
        self.stack, self.tenant, self.region, self.cluster = stack, tenant, region, cluster
        self.state, self.limits = state, limits
        self.company, self.namespace = tenant.name, tenant.namespace
        self.proposals: set[str] = set()
        """Files that the run wrote below the Agent's `.agent`."""
        self._forwards, self._swaps = PortForwards(), 0.0
        self.brain, self.agent = self._pod(BRAIN), self._pod(AGENT)
        self.pods = {BRAIN: self.brain, AGENT: self.agent}

    def _pod(self, component: str) -> ComponentPod:
        return ComponentPod(
            cluster=self.cluster,
            namespace=self.namespace,
            component=component,
            region=self.region,
            forwards=self._forwards,
        )

    def open(self) -> None:
        for pod in self.pods.values():
            if problem := problem_of(pod.live()):
                raise Failure(f"{pod} is not Ready: {problem}", pod.describe)
        self._swaps = self._count(SWAPS)

    def close(self) -> None:
        self._forwards.close()

    def url(self, container: str) -> str:
        return self.pods[COMPONENTS[container]].url(container)

    def logs(self, container: str) -> str:
        return self.pods[COMPONENTS.get(container, BRAIN)].container(container).logs

    def count_files(self, folder: str) -> int:
        return int(self.brain.run("volume", {"count": [folder]})["files"][folder])

    def execute(self, container: str, script: str, arguments: Sequence[str]) -> Executed:
        folder = environment_of(self.agent.require(), container)["JULES_AGENT_DIR"]
        argv = ["sh", "-c", script, "sh", folder, *arguments]
        return self.cluster.exec(self.namespace, self.agent.name, container, argv)

    def restart_brain(self) -> str:
        before = self.brain.require()
        self.cluster.api.call("DELETE", self.cluster.api.path(before))
        seconds = self.await_ready(BRAIN, lambda pod: pod["metadata"]["uid"] != before["metadata"]["uid"])
        return f"{self.brain.name} deleted, its successor is Ready after {seconds:.0f} s"

    def standby_reason(self) -> str | None:
        """Writing to a standby's Brain would raise an alarm in its gate."""
        follows = self.follows(BRAIN)
        if not follows:
            return None
        primary = self.brain.metric(PRIMARY)
        if primary is None:
            raise self.brain.failure(
                f"whether the Brain of {self.name} may be written to cannot be judged: the metrics of its"
                f" gate lack {PRIMARY}"
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
            return self.brain.metric(series) or 0.0
        except HttpError:
            return 0.0

    def _is_up(self) -> bool:
        try:
            http_client.health(self.url(BRAIN))
        except HttpError:
            return False
        return not self._count(SWAPPING)

    def await_ready(
        self, component: str, is_new: Callable[[Object], bool] = lambda live: True, limit: float = 0.0
    ) -> float:
        """Seconds until the component's pod is Ready and `is_new`, at most `limit` (default: for a start)."""
        limit, problem, pod = limit or self.limits.start, "", self.pods[component]

        def is_ready() -> bool:
            nonlocal problem
            live = pod.live()
            problem = problem_of(live) or ""
            return live is not None and not problem and is_new(live)

        seconds = wait_until(is_ready, limit, f"{pod} is Ready again", READY_POLL_SECONDS)
        if seconds is None:
            problem = problem or "it is still the previous pod"
            raise Failure(f"{pod} is not Ready again after {limit:.0f} s: {problem}", pod.describe)
        return seconds

    def follows(self, component: str) -> tuple[str, ...]:
        """The regions whose memory the component takes over; empty: it keeps a memory of its own."""
        return plans_of(self.stack, self.tenant, component)[self.region].follows

    def store(self, component: str) -> CheckpointStore | None:
        """The component's checkpoints in the region's bucket; None without replication."""
        if not self.stack.settings.replication.enabled:
            return None
        memory = memory_in(self.stack, self.tenant, component, self.region)
        return CheckpointStore(self.aws.client("s3", self.region), memory)

    def checkpoint(self, store: CheckpointStore, id: CheckpointId) -> Checkpoint:
        """Raises Failure for an invalid checkpoint, OperatorError when S3 does not answer."""
        try:
            return store.read(Stored(writer=store.memory.region, id=id))
        except ValueError as error:
            raise self.pods[store.memory.component].failure(f"{store.memory.name}: {error}") from error

    @cached_property
    def aws(self) -> AwsAccess:
        return aws_access(self.stack, self.state)


def targets_of(
    stack: Stack,
    companies: Sequence[str] | None,
    contexts: Sequence[str] | None,
    state: Path,
    limits: Limits,
) -> list[PodTarget]:
    """The targets of these companies, default all, by the stack's regions. Raises OperatorError."""
    chosen = [stack.company(name) for name in companies] if companies else stack.settings.companies
    clusters = clusters_by_region(stack, contexts, state)
    return [
        PodTarget(stack, company, region, clusters[region], state, limits)
        for region in stack.regions
        for company in dict.fromkeys(chosen)
        if region in {each.name for each in stack.settings.regions_of(company)}
    ]
