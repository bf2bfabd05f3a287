"""Keys for an S3 API that stands in for AWS's on the local target. Elsewhere pods have roles, and no keys."""

from __future__ import annotations

import base64
from typing import Any

from settings import Settings

SECRET_NAME = "replica-access"
VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
EVERYBODY_S = "local"
"""The stand-in takes any key."""


def secret_of(settings: Settings, namespace: str) -> dict[str, Any] | None:
    if settings.replication.endpoint is None:
        return None
    value = base64.b64encode(EVERYBODY_S.encode()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET_NAME, "namespace": namespace},
        "type": "Opaque",
        "data": dict.fromkeys(VARIABLES, value),
    }


def key_source(settings: Settings) -> list[dict[str, Any]]:
    """`envFrom` of a container that runs rclone."""
    return [{"secretRef": {"name": SECRET_NAME}}] if settings.replication.endpoint else []
