"""Helpers of the tests of the record plan: stacks, expected answers, random stacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import combinations
from typing import Any

from hypothesis import strategies as st

from plan.dns import plan_records
from plan.records import CompanyRoute, RecordPlan, RegionRoute, RoutingPolicy, to_api
from plan.resolver import Client, resolve

DOMAIN = "agency.example.com"
ZONE = "Z0123456789"
GEO_CODES = ("default", "EU", "AF", "SA", "country:TR", "country:BR", "country:JP")


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The arguments of `plan_records`."""

    policy: RoutingPolicy
    regions: tuple[RegionRoute, ...]
    companies: tuple[CompanyRoute, ...]
    endpoints: dict[str, str] = field(default_factory=dict)

    def plan(self) -> RecordPlan:
        return plan_records(
            domain=DOMAIN,
            policy=self.policy,
            regions=self.regions,
            companies=self.companies,
            endpoints=self.endpoints,
        )

    def own(self, company: CompanyRoute) -> list[RegionRoute]:
        """The company's regions in its own order."""
        by_name = {region.name: region for region in self.regions}
        return [by_name[name] for name in company.regions]

    def change_region(self, name: str, **changes: Any) -> Stack:
        regions = tuple(
            replace(region, **changes) if region.name == name else region for region in self.regions
        )
        return replace(self, regions=regions)

    def serves(self, company: CompanyRoute, region: str) -> str:
        """The target that stands for a region, written out here once more on purpose."""
        edge = region if company.edge == 1 else f"{region}-{company.edge}"
        return self.endpoints.get(region, f"{edge}.{DOMAIN}")


def region(name: str, *, active: bool = True, weight: int = 1, geo: Sequence[str] = ()) -> RegionRoute:
    return RegionRoute(name=name, active=active, weight=weight, geo=tuple(geo))


def subsets(items: Sequence[str]) -> Iterator[frozenset[str]]:
    for size in range(len(items) + 1):
        yield from map(frozenset, combinations(items, size))


def api_records(plan: RecordPlan) -> list[dict[str, Any]]:
    """All records as Route53's API has them; a health check's id is its key."""
    check_ids = {check.key: check.key for check in plan.checks}
    return [to_api(record, check_ids, ZONE) for record in plan.records]


def answer(
    stack: Stack,
    records: Sequence[dict[str, Any]],
    company: CompanyRoute,
    client: Client,
    failing: frozenset[str],
) -> dict[str, Fraction]:
    """Region to probability, from records and the keys of the failing health checks."""
    targets = resolve(records, f"{company.namespace}.{DOMAIN}", client, lambda check: check not in failing)
    regions = {stack.serves(company, name): name for name in company.regions}
    return {regions[target]: probability for target, probability in targets.items()}


def expected(
    stack: Stack, company: CompanyRoute, client: Client, healthy: frozenset[str]
) -> dict[str, Fraction]:
    """What the promises of the design's section on routing demand, said without trees."""
    own = stack.own(company)
    active = [region for region in own if region.active]
    passive = [region for region in own if not region.active]
    pool = (
        [region for region in active if region.name in healthy]
        or [region for region in passive if region.name in healthy]
        or active
    )
    names = [region.name for region in pool]
    match stack.policy:
        case RoutingPolicy.LATENCY:
            return {next(name for name in client.nearest if name in names): Fraction(1)}
        case RoutingPolicy.FAILOVER:
            return {names[0]: Fraction(1)}
        case RoutingPolicy.GEO:
            return {next(name for name in _wanted_places(own, client) if name in names): Fraction(1)}
        case RoutingPolicy.WEIGHTED:
            total = sum(region.weight for region in pool)
            if total == 0:
                return {name: Fraction(1, len(names)) for name in names}
            return {region.name: Fraction(region.weight, total) for region in pool if region.weight}


def _wanted_places(own: Sequence[RegionRoute], client: Client) -> list[str]:
    by_name = sorted(own, key=lambda region: region.name)
    owner = {code: region.name for region in by_name for code in region.geo}
    default = owner.get("default", next(region.name for region in by_name if region.active))
    around = [owner.get(f"country:{client.country}"), owner.get(client.continent or "")]
    return [name for name in (*around, default) if name] + [region.name for region in by_name]


REGION_NAMES = ("us-east-1", "eu-west-1", "ap-southeast-2", "sa-east-1", "eu-central-1")


@st.composite
def stacks(draw: st.DrawFn, policy: RoutingPolicy | None = None) -> Stack:
    """Any stack that the settings let through."""
    names = draw(st.lists(st.sampled_from(REGION_NAMES), min_size=1, max_size=4, unique=True))
    first_active = draw(st.sampled_from(names))
    code_owners = {code: draw(st.sampled_from([*names, None])) for code in GEO_CODES}
    regions = tuple(
        region(
            name,
            active=name == first_active or draw(st.booleans()),
            weight=draw(st.integers(0, 255)),
            geo=[code for code, owner in code_owners.items() if owner == name],
        )
        for name in names
    )
    active = [each.name for each in regions if each.active]
    companies = []
    for namespace in draw(
        st.lists(
            st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True),
            unique=True,
            min_size=1,
            max_size=4,
        )
    ):
        own = {draw(st.sampled_from(active))} | draw(st.sets(st.sampled_from(names)))
        companies.append(
            CompanyRoute(
                namespace=namespace,
                regions=tuple(draw(st.permutations(sorted(own)))),
                edge=draw(st.integers(1, 2)),
                dedicated=draw(st.booleans()),
            )
        )
    return Stack(
        policy=policy or draw(st.sampled_from(RoutingPolicy)),
        regions=regions,
        companies=tuple(companies),
        endpoints={name: f"lb.{name}.example.net" for name in draw(st.sets(st.sampled_from(names)))},
    )
