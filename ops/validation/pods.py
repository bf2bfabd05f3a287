"""Pods as the suite handles them: whether they are Ready, and what runs inside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ops.cluster_access import Cluster, Object
from ops.validation.run import waited
from ops.validation.verdicts import Failure

GATE = "gate"
INSIDE = Path(__file__).parent / "inside"
POLL_SECONDS = 1.0


def find(cluster: Cluster, namespace: str, name: str) -> Object | None:
    metadata = {"name": name, "namespace": namespace}
    return cluster.api.get({"apiVersion": "v1", "kind": "Pod", "metadata": metadata})


def problem_of(pod: Object | None) -> str | None:
    """Why a pod is not Ready; None when it is."""
    if pod is None:
        return "there is no such pod"
    if pod["metadata"].get("deletionTimestamp"):
        return "it is being deleted"
    status = pod.get("status", {})
    conditions = {one["type"]: one for one in status.get("conditions", ())}
    if conditions.get("Ready", {}).get("status") == "True":
        return None
    told = [text for one in _containers(status) if (text := _trouble(one))]
    for condition in ("PodScheduled", "Ready"):
        if conditions.get(condition, {}).get("status") == "False":
            told.append(str(conditions[condition].get("message") or conditions[condition].get("reason")))
    return "; ".join(told) or f"its phase is {status.get('phase', 'unknown')}"


def _containers(status: Object) -> list[Object]:
    return [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]


def _trouble(container: Object) -> str | None:
    for kind in ("waiting", "terminated"):
        state = container.get("state", {}).get(kind)
        if state and not (kind == "terminated" and state.get("exitCode") == 0):
            why = state.get("message") or f"exit code {state.get('exitCode')}"
            return f"container {container['name']}: {state.get('reason', kind)}: {why}"
    return None


def await_ready(
    cluster: Cluster, namespace: str, name: str, limit: float, is_new: Callable[[Object], bool]
) -> float:
    """Seconds until the pod is Ready and `is_new`. Raises Failure, saying in which state it is."""
    last: list[str] = []

    def ready() -> bool:
        pod = find(cluster, namespace, name)
        last[:] = [problem_of(pod) or "it is the one from before"]
        return pod is not None and problem_of(pod) is None and is_new(pod)

    seconds = waited(ready, limit, f"{namespace}/{name} is Ready again", POLL_SECONDS)
    if seconds is None:
        look = f"{cluster.kubectl} -n {namespace} describe pod {name}"
        raise Failure(f"{namespace}/{name} is not Ready again after {limit:.0f} s: {last[0]}", look)
    return seconds


def environment_of(pod: Object, container: str) -> Mapping[str, str]:
    """The plain variables of one of its containers. Raises KeyError when it has no such container."""
    spec = pod["spec"]
    for one in (*spec.get("initContainers", ()), *spec["containers"]):
        if one["name"] == container:
            return {each["name"]: each["value"] for each in one.get("env", ()) if "value" in each}
    raise KeyError(container)


def inside(
    cluster: Cluster,
    namespace: str,
    pod: str,
    script: str,
    argument: Any,
    limit: float = 120.0,
    container: str = GATE,
) -> Any:
    """What a script of `inside/` prints, run in a pod. Raises Failure and OperatorError."""
    source = (INSIDE / f"{script}.py").read_text(encoding="utf-8")
    argv = ["python3", "-c", source, json.dumps(argument)]
    code, out, err = cluster.exec(namespace, pod, container, argv, limit)
    if code != 0:
        last = (err.strip() or out.strip() or "no output").splitlines()[-1]
        raise Failure(
            f"{script}.py in the {container} of {namespace}/{pod} ended with exit code {code}: {last}",
            f"{cluster.kubectl} -n {namespace} logs {pod} -c {container} --tail=50",
        )
    return json.loads(out)
