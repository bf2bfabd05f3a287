"""A company's keys of model providers: the Secret, and its use in pods."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from pulumi import Output

from plan.names import API_KEYS_SECRET
from settings import Company


def secret_of(company: Company) -> dict[str, Any] | None:
    """The Secret with the values of the settings, each as a Pulumi secret; None where the Secret exists."""
    if company.api_keys is None or not company.api_keys.values:
        return None
    encoded = {
        name: Output.secret(base64.b64encode(value.get_secret_value().encode()).decode())
        for name, value in company.api_keys.values.items()
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": API_KEYS_SECRET, "namespace": company.namespace},
        "type": "Opaque",
        "data": encoded,
    }


def key_source(company: Company) -> list[dict[str, Any]]:
    """`envFrom` of a container that calls model providers."""
    if company.api_keys is None:
        return []
    return [{"secretRef": {"name": company.api_keys.secret_name or API_KEYS_SECRET}}]


def key_annotations(company: Company) -> dict[str, str]:
    """A digest of the values, so that rotated keys roll the pods. It reveals nothing of the values."""
    if company.api_keys is None or not company.api_keys.values:
        return {}
    digest = hashlib.sha256()
    for name, value in sorted(company.api_keys.values.items()):
        digest.update(f"{company.namespace}\0{name}\0{value.get_secret_value()}\0".encode())
    return {"agency.global/api-keys": digest.hexdigest()[:8]}
