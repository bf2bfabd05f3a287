"""Sites of a stack: a company's pods in one of its regions."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any

from ops import mcp_client
from ops.aws import Reach, reach_of
from ops.cluster_access import Cluster, Object, clusters_of
from ops.memory import AGENT, BRAIN, Memory
from ops.pod_streams import Executed
from ops.stack import Stack
from ops.validation import pods, removal
from ops.validation.run import waited, who
from ops.validation.sites import Limits
from ops.validation.verdicts import Failure
from ops.vault import Vault
from plan.handover import HandoverPlan, agent_handover, brain_handover
from plan.names import LOCAL
from settings import Company
from settings.routes import company_route, region_routes

PORTS = {"brain": 3002, "agent": 3000, "health-monitor": 3004, "gate": 3010}
COMPONENTS = {"brain": BRAIN, "agent": AGENT, "health-monitor": AGENT}
"""Which workload a container belongs to; each has a gate."""
SERVING = 'agency_role{role="serving"}'
"""The series of a gate's metrics that is 1 while its region serves the company."""
SWAPS, SWAPPING = "agency_swaps_total", "agency_swapping"
EXCHANGE_SECONDS = 5.0
"""For what a gate does to show in its metrics."""

_WRITE_METRIC = """\
mkdir -p "$1/metrics" && printf '{"timestamp":"%s","agent":"%s","metric":"%s","value":%s,"tags":{}}\\n' \
"$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$2" "$3" "$4" >> "$1/metrics/$(date -u +%Y-%m-%d).ndjson"
"""
_LAST_METRICS = 'cd "$1/metrics" && for file in $(ls | tail -n 2); do tail -n 500 "$file"; done'
"""Today's, and at midnight yesterday's; an image need not have more than a shell and coreutils."""


