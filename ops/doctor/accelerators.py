"""Whether a cluster's load balancer controller makes what Global Accelerator sends clients to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ops.cluster_access import Cluster
from ops.doctor.findings import Finding, missing, present
from settings import ClusterPlan, Settings
from settings.load_balancer import IpAddressType
from settings.models import Manager

FIRST = (2, 13, 0)
"""The first version of the AWS Load Balancer Controller with `enable-frontend-nlb`."""
FIRST_DUAL_STACK = (2, 13, 3)
"""Before it, target groups got the address type of a dual-stack load balancer, which AWS does not know
(`buildFrontendNlbTargetGroupSpec` in its `pkg/ingress/model_build_frontend_nlb.go`)."""
NAME = "aws-load-balancer-controller"
WHAT = "Network Load Balancers"


def network_balancers(settings: Settings, plan: ClusterPlan, cluster: Cluster) -> Iterator[Finding]:
    if settings.load_balancing.manager is not Manager.GLOBAL_ACCELERATOR:
        return
    regions = [region for region in plan.regions if not region.endpoint_arn]
    if not regions:
        return
    images = [
        container["image"]
        for deployment in cluster.api.call("GET", "/apis/apps/v1/deployments")["items"]
        if NAME in (deployment["metadata"]["name"], _name(deployment))
        for container in deployment["spec"]["template"]["spec"]["containers"]
    ]
    kinds = [settings.load_balancer_of(region).ip_address_type for region in regions]
    first = FIRST_DUAL_STACK if IpAddressType.DUALSTACK in kinds else FIRST
    found = [match for image in images if (match := re.search(r":v?(\d+)\.(\d+)(?:\.(\d+))?", image))]
    if found and max(_version(each) for each in found) < first:
        kind = " with IPv6 addresses" if first is FIRST_DUAL_STACK else ""
        problem = (
            f"the AWS Load Balancer Controller is {found[0][0][1:]}, which makes none before edges{kind}"
        )
        yield missing(plan.id, WHAT, problem, f"upgrade it to {'.'.join(map(str, first))} or later")
    elif images:
        yield present(plan.id, WHAT, f"made by {images[0]}")


def _version(match: re.Match[str]) -> tuple[int, int, int]:
    return int(match[1]), int(match[2]), int(match[3] or 0)


def _name(deployment: dict[str, dict[str, dict[str, str]]]) -> str:
    return deployment["metadata"].get("labels", {}).get("app.kubernetes.io/name", "")
