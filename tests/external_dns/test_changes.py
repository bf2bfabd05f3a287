"""Changes of a live stack by the real external-dns: what `doctor` foresees, and the page's steps instead.

Each stack has a zone of its own, so all of them change at once: before, after, and by the steps where Route53
refuses the change.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import strategies as st

from ops.aws import AwsAccess
from ops.doctor.findings import Finding
from ops.doctor.in_zone import live_records
from ops.stack import Stack as StackFile
from plan import external_dns
from plan.edges import edge_name
from plan.record_sets import RecordSet
from plan.records import RoutingPolicy, to_api
from settings.routes import record_plan
from tests.components.stacks import EU, US, WEST, eks, stack
from tests.external_dns.clusters import RIGHT, Clusters
from tests.external_dns.stacks import Shown, comparable, drawn, named, parsed
from tests.strategies import Raw

FLAGS = {"day": RIGHT, "turn": ("--policy=sync",)}
PLACES = {US: "default", EU: "EU", WEST: "AS"}
TURNED = {"day": RIGHT, "turn": RIGHT}


def route(policy: str, *names: str, shared: tuple[str, ...] = (), weight: int = 1, **more: Any) -> Raw:
    """One company, over its regions in this order."""
    regions = [
        eks(name, weight=weight, geo=[PLACES[name]] if policy == "geo" else [])
        | ({"cluster": {"context": "shared"}} if name in shared else {})
        for name in names
    ]
    balancing = {"policy": policy, "manager": "external-dns"}
    return stack(**{"regions": regions, "companies": ["acme"], "loadBalancing": balancing, **more})


def between(before: Raw) -> Raw:
    """The page's first step: another policy, one region for each company, the primary of today."""
    raw = copy.deepcopy(before)
    raw["loadBalancing"]["policy"] = "weighted"
    for region in raw["regions"]:
        region.pop("geo", None)
    active = next(region["name"] for region in raw["regions"] if region.get("active", True))
    companies = [each if isinstance(each, dict) else {"name": each} for each in raw["companies"]]
    raw["companies"] = [{**each, "regions": each.get("regions", [active])[:1]} for each in companies]
    return raw


def places(raw: Raw, codes: str) -> Raw:
    """Other geo codes for the regions, in their order."""
    pairs = zip(raw["regions"], codes.split(), strict=True)
    return {**raw, "regions": [{**each, "geo": [place]} for each, place in pairs]}


TWO, THREE = (US, EU), (US, EU, WEST)
ACME, GLOBEX = "acme", {"name": "globex", "edge": 2}
EASY: dict[str, tuple[Raw, Raw]] = {
    "a company comes into the middle and one leaves": (
        route("latency", *THREE, companies=["a", "c", "e"]),
        route("latency", *THREE, companies=["a", "b", "e"]),
    ),
    "another weight": (route("weighted", *TWO), route("weighted", *TWO, weight=3)),
    "a region joins": (route("latency", *TWO), route("latency", *THREE)),
    "regions leave": (route("latency", *THREE), route("latency", EU)),
    "the only region's policy": (route("latency", US), route("weighted", US)),
    "another edge": (route("failover", *TWO), route("failover", *TWO, companies=[{"name": ACME, "edge": 2}])),
    "an edge has no company left": (
        route("latency", *TWO, companies=[ACME, GLOBEX]),
        route("latency", *TWO, companies=[ACME]),
    ),
    "checks of its own": (
        route("failover", *TWO),
        route("failover", *TWO, companies=[{"name": ACME, "dedicatedHealthChecks": True}]),
    ),
    "a swap within one cluster": (
        route("failover", *TWO, shared=TWO),
        route("failover", EU, US, shared=TWO),
    ),
    "another policy within one cluster": (
        route("failover", *TWO, shared=TWO),
        route("weighted", *TWO, shared=TWO),
    ),
    "a region moves to another cluster": (route("latency", *TWO, shared=TWO), route("latency", *TWO)),
    "another secondary": (route("failover", US, EU), route("failover", US, WEST)),
}
REFUSED: dict[str, tuple[Raw, Raw]] = {
    "a swap": (route("failover", *TWO), route("failover", EU, US)),
    "the primary turns passive": (
        route("failover", *TWO),
        route("failover", *TWO, regions=[eks(US, active=False), eks(EU)]),
    ),
    "another policy": (route("latency", *TWO), route("weighted", *TWO)),
    "another policy over three clusters": (route("weighted", *THREE), route("geo", *THREE)),
    "geo codes that swap": (route("geo", *TWO), places(route("geo", *TWO), codes="EU default")),
    "a company leaves a region of a cluster and joins its other one": (
        route("failover", *THREE, shared=TWO, companies=[{"name": ACME, "regions": [US, WEST]}]),
        route("failover", *THREE, shared=TWO, companies=[{"name": ACME, "regions": [WEST, EU]}]),
    ),
    "from geo to failover": (
        route("geo", *TWO, companies=[ACME, GLOBEX]),
        route("failover", *TWO, companies=[ACME, GLOBEX]),
    ),
}


