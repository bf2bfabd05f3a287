"""The five rules of README.md's section on routing, over every set of healthy regions, by the records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from moto import mock_aws

from plan.records import CompanyRoute, RegionRoute, RoutingPolicy, to_api
from plan.resolver import Client
from tests.plan.route_stacks import DOMAIN, Stack, answer, api_records, expected, region, subsets

NAMES = ("us-east-1", "eu-west-1", "ap-southeast-2", "sa-east-1")
ENDPOINTS = {"eu-west-1": "lb.eu-west-1.example.net"}
WEIGHTS = ((3, 1, 0, 2), (0, 0, 255, 0), (0, 0, 0, 0))
GEO: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("default",), ("EU", "AF", "country:BR"), ("OC",), ("SA", "country:TR")),
    ((), ("country:TR",), ("AS", "country:US"), ("default", "EU")),
)
CLIENTS = {
    RoutingPolicy.LATENCY: [
        Client(country=None, continent=None, nearest=(*NAMES[turn:], *NAMES[:turn]))
        for turn in range(len(NAMES))
    ],
    RoutingPolicy.GEO: [
        Client(country=country, continent=continent, nearest=NAMES)
        for country, continent in (
            ("TR", "EU"), ("DE", "EU"), ("BR", "SA"), ("US", "NA"), ("JP", "AS"), ("ZA", "AF"), (None, None)
        )
    ],
}  # fmt: skip
ANYONE = [Client(country=None, continent=None, nearest=NAMES)]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One question in one state of health, and what the records answer."""

    stack: Stack
    company: CompanyRoute
    client: Client
    healthy: frozenset[str]
    answer: dict[str, Fraction]

    @property
    def active(self) -> set[str]:
        return {each.name for each in self.stack.own(self.company) if each.active}


def _companies(regions: tuple[RegionRoute, ...], policy: RoutingPolicy) -> Iterator[CompanyRoute]:
    """A company for every subset with an active region, in both orders where that counts; mixed edges."""
    active = {each.name for each in regions if each.active}
    alive = [own for own in subsets(NAMES) if own & active]
    for number, own in enumerate(alive):
        in_order = tuple(name for name in NAMES if name in own)
        orders = [in_order, in_order[::-1]] if policy is RoutingPolicy.FAILOVER else [in_order]
        for turn, order in enumerate(orders):
            yield CompanyRoute(
                namespace=f"company-{number}-{turn}",
                regions=order,
                edge=1 + number % 2,
                dedicated=number % 3 == 0,
            )


def _stacks() -> Iterator[Stack]:
    for roles in product([True, False], repeat=len(NAMES)):
        if not any(roles):
            continue
        for policy in RoutingPolicy:
            weights = WEIGHTS if policy is RoutingPolicy.WEIGHTED else WEIGHTS[:1]
            geo = GEO if policy is RoutingPolicy.GEO else GEO[:1]
            for weight, codes in product(weights, geo):
                regions = tuple(
                    region(name, active=active, weight=weight[index], geo=codes[index])
                    for index, (name, active) in enumerate(zip(NAMES, roles, strict=True))
                )
                companies = tuple(_companies(regions, policy))
                yield Stack(policy=policy, regions=regions, companies=companies, endpoints=ENDPOINTS)


def _cases(stack: Stack) -> Iterator[Case]:
    plan = stack.plan()
    check_ids = {check.key: check.key for check in plan.checks}
    trees = {tree.name: tree for tree in plan.trees}
    for company in stack.companies:
        alias = plan.companies[company.namespace]
        tree = trees[alias.target.name]  # type: ignore[union-attr]
        records = [to_api(record, check_ids, "Z") for record in (*tree.records, alias)]
        regions = {check.key: check.path.split("/")[2] for check in plan.checks}
        for healthy, client in product(subsets(company.regions), CLIENTS.get(stack.policy, ANYONE)):
            failing = frozenset(check for check, name in regions.items() if name not in healthy)
            yield Case(
                stack=stack,
                company=company,
                client=client,
                healthy=healthy,
                answer=answer(stack, records, company, client, failing),
            )


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [case for stack in _stacks() for case in _cases(stack)]


def test_all_policies_partitions_and_numbers_of_regions_are_asked(cases: list[Case]) -> None:
    seen = {(case.stack.policy, len(case.company.regions), len(case.active)) for case in cases}
    assert seen == {
        (policy, count, active)
        for policy in RoutingPolicy
        for count in range(1, 5)
        for active in range(1, count + 1)
    }


def test_every_question_is_answered_in_full(cases: list[Case]) -> None:
    assert all(sum(case.answer.values()) == 1 for case in cases)


def test_1_an_answer_is_a_healthy_region_when_there_is_one(cases: list[Case]) -> None:
    assert all(case.answer.keys() <= case.healthy for case in cases if case.healthy)


