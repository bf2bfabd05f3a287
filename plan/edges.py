"""The load balancers that records lead to, and the health checks that watch them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from plan.records import CompanyRoute, HealthCheck

NO_ENDPOINTS: Mapping[str, str] = MappingProxyType({})

READINESS_GATE: Mapping[str, str] = MappingProxyType({"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"})
"""Label of a namespace: a pod behind a load balancer of AWS is ready only when that one sees it healthy. So a
rollout never leaves only targets that have just come or are about to go."""
TARGET_CHECK_SECONDS = 5
"""Between two questions of a load balancer to a target, the shortest that an ALB allows."""
TARGET_TIMEOUT_SECONDS = 2
TARGET_CHECKS = 2
"""Equal answers in a row that change a target's health: a dead one is out after 12 s."""
DEREGISTRATION_SECONDS = 15
"""In which a target that leaves ends the requests that it has."""
PRE_STOP_SECONDS = DEREGISTRATION_SECONDS + 5
"""From a pod's termination until its containers hear of it: the load balancer takes some seconds to send no
more requests, and then those that run have their time."""
MIN_READY_SECONDS = 15
"""Before a rollout counts a pod as available: two checks of the load balancer, and what passing on takes."""
CLIENT_KEEP_ALIVE_SECONDS = 60
"""After which a load balancer closes a client's connection: who keeps one asks DNS no more. An ALB's default
is an hour, for which such a client stays with a region that failed."""


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

    Keys are `<region>`, `<region>-<edge>`, and with `.<namespace>` behind them for a dedicated one (neither a
    region nor a namespace contains a dot, so no two checks can share a key). A region's endpoint is one thing
    to check, whatever edge the company names.
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
