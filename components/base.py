"""What all components share: their type tokens, and how a manifest becomes a resource."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pulumi import CustomResource, ResourceOptions
from pydantic.alias_generators import to_snake

R = TypeVar("R", bound=CustomResource)

Manifest = Mapping[str, Any]
"""A Kubernetes object as `kubectl` knows it, less `apiVersion` and `kind`."""

SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}
ADOPT = {"pulumi.com/patchFieldManager": "digital-agency", "pulumi.com/patchForce": "true"}
"""With a provider that upserts: an object that was kept is taken over instead of refused."""


def register(kind: type[R], name: str, manifest: Manifest, opts: ResourceOptions) -> R:
    """Register a Kubernetes object from its manifest."""
    return kind(name, **{to_snake(key): value for key, value in manifest.items()}, opts=opts)


def canonical(document: Mapping[str, Any]) -> str:
    """JSON of which equal documents have equal text."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"))
