"""What the real external-dns makes of this program's Ingresses: the records that the plan promises."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import yaml
from hypothesis import strategies as st

from plan.external_dns import OLD_PREFIX
from plan.record_sets import RecordSet
from plan.records import RoutingPolicy
from plan.resolver import Client
from settings import SettingsError
from tests.components.stacks import EU, US, WEST, context, eks, stack
from tests.external_dns.clusters import RIGHT, Clusters, Run
from tests.external_dns.stacks import Shown, answers, comparable, drawn, expressed, from_routes, from_settings
from tests.plan.route_stacks import REGION_NAMES, Stack, expected, stacks, subsets
from tests.recording import ROOT
from tests.strategies import Raw

FLAGS = {
    "cname": RIGHT,
    "alias": ("--policy=sync", "--annotation-prefix=external-dns.kubernetes.io/"),
    "old": ("--aws-prefer-cname", "--policy=sync", f"--annotation-prefix={OLD_PREFIX}"),
}
"""As the page says; without `--aws-prefer-cname`; with the prefix that versions before 0.22 have."""
AWS = "lb-1.elb.{}.amazonaws.com"
EACH = 10
"""Drawn stacks of each policy, so many."""


def by(policy: str, **more: Any) -> dict[str, Any]:
    return {"loadBalancing": {"policy": policy, "manager": "external-dns", **more}}


def files() -> dict[str, tuple[str, Raw]]:
    """Every committed stack file under every policy: the stack's name and settings."""
    stack_files = {}
    for file in sorted(ROOT.glob("Pulumi.*.yaml")):
        config = yaml.safe_load(file.read_text())["config"]
        raw = {
            key.partition(":")[2]: value for key, value in config.items() if key.startswith("digital-agency:")
        }
        name = file.name.split(".")[1]
        stack_files[f"{name}-route53"] = name, raw
        for policy in RoutingPolicy:
            places = zip(raw["regions"], (["default"], ["EU"], ["AS"]), strict=False)
            regions = [each | {"geo": place} for each, place in places]
            more = {"regions": regions} if policy is RoutingPolicy.GEO else {}
            stack_files[f"{name}-{policy}"] = name, raw | by(policy) | more
    return stack_files


COMPANIES = [
    "acme",
    {"name": "globex", "edge": 2, "regions": [EU, US]},
    {"name": "Own_1", "dedicatedHealthChecks": True},
]
SHARED = [
    {"name": name, "cluster": {"context": "shared"}, "ingressFrom": ["10.0.0.0/24"]} for name in (US, EU)
]
TWO, ENDPOINT = [eks(US), eks(EU)], [eks(US), context(EU, endpoint=AWS.format(EU))]
PLACES = [eks(US, geo=["default"]), eks(EU, geo=["EU"]), eks(WEST, geo=["country:JP"])]
PROGRAMS: dict[str, Raw] = {
    "cname-three": {"regions": [*TWO, eks(WEST, active=False)], **by("weighted")},
    "cname-shared": {"regions": [*SHARED, eks(WEST)], **by("latency")},
    "cname-endpoint": {"regions": ENDPOINT, **by("failover")},
    "alias-endpoint": {"regions": ENDPOINT, **by("failover")},
    "alias-own": {"regions": [context(US), context(EU)], **by("latency")},
    "cname-geo": {"regions": PLACES, "companies": ["acme"], **by("geo")},
    "old-prefix": {"regions": TWO, **by("weighted", annotationPrefix=OLD_PREFIX)},
    "cname-away": {"regions": [eks(US), context(EU)]},
    "old-away": {"regions": [eks(US), context(EU)]},
}


@st.composite
def route_stacks(draw: st.DrawFn, policy: RoutingPolicy) -> Stack:
    """Stacks whose endpoints, where they have some, are of one kind, or of both; some companies left."""
    stack = draw(stacks(policy))
    kinds = draw(st.sampled_from((("",), ("", AWS), ("lb.{}.example.net",), ("", AWS, "lb.{}.example.net"))))
    chosen = {each.name: draw(st.sampled_from(kinds)).format(each.name) for each in stack.regions}
    regions = (
        stack.regions
        if stack.policy is not RoutingPolicy.GEO
        else tuple(replace(each, geo=each.geo[:1]) for each in stack.regions)
    )
    endpoints = {name: endpoint for name, endpoint in chosen.items() if endpoint}
    return replace(stack, regions=regions, endpoints=endpoints)


@dataclass(frozen=True)
class Settled:
    """All stacks after a pass of every cluster's external-dns, and after another one."""

    shown: dict[str, Shown]
    refused: dict[str, str]
    """What the settings say of those that external-dns cannot express."""
    first: list[Run]
    records: dict[str, list[RecordSet]]
    second: list[Run]
    after: dict[str, list[RecordSet]]


