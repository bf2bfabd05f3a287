"""Annotations and paths of an Ingress, as the ingress controller that serves it needs them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi

from plan import accelerators, edges
from plan.edges import edge_label
from plan.names import FAILOVER_CONTROLLER
from settings import Region, Settings
from settings.ingress import Ingress, Scheme
from settings.load_balancer import RegionLoadBalancer

SSL_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
HOSTS_FIRST = 1000
"""`group.order` of an edge's own rules: after those of the companies' hosts, which have the default 0."""


def ingress_annotations(
    settings: Settings, region: Region, *, edge: int, certificate_arn: pulumi.Input[str] | None
) -> dict[str, pulumi.Input[str]]:
    """Annotations with which the AWS Load Balancer Controller puts an Ingress on a region's load balancer.

    Without a certificate's ARN, the controller chooses a certificate that matches the host. Other ingress
    controllers need no annotations: they have a load balancer already.
    """
    ingress = settings.ingress_of(region)
    if not ingress.makes_load_balancers:
        return {}
    own = settings.load_balancer_of(region)
    keep_alive = {"client_keep_alive.seconds": str(edges.CLIENT_KEEP_ALIVE_SECONDS)}
    prefix = "alb.ingress.kubernetes.io"
    annotations: dict[str, pulumi.Input[str]] = {
        f"{prefix}/group.name": balancer_label(ingress, region.name, edge),
        f"{prefix}/scheme": ingress.scheme.value,
        f"{prefix}/target-type": "ip",
        f"{prefix}/listen-ports": json.dumps([{"HTTP": 80}, {"HTTPS": 443}]),
        f"{prefix}/ssl-redirect": "443",
        f"{prefix}/ssl-policy": own.ssl_policy or SSL_POLICY,
        f"{prefix}/load-balancer-attributes": _pairs({**own.attributes, **keep_alive}),
        f"{prefix}/target-group-attributes": (
            f"deregistration_delay.timeout_seconds={edges.DEREGISTRATION_SECONDS}"
        ),
        f"{prefix}/healthcheck-path": "/health",
        f"{prefix}/healthcheck-interval-seconds": str(edges.TARGET_CHECK_SECONDS),
        f"{prefix}/healthcheck-timeout-seconds": str(edges.TARGET_TIMEOUT_SECONDS),
        f"{prefix}/healthy-threshold-count": str(edges.TARGET_CHECKS),
        f"{prefix}/unhealthy-threshold-count": str(edges.TARGET_CHECKS),
        **{f"{prefix}/{name}": value for name, value in _of_organisation(settings, own).items()},
    }
    if certificate_arn is not None:
        annotations[f"{prefix}/certificate-arn"] = certificate_arn
    return annotations


def _of_organisation(settings: Settings, own: RegionLoadBalancer) -> dict[str, str]:
    """Annotations that only some stacks need."""
    texts = {
        "ip-address-type": own.ip_address_type.value if own.ip_address_type else "",
        "inbound-cidrs": ",".join(own.inbound_cidrs),
        "security-groups": ",".join(own.security_groups),
        # With security groups of its own, a load balancer could not reach the pods otherwise.
        "manage-backend-security-group-rules": "true" if own.security_groups else "",
        "subnets": ",".join(own.subnets),
        "wafv2-acl-arn": own.web_acl_arn or "",
        "tags": _pairs(settings.aws.default_tags),
    }
    return {name: text for name, text in texts.items() if text}


def _pairs(values: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(values.items()))


def balancer_label(ingress: Ingress, region: str, edge: int) -> str:
    """The name of a load balancer's group, and part of the name of each Ingress on it.

    Another edge or scheme is another load balancer, and therefore another Ingress. Pulumi creates the new
    Ingress, with its own address, before any DNS name moves, and deletes the old Ingress last.
    """
    label = edge_label(region, edge)
    internal = ingress.makes_load_balancers and ingress.scheme is Scheme.INTERNAL
    return f"{label}-internal" if internal else label


Answers = tuple[dict[str, str], list[dict[str, Any]]]
"""Annotations of an edge's Ingress, and its paths."""


