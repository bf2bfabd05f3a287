"""The doctor on the load balancer controller that Global Accelerator needs."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ops.cluster_access import Cluster
from ops.doctor.accelerators import network_balancers
from settings import clusters_of, parse
from tests.components.stacks import US, eks, stack


class Api:
    def __init__(self, image: str) -> None:
        spec = {"template": {"spec": {"containers": [{"image": image}]}}}
        self._deployment = {"metadata": {"name": "aws-load-balancer-controller", "labels": {}}, "spec": spec}

    def call(self, method: str, path: str) -> dict[str, Any]:
        return {"items": [self._deployment]}


@pytest.mark.parametrize(
    ("image", "manager", "found"),
    [
        ("public.ecr.aws/eks/aws-load-balancer-controller:v2.12.1", "global-accelerator", [False]),
        ("public.ecr.aws/eks/aws-load-balancer-controller:v2.13.0", "global-accelerator", [True]),
        ("public.ecr.aws/eks/aws-load-balancer-controller:v3.2.2", "global-accelerator", [True]),
        ("mirror.example.com/controller@sha256:0123", "global-accelerator", [True]),
        ("public.ecr.aws/eks/aws-load-balancer-controller:v2.12.1", "route53", []),
    ],
)
def test_a_controller_that_makes_no_network_load_balancers_is_found(
    image: str, manager: str, found: list[bool]
) -> None:
    settings = parse(stack(regions=[eks(US)], loadBalancing={"manager": manager}), "dev")
    (plan,) = clusters_of(settings)
    cluster = Cluster(name=plan.id, regions=(US,), api=cast("Any", Api(image)), kubectl="")
    assert [finding.ok for finding in network_balancers(settings, plan, cluster)] == found
