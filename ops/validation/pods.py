"""Pods as the suite handles them: whether they are Ready, and scripts that run in their containers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clients.kubernetes_api import Object
from ops.cluster_access import Cluster
from ops.validation.results import Failure
from ops.validation.target import GATE

IN_POD = Path(__file__).parent / "in_pod"


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
        """The JSON that a script of `in_pod/` prints here. Needs Python. Raises Failure and OperatorError."""
        source = (IN_POD / f"{script}.py").read_text(encoding="utf-8")
        argv = ["python3", "-c", source, json.dumps(argument)]
        code, out, err = self.cluster.exec(self.namespace, self.pod, self.container, argv, limit)
        if code != 0:
            last = (err.strip() or out.strip() or "no output").splitlines()[-1]
            raise Failure(
                f"{script}.py in the {self.container} of {self} ended with exit code {code}: {last}",
                self.logs,
            )
        return json.loads(out)


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
    return "; ".join(problems) or f"its phase is {status.get('phase', 'unknown')}"


def _container_problem(container: Object) -> str | None:
    for kind in ("waiting", "terminated"):
        state = container.get("state", {}).get(kind)
        if state and not (kind == "terminated" and state.get("exitCode") == 0):
            why = state.get("message") or f"exit code {state.get('exitCode')}"
            return f"container {container['name']}: {state.get('reason', kind)}: {why}"
    return None


def environment_of(pod: Object, container: str) -> Mapping[str, str]:
    """The plain variables of one of its containers. Raises KeyError when it has no such container."""
    spec = pod["spec"]
    containers = {each["name"]: each for each in (*spec.get("initContainers", ()), *spec["containers"])}
    variables = containers[container].get("env", ())
    return {variable["name"]: variable["value"] for variable in variables if "value" in variable}
