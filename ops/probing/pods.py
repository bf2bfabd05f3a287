"""Pods: whether they are Ready, scripts in their containers, and the pages of their gates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from clients import http_client
from clients.http_client import HttpError
from clients.kubernetes_api import Object, reference
from ops.cluster_access import Cluster
from ops.probing.containers import GATE, PORTS
from ops.probing.failure import Failure
from ops.probing.port_forwards import PortForwards
from ops.terminal import plain
from runtime import documents

LARGEST_PAGE = 1 << 20
"""Bytes of a gate's /health."""
IN_POD = Path(__file__).parent / "in_pod"


def source(script: str) -> str:
    """An in-pod script, for `python3 -c`."""
    return (IN_POD / f"{script}.py").read_text(encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class Container:
    cluster: Cluster
    namespace: str
    pod: str
    container: str = GATE

    def __str__(self) -> str:
        return f"{self.namespace}/{self.pod}"

    @property
    def logs(self) -> str:
        return f"{self.cluster.kubectl} -n {self.namespace} logs {self.pod} -c {self.container} --tail=50"

    def run(self, script: str, argument: Any, limit: float = 120.0) -> Any:
        """The JSON that an in-pod script prints here. Needs Python. Raises Failure and OperatorError."""
        argv = ["python3", "-c", source(script), json.dumps(argument)]
        code, out, err = self.cluster.exec(self.namespace, self.pod, self.container, argv, limit)
        if code != 0:
            last = (err.strip() or out.strip() or "no output").splitlines()[-1]
            raise Failure(
                f"{script}.py in the {self.container} of {self} ended with exit code {code}: {last}",
                self.logs,
            )
        return json.loads(out)


@dataclass(frozen=True, kw_only=True)
class ComponentPod:
    """A company's Brain or Agent in one region: the pod with ordinal 0, whose volume is replicated."""

    cluster: Cluster
    namespace: str
    component: str
    region: str
    forwards: PortForwards

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def workload(self) -> str:
        return f"{self.component}-{self.region}"

    @property
    def name(self) -> str:
        return f"{self.workload}-0"

    @property
    def describe(self) -> str:
        """The command that shows the pod's state."""
        return f"{self.cluster.kubectl} -n {self.namespace} describe pod {self.name}"

    def container(self, name: str = GATE) -> Container:
        return Container(cluster=self.cluster, namespace=self.namespace, pod=self.name, container=name)

    def run(self, script: str, argument: Any) -> Any:
        """The JSON that an in-pod script prints in the pod's gate. Raises Failure and OperatorError."""
        return self.container().run(script, argument)

    def failure(self, cause: str) -> Failure:
        """With the command for the gate's log."""
        return Failure(cause, self.container().logs)

    def live(self) -> Object | None:
        return self.cluster.api.get(reference("Pod", self.name, self.namespace))

    def require(self) -> Object:
        """Raises Failure without the pod."""
        pod = self.live()
        if pod is None:
            raise Failure(
                f"there is no pod {self}",
                f"{self.cluster.kubectl} -n {self.namespace} describe statefulset {self.workload}",
            )
        return pod

    def url(self, container: str) -> str:
        return self.forwards.url(self.cluster, self.namespace, self.name, PORTS[container])

    def page(self, path: str) -> tuple[int, str]:
        """Status and text of a page of the gate. Raises HttpError."""
        try:
            return http_client.get(self.url(GATE), path)
        except HttpError as error:
            raise HttpError(f"the gate of {self} does not answer: {error}") from error

    def health(self) -> Mapping[str, Any]:
        """The gate's /health. Raises HttpError."""
        _, text = self.page("/health")
        try:
            content = documents.parse(text.encode("utf-8", "replace"), "/health", limit=LARGEST_PAGE)
            problems = content.texts("problems") if content.has("problems") else ()
        except ValueError as error:
            raise HttpError(f"the gate of {self} gives no valid /health: {error}") from error
        return {**content.others(()), "problems": problems}

    def metric(self, series: str) -> float | None:
        """A series of the gate's metrics; None without it. Raises HttpError."""
        status, text = self.page("/metrics")
        if status != HTTPStatus.OK:
            raise HttpError(f"/metrics of the gate of {self}: status {status}: {' '.join(text.split())}")
        values = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(f"{series} ")]
        return float(values[0]) if values else None

    def report(self) -> str:
        """What the gate reports about its uploads, in words."""
        try:
            health = self.health()
            problems = plain("; ".join(health["problems"])) or "no problem"
            lag = plain(health.get("lagSeconds"))
            return f"its gate reports: {problems}; its last upload began {lag} s ago"
        except HttpError as error:
            return f"its gate reports nothing: {error}"


def problem_of(pod: Object | None) -> str | None:
    """Why a pod is not Ready; None when it is."""
    if pod is None:
        return "there is no such pod"
    if pod["metadata"].get("deletionTimestamp"):
        return "it is being deleted"
    status = pod.get("status", {})
    conditions = {condition["type"]: condition for condition in status.get("conditions", ())}
    if conditions.get("Ready", {}).get("status") == "True":
        return None
    containers = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    problems = [problem for container in containers if (problem := _container_problem(container))]
    for condition in ("PodScheduled", "Ready"):
        if conditions.get(condition, {}).get("status") == "False":
            problems.append(str(conditions[condition].get("message") or conditions[condition].get("reason")))
    return plain("; ".join(problems)) or f"its phase is {status.get('phase', 'unknown')}"


def _container_problem(container: Object) -> str | None:
    for kind in ("waiting", "terminated"):
        state = container.get("state", {}).get(kind)
        if state and not (kind == "terminated" and state.get("exitCode") == 0):
            why = state.get("message") or f"exit code {state.get('exitCode')}"
            return f"container {container['name']}: {state.get('reason', kind)}: {why}"
    return None


def environment_of(pod: Object, container: str) -> Mapping[str, str]:
    """The plain variables of a container. Raises KeyError when the pod has no such container."""
    spec = pod["spec"]
    containers = {each["name"]: each for each in (*spec.get("initContainers", ()), *spec["containers"])}
    variables = containers[container].get("env", ())
    return {variable["name"]: variable["value"] for variable in variables if "value" in variable}