class PodSite:
    """A company's Brain and Agent in one region. Ordinal 0 of each: it is the one that is copied."""

    def __init__(
        self, known: Stack, company: Company, region: str, cluster: Cluster, state: Path, limits: Limits
    ) -> None:
        self.stack, self.tenant, self.region, self.cluster = known, company, region, cluster
        self.state, self.limits = state, limits
        self.company, self.namespace = company.name, company.namespace
        self.proposals: set[str] = set()
        """Files that were written below the Agent's `.agent`."""
        self._forwards, self._urls = ExitStack(), dict[tuple[str, int], str]()
        self._swaps = 0.0

    # What checks ask of every site.

    @property
    def brain(self) -> str:
        return self.url(BRAIN, PORTS["brain"])

    @property
    def health_monitor(self) -> str:
        return self.url(AGENT, PORTS["health-monitor"])

    def open(self) -> None:
        for component in (BRAIN, AGENT):
            if problem := pods.problem_of(self.pod(component)):
                raise Failure(
                    f"{self.namespace}/{self.pod_name(component)} is not Ready: {problem}",
                    f"{self.cluster.kubectl} -n {self.namespace} describe pod {self.pod_name(component)}",
                )
        self._swaps = self._count(SWAPS)

    def close(self) -> None:
        self._urls.clear()
        self._forwards.close()

    def standby(self) -> str | None:
        """A Brain that follows another region's memory must not be written to: its gate would alarm."""
        follows = self.memory_plan(BRAIN).follows
        if not follows:
            return None
        serving = self.metric(BRAIN, SERVING)
        if serving is None:
            raise Failure(
                f"whether the Brain of {who(self)} may be written to cannot be judged: its gate does not say"
                f" in which role it is ({SERVING})",
                self.look_at_gate(BRAIN),
            )
        return None if serving == 1.0 else f"standby: its memory follows {', '.join(follows)}"

    def look(self, container: str) -> str:
        pod = self.pod_name(COMPONENTS.get(container, BRAIN))
        return f"{self.cluster.kubectl} -n {self.namespace} logs {pod} -c {container} --tail=50"

    def look_at_gate(self, component: str) -> str:
        pod = self.pod_name(component)
        return f"{self.cluster.kubectl} -n {self.namespace} logs {pod} -c gate --tail=50"

    def files(self, space: str) -> int:
        return int(self.in_gate(BRAIN, "volume", {"count": [space]})[space])

    def restart_brain(self) -> str:
        before = self.require_pod(BRAIN)
        path = self.cluster.api.path(before)
        self.cluster.api.call("DELETE", path)
        seconds = self.await_ready(BRAIN, lambda pod: pod["metadata"]["uid"] != before["metadata"]["uid"])
        return f"{self.pod_name(BRAIN)} deleted, its successor is Ready after {seconds:.0f} s"

    def recovered(self) -> bool:
        """Its gate restarts a Brain when it exchanges the memory for that of the serving region."""
        what = f"the Brain of {who(self)} has another memory"
        if waited(self._exchanged, EXCHANGE_SECONDS, what) is None:
            return False
        up = waited(self._is_up, self.limits.start, f"{what}, and answers") is not None
        self._swaps = self._count(SWAPS)
        return up

    def _exchanged(self) -> bool:
        return bool(self._count(SWAPPING)) or self._count(SWAPS) > self._swaps

    def _count(self, series: str) -> float:
        """0 from a gate that says nothing: about exchanges, where that proves nothing."""
        try:
            return self.metric(BRAIN, series) or 0.0
        except mcp_client.McpError:
            return 0.0

    def _is_up(self) -> bool:
        try:
            mcp_client.health(self.brain)
        except mcp_client.McpError:
            return False
        return not self._count(SWAPPING)

    def write_metric(self, agent: str, metric: str, value: float) -> None:
        self.in_agent("agent", _WRITE_METRIC, agent, metric, f"{value:g}")

    def metrics_with(self, text: str) -> Sequence[str]:
        lines = self.in_agent("agent", _LAST_METRICS).out.splitlines()
        return [line for line in lines if text in line]

    def forget(self, spaces: Collection[str], asked: Collection[str]) -> str:
        return removal.forget(self, spaces, asked)

    # What only a cluster has.

    def pod_name(self, component: str) -> str:
        return f"{component}-{self.region}-0"

    def pod(self, component: str) -> Object | None:
        return pods.find(self.cluster, self.namespace, self.pod_name(component))

    def require_pod(self, component: str) -> Object:
        pod = self.pod(component)
        if pod is None:
            raise Failure(
                f"there is no pod {self.namespace}/{self.pod_name(component)}",
                f"{self.cluster.kubectl} -n {self.namespace} describe statefulset {component}-{self.region}",
            )
        return pod

    def await_ready(self, component: str, is_new: Any = lambda pod: True, limit: float = 0.0) -> float:
        """Seconds until the component's pod is Ready and `is_new`, at most `limit` or what a start takes."""
        limit = limit or self.limits.start
        return pods.await_ready(self.cluster, self.namespace, self.pod_name(component), limit, is_new)

    def url(self, component: str, port: int) -> str:
        """Of a port of the component's pod: of whichever has that name when a connection is made."""
        if (component, port) not in self._urls:
            forward = self.cluster.forward(self.namespace, self.pod_name(component), port)
            self._urls[component, port] = self._forwards.enter_context(forward)
        return self._urls[component, port]

    def in_gate(self, component: str, script: str, argument: Any) -> Any:
        """What a script of `inside/` prints in the gate of the component's pod."""
        return pods.inside(self.cluster, self.namespace, self.pod_name(component), script, argument)

    def in_agent(self, container: str, script: str, *arguments: str) -> Executed:
        """Run a shell script in a container of the Agent's pod; `$1` is its `.agent`. Raises Failure."""
        folder = pods.environment_of(self.require_pod(AGENT), container)["JULES_AGENT_DIR"]
        argv = ["sh", "-c", script, "sh", folder, *arguments]
        done = self.cluster.exec(self.namespace, self.pod_name(AGENT), container, argv)
        if done.code != 0:
            raise Failure(
                f"a command in the {container} of {who(self)} ended with exit code {done.code}:"
                f" {(done.err or done.out).strip()}",
                self.look(container),
            )
        return done

    def memory_plan(self, component: str) -> HandoverPlan:
        policy, routes = self.stack.settings.load_balancing.policy, region_routes(self.stack.settings)
        route = company_route(self.stack.settings, self.tenant)
        if component == AGENT:
            return agent_handover(policy, route, routes)
        return brain_handover(policy, route, routes, self.region)

    def vault(self, component: str) -> Vault | None:
        """The component's checkpoints in the region's bucket; None without replication."""
        if not self.stack.settings.replication.enabled:
            return None
        plan = self.memory_plan(component)
        memory = Memory(
            company=self.company,
            namespace=self.namespace,
            component=component,
            region=self.region,
            chosen="",
            bucket=self.stack.bucket(self.region),
            writers=plan.priority if plan.ranked else (self.region,),
        )
        return Vault(self.aws.client("s3", self.region), memory)

    @cached_property
    def aws(self) -> Reach:
        if self.stack.name == LOCAL:
            from local import access

            # Pods are told of the emulator by a name that this machine does not know.
            if found := access.find(self.state):
                return Reach(local=True, given=found.aws.credentials())
        return reach_of(self.stack, self.state)

    def page(self, component: str, path: str) -> tuple[int, str]:
        """Status and text of a page of the component's gate. Raises McpError."""
        return mcp_client.get(self.url(component, PORTS["gate"]), path)

    def metric(self, component: str, series: str) -> float | None:
        """A series of the metrics of the component's gate; None when it has none of it. Raises McpError."""
        status, text = self.page(component, "/metrics")
        if status != HTTPStatus.OK:
            told = " ".join(text.split())
            raise mcp_client.McpError(f"/metrics of the {component}'s gate: status {status}: {told}")
        values = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(f"{series} ")]
        return float(values[0]) if values else None

    def gate_says(self, component: str) -> str:
        """How the component's gate sees its copies, in words."""
        try:
            _, text = self.page(component, "/health")
            told: Mapping[str, Any] = json.loads(text)
            problems = "; ".join(told["problems"]) or "nothing is wrong"
            return f"its gate says: {problems}; last good copy {told['lagSeconds']} s ago"
        except (mcp_client.McpError, ValueError, KeyError, TypeError) as error:
            return f"its gate says nothing: {error}"


def sites_of(
    known: Stack,
    companies: Sequence[str] | None,
    contexts: Sequence[str] | None,
    state: Path,
    limits: Limits,
) -> list[PodSite]:
    """The sites of these companies, default all, by the stack's regions. Raises OperatorError."""
    chosen = [known.company(name) for name in companies] if companies else known.settings.companies
    clusters = {region: one for one in clusters_of(known, contexts, state) for region in one.regions}
    return [
        PodSite(known, company, region, clusters[region], state, limits)
        for region in known.regions
        for company in dict.fromkeys(chosen)
        if region in {each.name for each in known.settings.regions_of(company)}
    ]
