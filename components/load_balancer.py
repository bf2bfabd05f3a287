"""What an Ingress tells the controller that makes its load balancer."""

from __future__ import annotations

import json
from typing import Any

import pulumi

from components.network_policies import CONTROLLER
from plan import edges
from plan.edges import edge_label
from settings.models import Ingress, Scheme

HOSTS_FIRST = 1000
"""Order of an edge's own rules: behind those of the companies' hosts, which stand at the default 0."""


def ingress_annotations(
    ingress: Ingress, *, region: str, edge: int, certificate_arn: pulumi.Input[str] | None
) -> dict[str, pulumi.Input[str]]:
    """Annotations with which the AWS Load Balancer Controller puts an Ingress on a region's load balancer.

    Without a certificate's ARN it looks for one that fits the host. Other controllers need no annotations:
    they have their load balancer already.
    """
    if not ingress.makes_load_balancers:
        return {}
    prefix = "alb.ingress.kubernetes.io"
    found: dict[str, pulumi.Input[str]] = {
        f"{prefix}/group.name": balancer_label(ingress, region, edge),
        f"{prefix}/scheme": ingress.scheme.value,
        f"{prefix}/target-type": "ip",
        f"{prefix}/listen-ports": json.dumps([{"HTTP": 80}, {"HTTPS": 443}]),
        f"{prefix}/ssl-redirect": "443",
        f"{prefix}/ssl-policy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
        f"{prefix}/load-balancer-attributes": f"client_keep_alive.seconds={edges.CLIENT_KEEP_ALIVE_SECONDS}",
        f"{prefix}/target-group-attributes": (
            f"deregistration_delay.timeout_seconds={edges.DEREGISTRATION_SECONDS}"
        ),
        f"{prefix}/healthcheck-path": "/health",
        f"{prefix}/healthcheck-interval-seconds": str(edges.TARGET_CHECK_SECONDS),
        f"{prefix}/healthcheck-timeout-seconds": str(edges.TARGET_TIMEOUT_SECONDS),
        f"{prefix}/healthy-threshold-count": str(edges.TARGET_CHECKS),
        f"{prefix}/unhealthy-threshold-count": str(edges.TARGET_CHECKS),
    }
    if certificate_arn is not None:
        found[f"{prefix}/certificate-arn"] = certificate_arn
    return found


def balancer_label(ingress: Ingress, region: str, edge: int) -> str:
    """What names a load balancer: its group, and each Ingress on it.

    Another edge or scheme is another load balancer, and so another Ingress. That one is made, with its own
    address, before any name moves there; the old one goes last.
    """
    label = edge_label(region, edge)
    internal = ingress.makes_load_balancers and ingress.scheme is Scheme.INTERNAL
    return f"{label}-internal" if internal else label


Answers = tuple[dict[str, str], list[dict[str, Any]]]
"""Annotations of an edge's Ingress, and its paths."""


def controller_answers(ingress: Ingress, region: str, edge: int, *, first: bool) -> Answers:
    """The failover controller answers the region's health and its page of views.

    ingress-nginx and its like have one load balancer for all edges, and refuse a path that comes twice: there
    the region's first edge alone has them, and the others a path of their own, which gets them their address.
    """
    if not ingress.makes_load_balancers and not first:
        return _own_path(region, edge)
    backend = {"service": {"name": CONTROLLER, "port": {"name": "http"}}}
    paths = [
        {"path": f"/{what}/{region}", "pathType": "Prefix", "backend": backend}
        for what in ("healthz", "peer")
    ]
    if not ingress.makes_load_balancers:
        return {}, paths
    prefix = "alb.ingress.kubernetes.io"
    # The page is there whatever it says: a flagged region's controller is not at fault.
    health = {f"{prefix}/healthcheck-path": f"/peer/{region}"}
    return {**health, f"{prefix}/group.order": str(HOSTS_FIRST)}, paths


def fixed_answers(ingress: Ingress, region: str, edge: int) -> Answers:
    """Without a failover controller the load balancer itself answers `/healthz/<region>` with 200.

    The AWS Load Balancer Controller gets a fixed response. ingress-nginx answers `/healthz` by itself on
    every host that it does not know, and forbids the snippets that could say so: there a rule of its own path
    makes the Ingress, and so its address. What another controller does, its owner has to see to
    (`settings.warnings`).
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
    return annotations, [{"path": f"/healthz/{region}", "pathType": "Prefix", "backend": NOBODY}]


def _own_path(region: str, edge: int) -> Answers:
    path = {"path": f"/edge/{edge_label(region, edge)}", "pathType": "Prefix", "backend": NOBODY}
    return NO_SERVICE, [path]


NOBODY = {"service": {"name": "healthz", "port": {"name": "use-annotation"}}}
NO_SERVICE = {"kube-score/ignore": "ingress-targets-service"}
"""The backend is an answer of the load balancer, not a Service."""
