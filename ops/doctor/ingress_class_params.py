"""Whether the parameters of an IngressClass replace what the stack file says about load balancers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clients.kubernetes_api import ApiError, reference
from ops.cluster_access import Cluster
from ops.doctor.findings import Finding, missing, present
from settings import ClusterPlan, Region, Settings
from settings.load_balancer import IpAddressType

KIND, VERSION = "IngressClassParams", "elbv2.k8s.aws/v1beta1"
KEYS = (
    "group",
    "scheme",
    "ipAddressType",
    "subnets",
    "loadBalancerName",
    "certificateArn",
    "sslPolicy",
    "inboundCIDRs",
    "targetType",
)
"""With one of these the AWS Load Balancer Controller ignores the Ingresses' annotation (its page
"IngressClass", "IngressClassParams specification")."""


def ingress_class_params(
    settings: Settings, plan: ClusterPlan, cluster: Cluster, name: str, spec: Mapping[str, Any]
) -> Iterator[Finding]:
    """Of an IngressClass with this name and `spec`."""
    parameters = spec.get("parameters") or {}
    if parameters.get("kind") != KIND:
        return
    what = f"{KIND} {parameters['name']}"
    try:
        found = cluster.api.get(reference(KIND, parameters["name"], version=VERSION))
    except ApiError as error:
        remedy = f"allow these credentials to get {KIND} of {VERSION}, or look by hand"
        yield missing(plan.id, what, f"not known: {error}", remedy)
        return
    if found is None:
        problem = f"there is none, so the controller makes no load balancer for the ingress class {name}"
        yield missing(plan.id, what, problem, "create it, or name another class: ingress.className")
        return
    set_there = found.get("spec") or {}
    ours = [_ours(settings, one) for one in plan.regions if settings.ingress_of(one).class_name == name]
    replaced = [
        key
        for key in KEYS
        if set_there.get(key) and any(set_there[key] != values.get(key) for values in ours)
    ]
    if replaced:
        problem = f"it sets {', '.join(replaced)}: the controller ignores what the stack file says about them"
        remedy = "name another IngressClass, without them: ingress.className"
        yield missing(plan.id, what, problem, remedy)
    else:
        yield present(plan.id, what, "it leaves the load balancers to the stack file")


def _ours(settings: Settings, region: Region) -> Mapping[str, Any]:
    """Values with which a key may be there all the same."""
    own = settings.load_balancer_of(region)
    return {
        "scheme": settings.ingress.scheme,
        "ipAddressType": own.ip_address_type or IpAddressType.IPV4,
        "sslPolicy": own.ssl_policy,
        "inboundCIDRs": list(own.inbound_cidrs),
        "targetType": "ip",
    }
