"""The ConfigMap in which the failover controller names the failed regions. Without it none is failed."""

from __future__ import annotations

from typing import Any

from runtime.flags import CONFIG_MAP

FLAGS = "/etc/agency/failed-regions"
"""Where pods have it."""


def flags_map(namespace: str) -> dict[str, Any]:
    """Without data: what the controller wrote there is not the deployment's, and none resets it."""
    labels = {"app.kubernetes.io/part-of": "digital-agency"}
    metadata = {"name": CONFIG_MAP, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def flags_volume(name: str) -> dict[str, Any]:
    return {"name": name, "configMap": {"name": CONFIG_MAP, "optional": True}}
