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


def fixed_answer(ingress: Ingress, path: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Annotations and a backend with which the load balancer itself answers 200.

    For class `nginx` the controller must allow snippets (`allow-snippet-annotations`); a class that knows
    neither gets the rule alone, and `settings.warnings` says so.
    """
    backend = {"service": {"name": "healthz", "port": {"name": "use-annotation"}}}
    if ingress.class_name == "alb":
        answer = {
            "type": "fixed-response",
            "fixedResponseConfig": {"contentType": "text/plain", "statusCode": "200"},
        }
        return {
            "alb.ingress.kubernetes.io/actions.healthz": json.dumps(answer, separators=(",", ":")),
            "alb.ingress.kubernetes.io/group.order": str(HOSTS_FIRST),
            # The backend is an action of the load balancer, not a Service.
            "kube-score/ignore": "ingress-targets-service",
        }, backend
    return {
        "nginx.ingress.kubernetes.io/server-snippet": f"location {path} {{ return 200; }}",
        "kube-score/ignore": "ingress-targets-service",
    }, backend