def controller_answers(ingress: Ingress, region: str, edge: int, *, first: bool) -> Answers:
    """The failover controller answers the region's health and its page of views.

    An ingress controller such as ingress-nginx has one load balancer for all edges and rejects a path that
    exists twice. There only the region's first edge has these paths; the other edges have a path of their
    own, so that their Ingresses get an address.
    """
    if not ingress.makes_load_balancers and not first:
        return _own_path(region, edge)
    backend = {"service": {"name": FAILOVER_CONTROLLER, "port": {"name": "http"}}}
    paths = [
        {"path": f"/{page}/{region}", "pathType": "Prefix", "backend": backend}
        for page in ("healthz", "peer")
    ]
    if not ingress.makes_load_balancers:
        return {}, paths
    prefix = "alb.ingress.kubernetes.io"
    # The page of views answers 200 also for a flagged region, whose controller is healthy.
    health = {f"{prefix}/healthcheck-path": f"/peer/{region}"}
    return {**health, f"{prefix}/group.order": str(HOSTS_FIRST)}, paths


def fixed_answers(ingress: Ingress, region: str, edge: int) -> Answers:
    """Without a failover controller the load balancer itself answers `/healthz/<region>` with 200.

    The AWS Load Balancer Controller gets a fixed response. ingress-nginx answers `/healthz` itself on every
    host that it does not know; there the Ingress has a path of its own, only to get an address. With another
    ingress controller, the owner of the stack has to configure the answer (`settings.warnings`).
    """
    if not ingress.makes_load_balancers:
        return _own_path(region, edge)
    response = {"contentType": "text/plain", "statusCode": "200"}
    action = {"type": "fixed-response", "fixedResponseConfig": response}
    annotations = {
        **NO_SERVICE,
        "alb.ingress.kubernetes.io/actions.healthz": json.dumps(action, separators=(",", ":")),
        "alb.ingress.kubernetes.io/group.order": str(HOSTS_FIRST),
    }
    return annotations, [{"path": f"/healthz/{region}", "pathType": "Prefix", "backend": NO_BACKEND}]


def network_balancer(settings: Settings, region: Region) -> dict[str, pulumi.Input[str]]:
    """Annotations with which the AWS Load Balancer Controller puts a Network Load Balancer before a group's
    load balancer. Both of its target groups, of the ports 80 and 443, are checked at the region's health
    path, so that the Network Load Balancer is healthy while the region is.
    """
    prefix = "alb.ingress.kubernetes.io"
    check = {
        "protocol": "HTTPS",
        "port": "443",
        "path": f"/healthz/{region.name}",
        "success-codes": "200",
        "interval-seconds": accelerators.CHECK_INTERVAL_SECONDS,
        "timeout-seconds": accelerators.CHECK_TIMEOUT_SECONDS,
        "healthy-threshold-count": accelerators.CHECKS,
        "unhealthy-threshold-count": accelerators.CHECKS,
    }
    subnets = settings.load_balancer_of(region).subnets
    return {
        f"{prefix}/enable-frontend-nlb": "true",
        f"{prefix}/frontend-nlb-scheme": settings.ingress.scheme.value,
        **({f"{prefix}/frontend-nlb-subnets": ",".join(subnets)} if subnets else {}),
        **{f"{prefix}/frontend-nlb-healthcheck-{key}": str(value) for key, value in check.items()},
    }


def not_found() -> tuple[dict[str, str], dict[str, Any]]:
    """Annotations and default backend of an Ingress without rules: what no host has is not found."""
    response = {"contentType": "text/plain", "statusCode": "404"}
    action = {"type": "fixed-response", "fixedResponseConfig": response}
    backend = {"service": {"name": "not-found", "port": {"name": "use-annotation"}}}
    text = json.dumps(action, separators=(",", ":"))
    return {**NO_SERVICE, "alb.ingress.kubernetes.io/actions.not-found": text}, backend


def _own_path(region: str, edge: int) -> Answers:
    path = {"path": f"/edge/{edge_label(region, edge)}", "pathType": "Prefix", "backend": NO_BACKEND}
    return NO_SERVICE, [path]


NO_BACKEND = {"service": {"name": "healthz", "port": {"name": "use-annotation"}}}
NO_SERVICE = {"kube-score/ignore": "ingress-targets-service"}
"""The backend is an answer of the load balancer, not a Service."""
