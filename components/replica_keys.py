"""Access keys for the local target's S3 API. On AWS, pods have roles instead of keys."""

from __future__ import annotations

import base64
from typing import Any

from plan.names import REPLICA_KEYS_SECRET
from settings import Settings

VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
ANY_KEY = "local"
"""The local S3 API accepts any key."""


def secret_of(settings: Settings, namespace: str) -> dict[str, Any] | None:
    if settings.replication.endpoint is None:
        return None
    value = base64.b64encode(ANY_KEY.encode()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": REPLICA_KEYS_SECRET, "namespace": namespace},
        "type": "Opaque",
        "data": dict.fromkeys(VARIABLES, value),
    }


def key_source(settings: Settings) -> list[dict[str, Any]]:
    """`envFrom` of a container that runs rclone."""
    return [{"secretRef": {"name": REPLICA_KEYS_SECRET}}] if settings.replication.endpoint else []
