"""The five promises under AWS Global Accelerator, over every set of healthy regions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import pytest

from plan.accelerator_resolver import answers, balancer_is_healthy
from plan.accelerators import (
    JUDGED_SECONDS,
    Accelerator,
    company_names,
    may_lead,
    plan_accelerators,
    unsupported,
)
from plan.records import Alias, CompanyRoute, RegionRoute, RoutingPolicy
from plan.resolver import Client
from tests.plan.route_stacks import DOMAIN, Stack, expected, region, subsets

NAMES = ("us-east-1", "eu-west-1", "ap-southeast-2", "sa-east-1")
CLIENTS = [
    Client(country="DE", continent="EU", nearest=(*NAMES[turn:], *NAMES[:turn])) for turn in range(len(NAMES))
]


def planned(stack: Stack) -> tuple[Accelerator, ...]:
    return plan_accelerators(domain=DOMAIN, regions=stack.regions, companies=stack.companies)


def groups(accelerator: Accelerator, dials: dict[str, int]) -> list[dict[str, Any]]:
    """The endpoint groups as the API returns them: what `components/accelerator.py` asks for."""
    return [
        {
            "EndpointGroupRegion": name,
            "TrafficDialPercentage": dials.get(name, 100),
            "EndpointDescriptions": [{"EndpointId": name, "Weight": 128}],
        }
        for name in accelerator.regions
    ]


def broken(stack: Stack, company: CompanyRoute, dials: dict[str, int]) -> list[tuple[Any, ...]]:
    """States of health in which an answer that the documentation allows is not what was promised."""
    (accelerator,) = [each for each in planned(stack) if company.namespace in each.companies]
    return [
        (sorted(healthy), client.nearest, answer)
        for healthy, client in product(subsets(company.regions), CLIENTS)
        for answer in answers(groups(accelerator, dials), client.nearest, lambda name: name in healthy)  # noqa: B023
        if answer != expected(stack, company, client, healthy)
    ]


def shapes() -> Iterator[tuple[Stack, CompanyRoute]]:
    """Every policy, every partition into active and passive regions, companies in one to four regions."""
    for policy, roles in product(RoutingPolicy, product([True, False], repeat=len(NAMES))):
        regions = tuple(
            region(name, active=active, weight=weight, geo=codes)
            for name, active, weight, codes in zip(
                NAMES, roles, (3, 1, 0, 2), (["default"], ["EU"], [], ["SA"]), strict=True
            )
        )
        active = {each.name for each in regions if each.active}
        for number, own in enumerate(own for own in subsets(NAMES) if own & active):
            order = tuple(name for name in NAMES if name in own)
            company = CompanyRoute(namespace=f"company-{number}", regions=order)
            yield Stack(policy=policy, regions=regions, companies=(company,)), company


def features(stack: Stack, company: CompanyRoute) -> list[str]:
    return list(unsupported(stack.policy, {each.name: each for each in stack.regions}, company))


def test_1_to_4_hold_for_every_company_that_is_accepted() -> None:
    seen = set[int]()
    for stack, company in shapes():
        if not features(stack, company):
            seen.add(len(company.regions))
            assert broken(stack, company, {}) == [], (stack, company)
    assert seen == {1, 2, 3}


def test_whoever_is_refused_would_get_an_answer_that_was_not_promised() -> None:
    """With and without a dial of zero for passive regions."""
    for stack, company in shapes():
        if features(stack, company) and stack.policy is not RoutingPolicy.WEIGHTED:
            own = {each.name: each for each in stack.own(company)}
            closed = {name: 0 for name, each in own.items() if not each.active}
            if stack.policy is RoutingPolicy.FAILOVER and len(closed) < len(own):
                first = next(each.name for each in own.values() if each.active)
                closed = {name: 0 for name in own if name != first}
            for dials in ({}, closed):
                if stack.policy is RoutingPolicy.GEO and not broken(stack, company, dials):
                    continue  # where all clients belong to the only active region
                assert broken(stack, company, dials), (stack, company, dials)


def test_a_weight_is_no_dial() -> None:
    """Dials of 100 answer the nearest region, and what other dials do with the rest is not documented."""
    stack = Stack(
        policy=RoutingPolicy.WEIGHTED,
        regions=(region(NAMES[0], weight=3), region(NAMES[1])),
        companies=(CompanyRoute(namespace="acme", regions=NAMES[:2]),),
    )
    assert broken(stack, stack.companies[0], {})


NEIGHBOURS = tuple(CompanyRoute(namespace=f"company-{number}", regions=NAMES[:2]) for number in range(3))


@pytest.mark.parametrize("failing", [each.namespace for each in NEIGHBOURS])
def test_5_one_company_s_targets_move_no_other_company(failing: str) -> None:
    """The endpoint's target groups have one target, the load balancer, checked at the region's health path.

    The load balancer itself has a target group a company, and one for the health path.
    """
    states = {
        company.namespace: ["unhealthy" if company.namespace == failing else "healthy"]
        for company in NEIGHBOURS
    }
    application = {**states, "controller": ["healthy", "healthy"]}
    network = {port: ["healthy"] for port in ("80", "443")}
    assert not balancer_is_healthy(application), "as endpoint it would move everybody"
    assert balancer_is_healthy(network)
    assert not balancer_is_healthy({**network, "443": ["unhealthy"]}), "a region whose health path says 503"
    stack = Stack(policy=RoutingPolicy.LATENCY, regions=tuple(map(region, NAMES[:2])), companies=NEIGHBOURS)
    (accelerator,) = planned(stack)
    for client in CLIENTS:
        assert (
            answers(groups(accelerator, {}), client.nearest, lambda name: True)
            == [{next(name for name in client.nearest if name in NAMES[:2]): Fraction(1)}] * 2
        )


def test_companies_of_one_edge_and_the_same_regions_share_an_accelerator() -> None:
    companies = (
        CompanyRoute(namespace="acme", regions=NAMES[:3]),
        CompanyRoute(namespace="globex", regions=NAMES[2::-1]),
        CompanyRoute(namespace="hooli", regions=NAMES[:3], edge=2),
        CompanyRoute(namespace="initech", regions=NAMES[:2]),
    )
    found = plan_accelerators(domain=DOMAIN, regions=tuple(map(region, NAMES[:3])), companies=companies)
    assert [(each.edge, each.regions, each.companies) for each in found] == [
        (1, tuple(sorted(NAMES[:3])), ("acme", "globex")),
        (1, tuple(sorted(NAMES[:2])), ("initech",)),
        (2, tuple(sorted(NAMES[:3])), ("hooli",)),
    ]
    assert len({each.label for each in found}) == len({each.name for each in found}) == 3
    names = company_names(found, DOMAIN)
    assert names["acme"].name == f"acme.{DOMAIN}"
    assert names["acme"].target == names["globex"].target == Alias(f"edge-1._accelerator.{DOMAIN}")


def test_a_region_that_joins_leaves_the_accelerator_of_all_regions_its_label() -> None:
    def found(*names: str) -> Accelerator:
        regions: tuple[RegionRoute, ...] = tuple(map(region, names))
        company = CompanyRoute(namespace="acme", regions=names)
        (accelerator,) = plan_accelerators(domain=DOMAIN, regions=regions, companies=[company])
        return accelerator

    before, after = found(*NAMES[:2]), found(*NAMES[:3])
    assert replace(after, regions=before.regions) == before


@pytest.mark.parametrize(
    ("states", "at_once", "later"),
    [
        (["HEALTHY", "HEALTHY"], True, True),
        (["HEALTHY", "UNHEALTHY"], False, True),
        (["HEALTHY", "INITIAL"], False, False),
        (["UNHEALTHY", "UNHEALTHY"], False, False),
        (["INITIAL"], False, False),
        ([], False, False),
    ],
)
def test_names_lead_to_an_accelerator_when_its_endpoints_answer(
    states: list[str], at_once: bool, later: bool
) -> None:
    assert may_lead(states, 0) is at_once
    assert may_lead(states, JUDGED_SECONDS) is later