def test_2_a_passive_region_answers_only_when_no_active_one_is_healthy(cases: list[Case]) -> None:
    passive = [case for case in cases if case.answer.keys() - case.active]
    assert passive
    assert not any(case.healthy & case.active for case in passive)


def test_3_the_policy_chooses_among_the_regions_that_may_answer(cases: list[Case]) -> None:
    for case in cases:
        if case.healthy:
            assert case.answer == expected(case.stack, case.company, case.client, case.healthy), case


def test_4_when_none_is_healthy_an_active_region_answers_chosen_by_the_policy(cases: list[Case]) -> None:
    for case in cases:
        if not case.healthy:
            assert case.answer.keys() <= case.active, case
            assert case.answer == expected(case.stack, case.company, case.client, case.healthy), case


NEIGHBOURS = (
    CompanyRoute(namespace="shared-1", regions=NAMES[:2]),
    CompanyRoute(namespace="shared-2", regions=NAMES[:2], edge=2),
    CompanyRoute(namespace="alone", regions=NAMES[:1]),
    CompanyRoute(namespace="own-1", regions=NAMES[:2], dedicated=True),
    CompanyRoute(namespace="own-2", regions=NAMES[:2], edge=2, dedicated=True),
)


@pytest.mark.parametrize("policy", RoutingPolicy)
def test_5_a_company_s_failing_checks_move_its_own_traffic_alone(policy: RoutingPolicy) -> None:
    regions = (region(NAMES[0], weight=3, geo=["default"]), region(NAMES[1], geo=["EU"]))
    stack = Stack(policy=policy, regions=regions, companies=NEIGHBOURS)
    records = api_records(stack.plan())
    client = Client(country="DE", continent="EU", nearest=NAMES)
    checks_of = {
        company: frozenset(check.key for check in replace(stack, companies=(company,)).plan().checks)
        for company in NEIGHBOURS
    }
    assert len(frozenset.union(*checks_of.values())) == 8
    for failing in subsets(sorted(frozenset.union(*checks_of.values()))):
        for company in NEIGHBOURS:
            alone = answer(stack, records, company, client, failing & checks_of[company])
            assert answer(stack, records, company, client, failing) == alone


def test_5_a_dedicated_company_s_checks_are_nobody_else_s() -> None:
    stack = Stack(policy=RoutingPolicy.LATENCY, regions=tuple(map(region, NAMES)), companies=NEIGHBOURS)
    for company in NEIGHBOURS:
        own = {check.key for check in replace(stack, companies=(company,)).plan().checks}
        others = tuple(other for other in NEIGHBOURS if other != company)
        if company.dedicated:
            assert own.isdisjoint(check.key for check in replace(stack, companies=others).plan().checks)


@pytest.mark.parametrize("endpoints", [{}, ENDPOINTS])
def test_the_promises_hold_for_the_records_that_the_emulator_gives_back(
    endpoints: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "testing")
    regions = tuple(
        region(name, active=name != "eu-west-1", weight=index, geo=GEO[0][index])
        for index, name in enumerate(NAMES)
    )
    stacks = [
        Stack(
            policy=policy,
            regions=regions,
            companies=(CompanyRoute(namespace=policy, regions=NAMES, dedicated=policy is RoutingPolicy.GEO),),
            endpoints=endpoints,
        )
        for policy in RoutingPolicy
    ]
    with mock_aws():
        records, check_ids = _store(stacks)
    for stack, healthy in product(stacks, subsets(NAMES)):
        failing = frozenset(
            check_id for key, check_id in check_ids.items() if key.split(".")[0] not in healthy
        )
        company = stack.companies[0]
        for client in CLIENTS.get(stack.policy, ANYONE):
            assert answer(stack, records, company, client, failing) == expected(
                stack, company, client, healthy
            )


def _store(stacks: list[Stack]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Put the plans' checks and records into one zone; what the zone lists then, and the checks' ids."""
    route53 = boto3.client("route53", region_name="us-east-1")
    zone = route53.create_hosted_zone(Name=DOMAIN, CallerReference="test")["HostedZone"]["Id"]
    check_ids: dict[str, str] = {}
    for stack in stacks:
        plan = stack.plan()
        for check in plan.checks:
            made = route53.create_health_check(
                CallerReference=check.key,
                HealthCheckConfig={
                    "Type": "HTTPS",
                    "FullyQualifiedDomainName": check.fqdn,
                    "ResourcePath": check.path,
                },
            )
            check_ids.setdefault(check.key, made["HealthCheck"]["Id"])
        changes = [
            {"Action": "UPSERT", "ResourceRecordSet": to_api(record, check_ids, zone)}
            for record in plan.records
        ]
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    pages = route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone)
    return [record for page in pages for record in page["ResourceRecordSets"]], check_ids