@st.composite
def _stacks(draw: st.DrawFn) -> Raw:
    policy = draw(st.sampled_from(RoutingPolicy))
    names = draw(st.permutations(THREE))[: 2 if policy is RoutingPolicy.FAILOVER else draw(st.integers(1, 3))]
    if policy is RoutingPolicy.GEO and US not in names:
        names = [US, *names[1:]]
    return route(
        policy, *names, shared=draw(st.shared(_SHARED, key="of both")), weight=draw(st.integers(0, 3))
    )


_SHARED: st.SearchStrategy[tuple[str, ...]] = st.sampled_from([(), (US, EU)])
DRAWN = {f"drawn {number}": pair for number, pair in enumerate(drawn(st.tuples(_stacks(), _stacks()), 40))}
CHANGES = EASY | REFUSED | DRAWN


@dataclass(frozen=True)
class Changed:
    before: dict[str, bool]
    """Whether the first records are those that the plan promises."""
    foreseen: dict[str, Finding]
    """What `doctor` says of the change."""
    reached: dict[str, bool]
    first_step: dict[str, bool]
    """Of those that were not reached."""
    stepped: dict[str, bool]


def doctor(clusters: Clusters, name: str, raw: Raw) -> Finding:
    given: Any = {"route53": clusters.route53}
    known = StackFile(name="dev", file=Path("Pulumi.dev.yaml"), settings=parsed(name, raw))
    [finding] = live_records(known, _AwsAccess(local=False, arguments=given))
    return finding


class _AwsAccess(AwsAccess):
    def client(self, service: str, region: str) -> Any:
        return self.arguments[service]


def deploy(clusters: Clusters, raws: dict[str, Raw], passes: int, mode: str = "day") -> dict[str, bool]:
    """Deploy all stacks, and let every external-dns pass as often; whether the zones are as promised."""
    shown = {name: named(clusters, mode, name, parsed(name, raw)) for name, raw in raws.items()}
    for each in shown.values():
        each.show(clusters)
    for _ in range(passes):
        clusters.all(clusters.of_mode(mode), FLAGS)
    return {name: is_promised(clusters, each) for name, each in shown.items()}


def is_promised(clusters: Clusters, shown: Shown) -> bool:
    return comparable(clusters.records(shown.zone)) == comparable(shown.promised)


@pytest.fixture(scope="module")
def changed(clusters: Clusters) -> Changed:
    ids = {f"day-{number}": pair for number, pair in enumerate(CHANGES.values())}
    names = dict(zip(ids, CHANGES, strict=True))
    before = deploy(clusters, {name: pair[0] for name, pair in ids.items()}, 1)
    foreseen = {name: doctor(clusters, name, pair[1]) for name, pair in ids.items()}
    reached = deploy(clusters, {name: pair[1] for name, pair in ids.items()}, 3)
    left = {name: ids[name] for name, done in reached.items() if not done}
    first = deploy(clusters, {name: between(pair[0]) for name, pair in left.items()}, 2)
    stepped = deploy(clusters, {name: pair[1] for name, pair in left.items()}, 2)
    batches = [
        {names[name]: value for name, value in each.items()} for each in (before, reached, first, stepped)
    ]
    return Changed(batches[0], {names[name]: one for name, one in foreseen.items()}, *batches[1:])


def test_each_stack_has_the_promised_records_before_the_change(changed: Changed) -> None:
    assert [name for name, promised in changed.before.items() if not promised] == []


def test_doctor_foresees_exactly_the_changes_that_route53_rejects_for_good(changed: Changed) -> None:
    assert {name: each.ok for name, each in changed.foreseen.items()} == changed.reached
    assert {True, False} <= {changed.reached[name] for name in DRAWN}


@pytest.mark.parametrize("name", EASY)
def test_a_change_in_one_deployment(changed: Changed, name: str) -> None:
    assert changed.reached[name]


@pytest.mark.parametrize("name", REFUSED)
def test_a_change_that_takes_the_page_s_steps(changed: Changed, name: str) -> None:
    assert not changed.reached[name]
    assert "docs/external-dns.md#changes-on-a-live-stack" in changed.foreseen[name].remedy
    assert changed.stepped[name]


def test_the_page_s_steps_make_every_change(changed: Changed) -> None:
    assert [name for name, done in changed.first_step.items() if not done] == []
    assert [name for name, done in changed.stepped.items() if not done] == []