@pytest.fixture(scope="module")
def settled(clusters: Clusters) -> Settled:
    shown: dict[str, Shown] = {}
    refused: dict[str, str] = {}
    for name, (stack_name, raw) in files().items():
        try:
            shown[name] = from_settings(clusters, "cname", name, raw, stack_name)
        except SettingsError as error:
            refused[name] = str(error)
    for name, raw in PROGRAMS.items():
        shown[name] = from_settings(
            clusters, name.partition("-")[0], name, stack(**{"companies": COMPANIES, **raw})
        )
    for policy in RoutingPolicy:
        some = [routes for routes in drawn(route_stacks(policy), 60) if expressed(routes).companies]
        for number, routes in enumerate(some[:EACH]):
            mode, name = ("cname", "alias")[number % 2], f"drawn-{policy}-{number}"
            shown[f"{mode}-{name}"] = from_routes(clusters, mode, name, routes)
    for each in shown.values():
        each.show(clusters)
    names = sorted({cluster for each in shown.values() for cluster in each.manifests})
    first = clusters.all(names, FLAGS)
    records = {name: clusters.records(each.zone) for name, each in shown.items()}
    second = clusters.all(names[::-1], FLAGS)
    after = {name: clusters.records(each.zone) for name, each in shown.items()}
    return Settled(shown, refused, first, records, second, after)


def test_route53_refuses_no_batch(settled: Settled) -> None:
    assert [run.log for run in settled.first if not run.done or "level=error" in run.log] == []


def test_each_zone_has_exactly_the_records_of_the_plan(settled: Settled) -> None:
    for name, each in settled.shown.items():
        assert comparable(settled.records[name]) == comparable(each.promised), name


def test_a_second_pass_changes_nothing(settled: Settled) -> None:
    assert [run.log for run in settled.second if not run.idle] == []
    assert settled.after == settled.records


def test_the_stacks_are_those_that_the_tests_are_about(settled: Settled) -> None:
    """Companies, policies and regions of all kinds are among them, and none is left out in silence."""
    policies = {
        (name.partition("-")[0], each.routes.policy)
        for name, each in settled.shown.items()
        if "drawn" in name
    }
    assert policies == {(mode, policy) for mode in ("cname", "alias") for policy in RoutingPolicy}
    assert {len(each.manifests) for each in settled.shown.values()} >= {1, 2, 3}
    assert any(len(each.routes.endpoints) for each in settled.shown.values())
    assert all(
        each.promised for name, each in settled.shown.items() if not name.endswith(("route53", "away"))
    )
    assert {name.partition("-")[0] for name in settled.shown} >= {"dev", "local", "prod", "staging"}


def test_a_stack_file_that_external_dns_cannot_express_is_rejected_with_an_alternative(
    settled: Settled,
) -> None:
    assert "prod-latency" in settled.refused
    for name, text in settled.refused.items():
        assert 'loadBalancing.manager: must be route53, got "external-dns"' in text, name
        assert "external-dns cannot express" in text, name


def test_external_dns_makes_nothing_where_it_does_not_manage_the_names(settled: Settled) -> None:
    away = [name for name in settled.shown if name.endswith(("route53", "away"))]
    assert len(away) == 6
    assert all(settled.after[name] == [] for name in away)


def test_the_records_keep_the_promises(settled: Settled) -> None:
    """Those of `geo` hold for the client's place and the default alone, so they are looked at below."""
    client = Client(country="TR", continent="EU", nearest=REGION_NAMES)
    queries = 0
    for name, each in settled.shown.items():
        if "drawn" not in name or each.routes.policy is RoutingPolicy.GEO:
            continue
        for company in each.routes.companies:
            for healthy in subsets(company.regions):
                answered = answers(each, settled.records[name], company, client, healthy)
                assert answered == expected(each.routes, company, client, healthy), (name, company, healthy)
                queries += 1
    assert queries > 50


@pytest.mark.parametrize(
    ("country", "continent", "own"), [("DE", "EU", EU), ("US", "NA", US), ("JP", "AS", WEST)]
)
def test_geo_keeps_to_the_client_s_place_and_the_default_and_no_further(
    settled: Settled, country: str, continent: str, own: str
) -> None:
    """A limit of Route53's geolocation without trees: no other region stands in for an unhealthy default."""
    each, records = settled.shown["cname-geo"], settled.records["cname-geo"]
    client = Client(country=country, continent=continent, nearest=())
    for healthy in subsets([US, EU, WEST]):
        [region] = answers(each, records, each.routes.companies[0], client, healthy)
        assert region == (own if own in healthy else US if US in healthy else own)
