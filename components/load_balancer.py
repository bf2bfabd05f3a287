"""What an Ingress tells the controller that makes its load balancer."""

from __future__ import annotations

import json
from typing import Any

import pulumi

from plan.edges import edge_label
from settings.models import Ingress

HOSTS_FIRST = 1000
"""Order of an edge's own rules: behind those of the companies' hosts, which stand at the default 0."""


def ingress_annotations(
    ingress: Ingress, *, region: str, edge: int, certificate_arn: pulumi.Input[str] | None
) -> dict[str, pulumi.Input[str]]:
    """Annotations that put an Ingress on a region's load balancer (`alb`: AWS Load Balancer Controller).

    Without a certificate's ARN the controller looks for one that fits the host. Other classes need none:
    their controller has its load balancer already.
    """
    if ingress.class_name != "alb":
        return {}
    prefix = "alb.ingress.kubernetes.io"
    found: dict[str, pulumi.Input[str]] = {
        f"{prefix}/group.name": edge_label(region, edge),
        f"{prefix}/scheme": ingress.scheme.value,
        f"{prefix}/target-type": "ip",
        f"{prefix}/listen-ports": json.dumps([{"HTTP": 80}, {"HTTPS": 443}]),
        f"{prefix}/ssl-redirect": "443",
        f"{prefix}/ssl-policy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
        f"{prefix}/healthcheck-path": "/health",
    }
    if certificate_arn is not None:
        found[f"{prefix}/certificate-arn"] = certificate_arn
    return found


def health_rule(ingress: Ingress, region: str, edge: int) -> tuple[dict[str, str], dict[str, Any]]:
    """Annotations and the rule with which the load balancer itself answers `/healthz/<region>` with 200.

    Class `alb` gets a fixed response. ingress-nginx answers `/healthz` on every host that it does not know by
    itself, and forbids the snippets that could say so: there a rule of its own path makes the Ingress, and so
    its address. What another class does, its owner has to see to (`settings.warnings`).
    """
    backend = {"service": {"name": "healthz", "port": {"name": "use-annotation"}}}
    # The backend is an answer of the load balancer, not a Service.
    annotations = {"kube-score/ignore": "ingress-targets-service"}
    if ingress.class_name != "alb":
        return annotations, {
            "path": f"/edge/{edge_label(region, edge)}",
            "pathType": "Prefix",
            "backend": backend,
        }
    response = {"contentType": "text/plain", "statusCode": "200"}
    action = {"type": "fixed-response", "fixedResponseConfig": response}
    annotations["alb.ingress.kubernetes.io/actions.healthz"] = json.dumps(action, separators=(",", ":"))
    annotations["alb.ingress.kubernetes.io/group.order"] = str(HOSTS_FIRST)
    return annotations, {"path": f"/healthz/{region}", "pathType": "Prefix", "backend": backend}