def test_records_that_are_deleted_are_made_anew_in_one_deployment(clusters: Clusters) -> None:
    """The page's other way, with the TXT records in which external-dns remembers whose a record is."""
    name = "day-deleted"
    assert deploy(clusters, {name: route("failover", *TWO)}, 1) == {name: True}
    shown = named(clusters, "day", name, parsed(name, route("latency", *TWO)))
    host = f"acme.{shown.domain}."
    registered = [f"{kind}-{host}" for kind in ("a", "aaaa", "cname")]
    gone = [each for each in clusters.records(shown.zone) if each["Name"] == host]
    gone += [each for each in clusters.registered(shown.zone) if each["Name"] in registered]
    assert len(gone) == 4
    clusters.change(shown.zone, "DELETE", gone)
    assert deploy(clusters, {name: route("latency", *TWO)}, 1) == {name: True}


def test_the_flag_for_cnames_is_turned_on_by_the_page_s_steps(clusters: Clusters) -> None:
    name, raw = "turned", route("latency", *TWO)
    deploy(clusters, {name: raw}, 1, "turn")
    shown = named(clusters, "turn", name, parsed(name, raw))
    live = clusters.records(shown.zone)
    assert {each["Type"] for each in live} == {"A", "AAAA"}
    eu, us = clusters.of_mode("turn")
    refused = [run for _ in range(2) for run in clusters.all([eu, us], TURNED)]
    assert all("CNAME beside A" in run.log for run in refused)
    host = f"acme.{shown.domain}."
    assert [each for each in clusters.records(shown.zone) if each["Name"] == host] == [
        each for each in live if each["Name"] == host
    ]
    deploy(clusters, {name: between(raw)}, 2, "turn")
    clusters.all([us], TURNED)
    shown.show(clusters)
    clusters.all([eu, us, eu], TURNED)
    assert is_promised(clusters, shown)


def pulumi_s(clusters: Clusters, name: str, raw: Raw) -> list[RecordSet]:
    """The records that the program makes with manager route53: trees, names, load balancers."""
    known = parsed(name, {**raw, "loadBalancing": {**raw["loadBalancing"], "manager": "route53"}})
    plan = record_plan(known)
    ids = {check.key: clusters.check(check.fqdn, check.path) for check in plan.checks}
    values = {"Type": "CNAME", "TTL": 20, "ResourceRecords": [{"Value": "lb.example.net"}]}
    edges = [
        {"Name": f"{edge_name(region, 1, known.domain)}.", **values}
        for region in (each.name for each in known.regions)
    ]
    return [*(to_api(each, ids, known.hosted_zone_id or "") for each in plan.records), *edges]


def test_from_route53_to_external_dns_names_are_made_once_pulumi_s_are_gone(clusters: Clusters) -> None:
    name, raw = "to-external", route("latency", *TWO)
    shown = named(clusters, "day", name, parsed(name, raw))
    clusters.zone(shown.zone, shown.domain)
    clusters.change(shown.zone, "CREATE", pulumi_s(clusters, name, raw))
    assert doctor(clusters, name, raw).ok
    shown.show(clusters)
    both = sorted(shown.manifests)
    runs = clusters.all(both, FLAGS)
    assert all(not run.done and "several routing policies" in run.log for run in runs)
    clusters.change(shown.zone, "DELETE", pulumi_s(clusters, name, raw))
    clusters.all(both, FLAGS)
    assert is_promised(clusters, shown)


def test_from_external_dns_to_route53_pulumi_s_are_made_after_a_pass(clusters: Clusters) -> None:
    name, raw = "to-pulumi", route("latency", *TWO)
    assert deploy(clusters, {name: raw}, 1) == {name: True}
    shown = named(clusters, "day", name, parsed(name, raw))
    ours = pulumi_s(clusters, name, raw)
    route53 = {**raw, "loadBalancing": {"policy": "latency", "manager": "route53"}}
    finding = doctor(clusters, name, route53)
    assert not finding.ok and "docs/external-dns.md#from-external-dns-to-route53" in finding.remedy
    with pytest.raises(ClientError, match="several routing policies"):
        clusters.change(shown.zone, "CREATE", ours)
    kept_away = {
        cluster: [_kept_away(manifest) for manifest in manifests]
        for cluster, manifests in shown.manifests.items()
    }
    replace(shown, manifests=kept_away).show(clusters)
    clusters.all(sorted(kept_away), FLAGS)
    assert clusters.records(shown.zone) == clusters.registered(shown.zone) == []
    clusters.change(shown.zone, "CREATE", ours)
    clusters.all(sorted(kept_away), FLAGS)
    assert len(clusters.records(shown.zone)) == len(ours)


def _kept_away(manifest: dict[str, Any]) -> dict[str, Any]:
    annotations = external_dns.keep_away(external_dns.PREFIX)
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}
