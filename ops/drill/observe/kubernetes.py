"""What a drill reads from a cluster, over all namespaces. All functions raise ApiError."""

from __future__ import annotations

from collections.abc import Iterator

from clients.kubernetes_api import Object
from ops.cluster_access import Cluster
from plan.names import PLATFORM_LABEL, REGION_LABEL
from runtime.flags import CONFIG_MAP, KEY, parse


def workloads(cluster: Cluster, kind: str, version: str, region: str) -> list[Object]:
    """The platform's StatefulSets, or pods, of a region."""
    return cluster.api.list(kind, labels={**PLATFORM_LABEL, REGION_LABEL: region}, version=version)


def ready_endpoints(cluster: Cluster, region: str) -> Iterator[tuple[str, int]]:
    """Ready endpoints of the region's Agents: namespace and number of each endpoint slice."""
    labels = {"kubernetes.io/service-name": f"agent-{region}"}
    for endpoint_slice in cluster.api.list("EndpointSlice", labels=labels, version="discovery.k8s.io/v1"):
        conditions = [each.get("conditions", {}) for each in endpoint_slice.get("endpoints") or ()]
        # A missing condition means ready.
        ready = sum(condition.get("ready") is not False for condition in conditions)
        yield endpoint_slice["metadata"]["namespace"], ready


def flags(cluster: Cluster) -> dict[str, frozenset[str]]:
    """The regions that `failed-regions` names, by namespace."""
    return {
        config_map["metadata"]["namespace"]: parse((config_map.get("data") or {}).get(KEY) or "")
        for config_map in cluster.api.list("ConfigMap", fields=f"metadata.name={CONFIG_MAP}")
    }
