"""The Secret of the failover controllers: what no company knows."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from functools import cache
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions

from components.base import KubernetesObject
from components.cluster import Cluster
from plan.names import FAILOVER_CONTROLLER, PLATFORM_LABEL, SYSTEM_NAMESPACE
from runtime.contracts.controller import SECRET_FILE

KEY_BYTES = 32


def controller_secrets(clusters: Iterable[Cluster]) -> dict[str, KubernetesObject]:
    """The Secret in each cluster, by the cluster's id, with one key for all of them.

    The key is made in the first of these clusters when its Secret is created, and stays: the stack's state
    keeps it (`ignore_changes`), encrypted. The other clusters get a copy. A cluster that becomes the first
    because another left keeps the key that it has.
    """
    made: dict[str, KubernetesObject] = {}
    key: pulumi.Input[str] = _new_key()
    for cluster in clusters:
        first = not made
        secret = made[cluster.plan.id] = KubernetesObject(
            f"{cluster.plan.id}-failover-secret",
            _manifest(key),
            ResourceOptions(
                parent=cluster,
                provider=cluster.provider,
                depends_on=[cluster.system_namespace],
                ignore_changes=["data"] if first else None,
            ),
        )
        if first:
            kept: Output[Any] = pulumi.get(secret, "data")
            key = kept.apply(lambda data: str(data[SECRET_FILE]))
    return made


@cache
def _new_key() -> str:
    """Once in a run of the program, so that the Secret's creation in a preview is that of the update."""
    return base64.b64encode(secrets.token_hex(KEY_BYTES).encode()).decode()


def _manifest(key: pulumi.Input[str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": FAILOVER_CONTROLLER, "namespace": SYSTEM_NAMESPACE, "labels": PLATFORM_LABEL},
        "type": "Opaque",
        "data": {SECRET_FILE: Output.secret(key)},
    }
