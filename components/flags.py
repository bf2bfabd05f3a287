"""The ConfigMap in which the failover controller names the failed regions. Without it, none is."""

from __future__ import annotations

from typing import Any

from plan.names import PLATFORM_LABEL
from runtime.flags import CONFIG_MAP


def flags_map(namespace: str) -> dict[str, Any]:
    """Without data: only the controller writes the flags, and no deployment resets them."""
    metadata = {"name": CONFIG_MAP, "namespace": namespace, "labels": PLATFORM_LABEL}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def flags_volume(name: str) -> dict[str, Any]:
    return {"name": name, "configMap": {"name": CONFIG_MAP, "optional": True}}
