"""What all components share: how a manifest becomes a resource."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

import pulumi
from pulumi import CustomResource, ResourceOptions

Manifest = Mapping[str, Any]
"""A Kubernetes object as `kubectl` takes it."""

SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}
ADOPT = {"pulumi.com/patchFieldManager": "digital-agency", "pulumi.com/patchForce": "true"}
"""With a provider that upserts: an object that was kept is taken over instead of refused."""


class KubernetesObject(CustomResource):
    """An object of the Kubernetes provider, registered as its manifest says.

    The provider's typed classes translate every dictionary twice, there and back, and make an output of
    every property: they more than double the time of a preview (`make bench`), and what they check the API
    server checks as well.
    """

    def __init__(self, name: str, manifest: Manifest, opts: ResourceOptions) -> None:
        api = manifest["apiVersion"]
        module = api if "/" in api else f"core/{api}"
        super().__init__(f"kubernetes:{module}:{manifest['kind']}", name, {**manifest, "status": None}, opts)

    @property
    def status(self) -> pulumi.Output[Any]:
        """What the cluster says of the object."""
        status: pulumi.Output[Any] = pulumi.get(self, "status")
        return status


class AwsObject(CustomResource):
    """A resource of the AWS provider from its inputs, for what every company has: see KubernetesObject."""

    def __init__(self, name: str, token: str, inputs: Mapping[str, Any], opts: ResourceOptions) -> None:
        given = {key: value for key, value in inputs.items() if value is not None}
        super().__init__(
            token, name, given, ResourceOptions.merge(opts, ResourceOptions(version=_aws_version()))
        )


@cache
def _aws_version() -> str:
    """Of the provider plugin: the SDK's own, which its typed classes ask for as well."""
    return version("pulumi_aws")


def canonical(document: Mapping[str, Any]) -> str:
    """JSON of which equal documents have equal text."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"))
