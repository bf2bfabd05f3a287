"""A cluster's external-dns as `doctor` finds it: Deployments, and an API that lists them or refuses to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clients.kubernetes_api import ApiError
from ops.cluster_access import Cluster
from tests.components.stacks import DOMAIN, US

IMAGE = "registry.k8s.io/external-dns/external-dns:v0.22.0"
RIGHT = (
    "--source=ingress",
    "--provider=aws",
    f"--domain-filter={DOMAIN}",
    "--registry=txt",
    "--txt-owner-id=blue-us",
    "--policy=sync",
    "--aws-prefer-cname",
)
MANAGED = {"loadBalancing": {"manager": "external-dns"}}
OLD = "external-dns.alpha.kubernetes.io/"


def deployment(
    args: Sequence[str] = RIGHT,
    *,
    image: str = IMAGE,
    name: str = "external-dns",
    ready: int = 1,
    labels: dict[str, str] | None = None,
    **container: Any,
) -> dict[str, Any]:
    one = {"name": "external-dns", "image": image, "args": list(args), **container}
    return {
        "metadata": {"name": name, "namespace": "kube-system", "labels": labels or {}},
        "spec": {"template": {"spec": {"containers": [{"name": "proxy", "image": "proxy:1"}, one]}}},
        "status": {"availableReplicas": ready} if ready else {},
    }


class Api:
    """Lists these Deployments, or refuses to."""

    def __init__(self, *deployments: dict[str, Any], refused: int = 0) -> None:
        self._deployments, self._refused = deployments, refused

    def list(self, kind: str, **_: str) -> list[Any]:
        raise ApiError(404, f"no {kind}")

    def call(self, method: str, path: str, *_: Any) -> dict[str, Any]:
        if (method, path) != ("GET", "/apis/apps/v1/deployments"):
            raise ApiError(404, f"{path} not found")
        if self._refused:
            raise ApiError(self._refused, "deployments.apps is forbidden")
        return {"items": list(self._deployments)}


def cluster(*deployments: dict[str, Any], refused: int = 0) -> Cluster:
    api: Any = Api(*deployments, refused=refused)
    return Cluster(name="blue", regions=(US,), api=api, kubectl="kubectl")


def but(flag: str, *instead: str) -> list[str]:
    """The right arguments with others in place of one."""
    return [*(word for word in RIGHT if word.partition("=")[0] != flag), *instead]
