"""Whether a cluster's load balancer controller makes what Global Accelerator sends clients to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ops.cluster_access import Cluster
from ops.doctor.findings import Finding, missing, present
from settings import ClusterPlan, Settings
from settings.models import Manager

FIRST = (2, 13)
"""The first version of the AWS Load Balancer Controller with `enable-frontend-nlb`."""
NAME = "aws-load-balancer-controller"
WHAT = "Network Load Balancers"


def network_balancers(settings: Settings, plan: ClusterPlan, cluster: Cluster) -> Iterator[Finding]:
    if settings.load_balancing.manager is not Manager.GLOBAL_ACCELERATOR:
        return
    if all(region.endpoint_arn for region in plan.regions):
        return
    images = [
        container["image"]
        for deployment in cluster.api.call("GET", "/apis/apps/v1/deployments")["items"]
        if NAME in (deployment["metadata"]["name"], _name(deployment))
        for container in deployment["spec"]["template"]["spec"]["containers"]
    ]
    found = [match for image in images if (match := re.search(r":v?(\d+)\.(\d+)", image))]
    if found and max((int(each[1]), int(each[2])) for each in found) < FIRST:
        problem = f"the AWS Load Balancer Controller is {found[0][0][1:]}, which makes none before edges"
        yield missing(plan.id, WHAT, problem, f"upgrade it to {FIRST[0]}.{FIRST[1]} or later")
    elif images:
        yield present(plan.id, WHAT, f"made by {images[0]}")


def _name(deployment: dict[str, dict[str, dict[str, str]]]) -> str:
    return deployment["metadata"].get("labels", {}).get("app.kubernetes.io/name", "")
