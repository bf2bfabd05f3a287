"""Which accelerators of AWS Global Accelerator a stack needs, and which companies they cannot serve.

Companies of one edge that live in the same regions share an accelerator: its listener sends a connection to
the endpoint group (the region) that is nearest to the client and healthy, before anybody reads the host's
name. A company's name is an alias to `<label>._accelerator.<domain>`, a CNAME that leads to the accelerator:
so another manager is a change of one record set in place.

The endpoint in a region is a Network Load Balancer, whose only target is the edge's Application Load
Balancer, checked at `/healthz/<region>`. Global Accelerator counts a load balancer as healthy only if each of
its target groups has a healthy target (developer guide, "Changing health check options"). With the
Application Load Balancer as endpoint, the failure of one company would move all others.

What Global Accelerator does without a healthy endpoint decides what can be promised (developer guide, "How
failover works for unhealthy endpoints"): it tries the three nearest endpoint groups and ignores traffic
dials, then takes the nearest one.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from plan.names import host_of
from plan.records import Alias, CompanyRoute, Record, RegionRoute, RoutingPolicy

REGIONS_TRIED = 3
"""Endpoint groups in which Global Accelerator looks for a healthy endpoint."""
PORTS = (443, 80)
"""Of the listener. The load balancer redirects 80 to 443."""
CHECK_INTERVAL_SECONDS, CHECK_TIMEOUT_SECONDS, CHECKS = 5, 2, 2
"""Of the Network Load Balancer: the shortest interval, and equal results in a row that change the health."""
PROPAGATION_SECONDS = 30
"""From the health of an endpoint to new connections: AWS's figure
(https://intro-to-global-accelerator.workshop.aws/en/failover.html)."""
LEAVING_SECONDS = CHECKS * CHECK_INTERVAL_SECONDS + CHECK_TIMEOUT_SECONDS + PROPAGATION_SECONDS
"""From a health path's 503 to new connections in another region, at most."""
_REGIONS = """
us-east-1 us-east-2 us-west-1 us-west-2 af-south-1 ap-east-1 ap-east-2 ap-south-1 ap-south-2 ap-southeast-1
ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-7 ap-northeast-1 ap-northeast-2
ap-northeast-3 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-west-1 eu-west-2 eu-west-3 eu-south-1
eu-south-2 eu-north-1 il-central-1 mx-central-1 me-south-1 me-central-1 sa-east-1
"""
REGIONS = frozenset(_REGIONS.split())
"""With endpoint groups, from the developer guide's "AWS Region availability for AWS Global Accelerator". The
list grows: another region is a warning, no error."""
LONGEST_SILENCE_SECONDS = 340
"""After which a TCP connection ends (developer guide, "How AWS Global Accelerator works", idle timeouts)."""
HEALTHY, INITIAL = "HEALTHY", "INITIAL"
"""States of an endpoint, beside UNHEALTHY (API reference, "EndpointDescription")."""
JUDGED_SECONDS = 180
"""After which an unhealthy endpoint is no longer new. A load balancer's first target may take "a few minutes"
(Network Load Balancers guide, "Register targets for your Network Load Balancer").
"""
API_REGION = "us-west-2"
"""The region of Global Accelerator's control plane."""
ACCELERATORS = "._accelerator."
"""In the names of records that lead to accelerators, and in no other: no namespace has an underscore."""
_DIGEST_LENGTH = 8


@dataclass(frozen=True, kw_only=True)
class Accelerator:
    """An accelerator and those whom it serves. `label` is unique in a stack."""

    label: str
    name: str
    """The DNS name to which the companies' names lead."""
    edge: int
    regions: tuple[str, ...]
    """Sorted, each with an endpoint group."""
    companies: tuple[str, ...]


def plan_accelerators(
    *, domain: str, regions: Sequence[RegionRoute], companies: Sequence[CompanyRoute]
) -> tuple[Accelerator, ...]:
    """The accelerators, sorted by label.

    The accelerator of companies in all regions keeps its label, and so its addresses, when a region joins.
    """
    everywhere = tuple(sorted(region.name for region in regions))
    served: defaultdict[tuple[int, tuple[str, ...]], list[str]] = defaultdict(list)
    for company in companies:
        served[company.edge, tuple(sorted(company.regions))].append(company.namespace)
    labels = {key: _label(*key, everywhere) for key in served}
    found = [
        Accelerator(
            label=labels[edge, own],
            name=f"{labels[edge, own]}{ACCELERATORS}{domain}",
            edge=edge,
            regions=own,
            companies=tuple(sorted(names)),
        )
        for (edge, own), names in served.items()
    ]
    return tuple(sorted(found, key=lambda accelerator: accelerator.label))


def company_names(accelerators: Sequence[Accelerator], domain: str) -> dict[str, Record]:
    """The companies' own records, by namespace."""
    return {
        company: Record(
            name=host_of(company, domain),
            set_identifier=None,
            routing=None,
            target=Alias(accelerator.name),
            check=None,
        )
        for accelerator in accelerators
        for company in accelerator.companies
    }


def may_lead(states: Collection[str], seconds: float) -> bool:
    """Whether names may lead to an accelerator whose endpoints have these states, after that many seconds.

    An endpoint gets clients once it has passed its first health checks (developer guide, "Add a standard
    endpoint"). One healthy endpoint is a must; a region in an outage is not waited for longer than a new one.
    """
    if HEALTHY not in states or INITIAL in states:
        return False
    return seconds >= JUDGED_SECONDS or set(states) == {HEALTHY}


def unsupported(
    policy: RoutingPolicy, regions: Mapping[str, RegionRoute], company: CompanyRoute
) -> Iterator[str]:
    """Why Global Accelerator cannot keep the promises to a company; nothing if it can."""
    own = [regions[name] for name in company.regions]
    if company.dedicated:
        yield "health checks of a company's own"
    if len(own) < 2:
        return
    if policy is not RoutingPolicy.LATENCY:
        yield _WITHOUT[policy]
    if passive := sorted(region.name for region in own if not region.active):
        yield f"passive regions ({', '.join(passive)}): it sends clients there when the nearest region fails"
    if len(own) > REGIONS_TRIED:
        yield f"{len(own)} regions: it tries the nearest {REGIONS_TRIED}"


_WITHOUT = {
    RoutingPolicy.WEIGHTED: "policy weighted: a traffic dial is a share of what goes to a region anyway",
    RoutingPolicy.GEO: "policy geo: it does not know the client's country",
    RoutingPolicy.FAILOVER: "policy failover: without a healthy region it takes the nearest, not the first",
}


def _label(edge: int, regions: tuple[str, ...], everywhere: tuple[str, ...]) -> str:
    if regions == everywhere:
        return f"edge-{edge}"
    digest = hashlib.sha256(" ".join(regions).encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"edge-{edge}-{digest}"
