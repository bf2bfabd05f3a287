"""The load balancers that records lead to, and their health checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from plan.records import CompanyRoute, HealthCheck

NO_ENDPOINTS: Mapping[str, str] = MappingProxyType({})

CHECK_INTERVAL_SECONDS = 10
"""Route53's fast interval: a region that answers 503 receives no new clients 10 s later."""
CHECK_FAILURES = 1
"""Failures in a row at each of Route53's checkers. A single wrong checker moves no traffic: an endpoint is
unhealthy when 82 % of the checkers find it so (developer guide, "How Amazon Route 53 determines whether a
health check is healthy"). The failover controller has confirmed the failure over several rounds already."""

READINESS_GATE: Mapping[str, str] = MappingProxyType({"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"})
"""Label of a namespace: a pod behind a load balancer of AWS is ready only when the load balancer finds it
healthy. So a rollout never leaves only targets that have just started or are about to stop."""
TARGET_CHECK_SECONDS = 5
"""Time between two health checks of a target, the shortest that an ALB allows."""
TARGET_TIMEOUT_SECONDS = 2
TARGET_CHECKS = 2
"""Equal results in a row that change a target's health: a dead target is removed after 12 s."""
DEREGISTRATION_SECONDS = 15
"""Time for a leaving target to finish its requests."""
PRE_STOP_SECONDS = DEREGISTRATION_SECONDS + 5
"""Time between a pod's termination and SIGTERM: the load balancer needs some seconds to stop sending
requests, and then running requests have time to finish."""
MIN_READY_SECONDS = 15
"""Time before a rollout counts a pod as available: two health checks, and the update of the load balancer."""
CLIENT_KEEP_ALIVE_SECONDS = 60
"""Time after which a load balancer closes a client's connection: a connected client does not ask DNS again.
With an ALB's default of an hour, such a client would stay with a failed region."""


def edge_label(region: str, edge: int) -> str:
    return region if edge == 1 else f"{region}-{edge}"


def edge_name(region: str, edge: int, domain: str) -> str:
    """The name of a region's load balancer: `<region>.<domain>` for edge 1, `<region>-<n>.<domain>` from 2
    on.
    """
    return f"{edge_label(region, edge)}.{domain}"


def health_check(
    *, domain: str, company: CompanyRoute, region: str, endpoints: Mapping[str, str] = NO_ENDPOINTS
) -> HealthCheck:
    """The check that decides whether `region` serves `company`: the edge's, or its own if it is dedicated.

    Keys are `<region>` and `<region>-<edge>`, with `.<namespace>` appended for a dedicated check (neither a
    region nor a namespace contains a dot, so no two checks share a key). A region with an endpoint has a
    single check for all edges.
    """
    endpoint = endpoints.get(region)
    key = region if endpoint else edge_label(region, company.edge)
    fqdn = endpoint or edge_name(region, company.edge, domain)
    path = f"/healthz/{region}"
    if company.dedicated:
        return HealthCheck(key=f"{key}.{company.namespace}", fqdn=fqdn, path=f"{path}/{company.namespace}")
    return HealthCheck(key=key, fqdn=fqdn, path=path)


def plan_checks(
    *, domain: str, companies: Iterable[CompanyRoute], endpoints: Mapping[str, str] = NO_ENDPOINTS
) -> tuple[HealthCheck, ...]:
    """The checks that the companies need, each once, sorted by key (also where external-dns makes the
    records).
    """
    checks = {
        health_check(domain=domain, company=company, region=region, endpoints=endpoints)
        for company in companies
        for region in company.regions
    }
    return tuple(sorted(checks, key=lambda check: check.key))
