"""The records that external-dns makes of annotations: Route53 accepts them, and they keep the promises."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from plan import external_dns
from plan.dns import CompanyRoute, Policy, health_check
from plan.external_dns import HEALTH_CHECK_ID, problems
from plan.resolver import Client, resolve
from plan.route53 import Refused, Zone
from tests.plan.external_dns_double import as_external_dns_would, load_balancer
from tests.plan.worlds import DOMAIN, REGION_NAMES, Stack, expected, region, stacks, subsets

US, EU = "us-east-1", "eu-west-1"
ENDPOINTS = ("", "lb-1.elb.{}.amazonaws.com", "lb.{}.example.net")
TYPES = ("A", "AAAA")


def records_of(
    stack: Stack, company: CompanyRoute, *, prefer_cname: bool = False
) -> dict[str, list[dict[str, Any]]]:
    """The record sets of a company, by the region whose Ingress tells of them."""
    found = {}
    for one in stack.own(company):
        host = f"{company.namespace}.{DOMAIN}"
        keys = external_dns.annotations(
            "", stack.policy, one, company, host, stack.regions, stack.endpoints.get(one.name)
        )
        check = health_check(domain=DOMAIN, company=company, region=one.name, endpoints=stack.endpoints)
        keys[HEALTH_CHECK_ID] = check.key
        hostname = load_balancer(one.name, company.edge)
        found[one.name] = as_external_dns_would(keys, hostname, prefer_cname=prefer_cname)
    return found


def together(found: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [record for records in found.values() for record in records]


def ask(
    stack: Stack,
    company: CompanyRoute,
    records: list[dict[str, Any]],
    client: Client,
    failing: frozenset[str],
) -> dict[str, Any]:
    """Region to probability, which no type of record that a client asks for may change."""
    regions = {stack.endpoints.get(name, load_balancer(name, company.edge)): name for name in company.regions}
    answers = []
    for kind in TYPES:
        others = {*TYPES} - {kind}
        told = [record for record in records if record["Type"] not in others]
        host = f"{company.namespace}.{DOMAIN}"
        found = resolve(told, host, client, lambda check: check not in failing, kind)
        answers.append({regions[target]: share for target, share in found.items()})
    assert answers[0] == answers[1]
    return answers[0]


@st.composite
def _stacks(draw: st.DrawFn) -> Stack:
    """Stacks whose endpoints, where they have some, are of one kind, or of all kinds."""
    stack = draw(stacks())
    kinds = draw(st.sampled_from([*((kind,) for kind in ENDPOINTS), ENDPOINTS[:2], ENDPOINTS]))
    chosen = {one.name: draw(st.sampled_from(kinds)).format(one.name) for one in stack.regions}
    return replace(stack, endpoints={name: endpoint for name, endpoint in chosen.items() if endpoint})


def expressed(stack: Stack) -> list[CompanyRoute]:
    return [
        company
        for company in stack.companies
        if not problems(stack.policy, stack.regions, company, stack.endpoints)
    ]


@given(_stacks(), st.booleans())
def test_what_is_expressed_keeps_the_promises(stack: Stack, prefer_cname: bool) -> None:
    companies = expressed(stack)
    assume(companies and stack.policy is not Policy.GEO)
    client = Client(country="TR", continent="EU", nearest=REGION_NAMES)
    for company in companies:
        records = together(records_of(stack, company, prefer_cname=prefer_cname))
        checks = {
            name: health_check(domain=DOMAIN, company=company, region=name, endpoints=stack.endpoints).key
            for name in company.regions
        }
        for healthy in subsets(company.regions):
            failing = frozenset(key for name, key in checks.items() if name not in healthy)
            answer = ask(stack, company, records, client, failing)
            assert answer == expected(stack, company, client, healthy)


@given(_stacks(), st.booleans(), st.randoms())
def test_route53_accepts_what_is_expressed_whatever_cluster_comes_first(
    stack: Stack, prefer_cname: bool, random: Any
) -> None:
    zone = Zone()
    for company in expressed(stack):
        batches = list(records_of(stack, company, prefer_cname=prefer_cname).values())
        random.shuffle(batches)
        for batch in batches:
            zone.change(*(("CREATE", record) for record in batch))


def two(policy: Policy, **endpoints: str) -> tuple[Stack, CompanyRoute]:
    regions = (region(US, geo=["default"]), region(EU, geo=["EU"]))
    company = CompanyRoute(namespace="a", regions=(US, EU))
    named = {"us": US, "eu": EU}
    given = {named[key]: value for key, value in endpoints.items()}
    return Stack(policy=policy, regions=regions, companies=(company,), endpoints=given), company


@pytest.mark.parametrize("policy", Policy)
def test_a_load_balancer_gets_alias_records_of_both_types_and_another_endpoint_a_cname(
    policy: Policy,
) -> None:
    stack, company = two(policy, eu="lb.example.net")
    found = records_of(stack, company)
    assert [record["Type"] for record in found[US]] == ["A", "AAAA"]
    assert not any(record["AliasTarget"]["EvaluateTargetHealth"] for record in found[US])
    [cname] = found[EU]
    assert (cname["Type"], cname["TTL"]) == ("CNAME", 20)
    assert cname["ResourceRecords"] == [{"Value": "lb.example.net"}]


@pytest.mark.parametrize("policy", Policy)
def test_what_route53_refuses_of_a_mixture_is_what_the_settings_refuse(policy: Policy) -> None:
    mixed, company = two(policy, eu="lb.example.net")
    with pytest.raises(Refused, match="CNAME beside A, AAAA"):
        Zone(together(records_of(mixed, company)))
    assert problems(policy, mixed.regions, company, mixed.endpoints)
    Zone(together(records_of(mixed, company, prefer_cname=True)))


def test_geo_keeps_to_the_client_s_place_and_the_default_and_no_further() -> None:
    """A limit of Route53's geolocation without trees: no other region stands in for an unhealthy default."""
    stack, company = two(Policy.GEO)
    records = together(records_of(stack, company))
    german = Client(country="DE", continent="EU", nearest=())
    american = Client(country="US", continent="NA", nearest=())
    found = {
        (client.country, failing): next(iter(ask(stack, company, records, client, frozenset(failing))))
        for client, failing in product([german, american], [(), (EU,), (US,), (US, EU)])
    }
    assert found == {
        ("DE", ()): EU, ("DE", (EU,)): US, ("DE", (US,)): EU, ("DE", (US, EU)): EU,
        ("US", ()): US, ("US", (EU,)): US, ("US", (US,)): US, ("US", (US, EU)): US,
    }  # fmt: skip


def test_an_ingress_that_is_kept_away_makes_no_record() -> None:
    keys = {key.partition("/")[2]: value for key, value in external_dns.keep_away("x.example/").items()}
    assert as_external_dns_would({**keys, "hostname": "a.example.com"}, load_balancer(US)) == []
