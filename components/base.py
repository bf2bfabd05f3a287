"""What all components share: how a manifest becomes a resource."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

import pulumi
from pulumi import CustomResource, ResourceOptions

from plan.names import PROJECT

Manifest = Mapping[str, Any]
"""A Kubernetes object as `kubectl` takes it."""

RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
"""Labels of a namespace: Pod Security's strictest profile."""
SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}
ADOPT = {"pulumi.com/patchFieldManager": PROJECT, "pulumi.com/patchForce": "true"}
"""With the adopting provider: an existing object is adopted instead of rejected."""


class KubernetesObject(CustomResource):
    """An object of the Kubernetes provider, registered with its manifest as it is.

    The provider's typed classes convert every dictionary twice, and make an output of every property: they
    more than double the time of a preview (`make bench`), and the API server does the same checks.
    """

    def __init__(self, name: str, manifest: Manifest, opts: ResourceOptions) -> None:
        api = manifest["apiVersion"]
        module = api if "/" in api else f"core/{api}"
        super().__init__(f"kubernetes:{module}:{manifest['kind']}", name, {**manifest, "status": None}, opts)

    @property
    def status(self) -> pulumi.Output[Any]:
        """The object's status in the cluster."""
        status: pulumi.Output[Any] = pulumi.get(self, "status")
        return status


class AwsObject(CustomResource):
    """A resource of the AWS provider from plain inputs, for resources that every company has: see
    KubernetesObject."""

    def __init__(self, name: str, token: str, inputs: Mapping[str, Any], opts: ResourceOptions) -> None:
        present = {key: value for key, value in inputs.items() if value is not None}
        super().__init__(
            token, name, present, ResourceOptions.merge(opts, ResourceOptions(version=_aws_version()))
        )


@cache
def _aws_version() -> str:
    """The provider plugin's version: the SDK's own, as its typed classes request it."""
    return version("pulumi_aws")


def canonical(document: Mapping[str, Any]) -> str:
    """JSON text that is equal for equal documents."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"))
