"""What a drill reads from a cluster: lists over all namespaces, and ports of pods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from ops.cluster_access import Cluster
from plan.names import REGION_LABEL
from runtime.flags import CONFIG_MAP, KEY, parse

Object = dict[str, Any]
STATEFUL_SETS = "/apis/apps/v1/statefulsets"
PODS = "/api/v1/pods"
CONFIG_MAPS = "/api/v1/configmaps"
ENDPOINT_SLICES = "/apis/discovery.k8s.io/v1/endpointslices"


def list_objects(cluster: Cluster, path: str, labels: Mapping[str, str], **query: str) -> list[Object]:
    """Of all namespaces, unless the path has one. Raises ApiError."""
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    parameters = {**query, **({"labelSelector": selector} if selector else {})}
    items: list[Object] = cluster.api.call("GET", f"{path}?{urlencode(parameters)}")["items"] or []
    return items


def region_labels(region: str) -> dict[str, str]:
    """The labels of the platform's workloads and pods in a region."""
    return {"app.kubernetes.io/part-of": "digital-agency", REGION_LABEL: region}


def service_labels(region: str) -> dict[str, str]:
    """The labels of the endpoint slices of the region's Agents."""
    return {"kubernetes.io/service-name": f"agent-{region}"}


def ready_endpoints(endpoint_slice: Object) -> int:
    """A missing condition means ready."""
    endpoints = endpoint_slice.get("endpoints") or ()
    return sum(one.get("conditions", {}).get("ready") is not False for one in endpoints)


def flags(cluster: Cluster) -> dict[str, frozenset[str]]:
    """The regions that `failed-regions` names, by namespace. Raises ApiError."""
    return {
        one["metadata"]["namespace"]: parse((one.get("data") or {}).get(KEY) or "")
        for one in list_objects(cluster, CONFIG_MAPS, {}, fieldSelector=f"metadata.name={CONFIG_MAP}")
    }
