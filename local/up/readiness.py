"""Waits until every node and workload of a cluster is ready."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from local.kubernetes_api import KubernetesApi
from local.machine.files import LocalError, Progress

POLL_SECONDS = 0.5
REPORT_SECONDS = 5.0
LIMIT_SECONDS = 600.0
SHOWN = 5


def wait(api: KubernetesApi, progress: Progress) -> None:
    """Wait until every node is ready and every StatefulSet and Deployment has its ready replicas.

    Raises LocalError after LIMIT_SECONDS, with the reason of each pod that is not ready.
    """
    began = reported = time.monotonic()
    while waiting := list(_unready(api)):
        now = time.monotonic()
        if now - began > LIMIT_SECONDS:
            raise LocalError(f"not ready after {now - began:.0f} s:\n  " + "\n  ".join(_reasons(api)))
        if now - reported > REPORT_SECONDS:
            reported = now
            more = f" and {len(waiting) - SHOWN} more" if len(waiting) > SHOWN else ""
            progress(f"waiting for {', '.join(waiting[:SHOWN])}{more} ({now - began:.0f} s)")
        time.sleep(POLL_SECONDS)


def _unready(api: KubernetesApi) -> Iterator[str]:
    for node in api.call("GET", "/api/v1/nodes")["items"]:
        if _condition(node, "Ready").get("status") != "True":
            yield str(node["metadata"]["name"])
    for kind in ("statefulsets", "deployments"):
        for item in api.call("GET", f"/apis/apps/v1/{kind}")["items"]:
            metadata, status = item["metadata"], item.get("status", {})
            observed = status.get("observedGeneration") == metadata["generation"]
            wanted = item["spec"].get("replicas", 1)
            current = min(status.get("readyReplicas", 0), status.get("updatedReplicas", 0))
            if not observed or current < wanted:
                yield f"{metadata['namespace']}/{metadata['name']}"


def _reasons(api: KubernetesApi) -> Iterator[str]:
    for node in api.call("GET", "/api/v1/nodes")["items"]:
        ready = _condition(node, "Ready")
        if ready.get("status") != "True":
            yield f"{node['metadata']['name']}: {ready.get('reason')}: {ready.get('message')}"
    for pod in api.call("GET", "/api/v1/pods")["items"]:
        if _condition(pod, "Ready").get("status") != "True":
            yield f"{pod['metadata']['namespace']}/{pod['metadata']['name']}: {_reason(pod)}"


def _condition(resource: dict[str, Any], kind: str) -> dict[str, Any]:
    conditions = resource["status"].get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _reason(pod: dict[str, Any]) -> str:
    status = pod["status"]
    for container in (*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])):
        if waiting := container["state"].get("waiting"):
            return f"{container['name']} waits: {waiting.get('reason')} {waiting.get('message', '')}".strip()
    for name in ("PodScheduled", "Initialized", "ContainersReady"):
        if (condition := _condition(pod, name)) and condition["status"] != "True":
            return f"{condition.get('reason', name)}: {condition.get('message', '')}"
    return str(status.get("phase", "no status"))
