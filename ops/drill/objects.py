"""What the drill reads of a cluster: lists over all namespaces, and where the platform's objects lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from ops.cluster_access import Cluster
from plan.names import REGION_LABEL
from runtime.flags import CONFIG_MAP, KEY, parse

Object = dict[str, Any]
PART_OF = {"app.kubernetes.io/part-of": "digital-agency"}
STATEFUL_SETS = "/apis/apps/v1/statefulsets"
PODS = "/api/v1/pods"
CONFIG_MAPS = "/api/v1/configmaps"
FLAGS = CONFIG_MAP
ENDPOINT_SLICES = "/apis/discovery.k8s.io/v1/endpointslices"


def listed(cluster: Cluster, path: str, labels: Mapping[str, str], **query: str) -> list[Object]:
    """Of all namespaces, unless the path names one. Raises ApiError."""
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    asked = {**query, **({"labelSelector": selector} if selector else {})}
    found: list[Object] = cluster.api.call("GET", f"{path}?{urlencode(asked)}")["items"] or []
    return found


def of_region(region: str) -> dict[str, str]:
    """The labels of the platform's workloads and pods in a region."""
    return {**PART_OF, REGION_LABEL: region}


def of_namespace(path: str, namespace: str) -> str:
    prefix, _, kind = path.rpartition("/")
    return f"{prefix}/namespaces/{namespace}/{kind}"


def flagged(config_map: Object) -> frozenset[str]:
    """The regions that `failed-regions` names."""
    return parse((config_map.get("data") or {}).get(KEY) or "")
