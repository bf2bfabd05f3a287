"""Changes of live names by external-dns: which ones Route53 refuses for good, and which steps it accepts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.dns import CompanyRoute, Policy
from plan.live_names import is_ours, kinds_of, refused_for_good, wanted_records
from plan.route53 import RecordSet, Refused, Zone
from tests.plan.external_dns_double import as_external_dns_would, load_balancer, reconcile
from tests.plan.test_external_dns_records import records_of
from tests.plan.worlds import DOMAIN, Stack, api_records, region

US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"
HOST = f"a.{DOMAIN}"
PLACES = ("default", "EU", "AS")


def one_company(policy: Policy, *names: str, weight: int = 1) -> Stack:
    """Its regions in this order, which is that of failover and of the places."""
    places = zip(names, PLACES, strict=False)
    regions = tuple(region(name, weight=weight, geo=[place]) for name, place in places)
    return Stack(policy=policy, regions=regions, companies=(CompanyRoute(namespace="a", regions=names),))


def records(stack: Stack, clusters: dict[str, str], **how: Any) -> dict[str, list[RecordSet]]:
    """What each cluster's external-dns makes."""
    found: dict[str, list[RecordSet]] = {}
    for name, made in records_of(stack, stack.companies[0], **how).items():
        found.setdefault(clusters.get(name, name), []).extend(made)
    return found


def settle(before: dict[str, list[RecordSet]], after: dict[str, list[RecordSet]]) -> bool:
    """Whether external-dns gets from one to the other: every cluster tries again and again."""
    zone, owned = Zone([record for made in before.values() for record in made]), dict(before)
    for _ in range(len(owned | after) + 1):
        for cluster in owned | after:
            with suppress(Refused):
                reconcile(zone, owned.get(cluster, []), after.get(cluster, []))
                owned[cluster] = after.get(cluster, [])
    return {cluster: made for cluster, made in owned.items() if made} == after


def foreseen(live: Sequence[RecordSet], after: Stack, clusters: dict[str, str]) -> list[str]:
    by_region = wanted_records(after.policy, after.companies[0], after.regions, HOST, kinds_of(live))
    wanted: dict[str, list[RecordSet]] = {}
    for name, made in by_region.items():
        wanted.setdefault(clusters.get(name, name), []).extend(made)
    return refused_for_good(live, wanted)


_NAMES = st.lists(st.sampled_from([US, EU, AP]), min_size=1, unique=True)


@st.composite
def _stacks(draw: st.DrawFn) -> Stack:
    policy, names = draw(st.sampled_from(Policy)), draw(_NAMES)
    if policy is Policy.FAILOVER:
        names = draw(st.permutations([US, EU, AP]))[:2]
    return one_company(policy, *names, weight=draw(st.integers(0, 3)))


@given(_stacks(), _stacks(), st.dictionaries(st.sampled_from([US, EU, AP]), st.just("shared")), st.booleans())
def test_what_is_refused_for_good_is_foreseen_and_nothing_else(
    before: Stack, after: Stack, clusters: dict[str, str], prefer_cname: bool
) -> None:
    made = records(before, clusters, prefer_cname=prefer_cname)
    live = [record for each in made.values() for record in each]
    reached = settle(made, records(after, clusters, prefer_cname=prefer_cname))
    assert (foreseen(live, after, clusters) == []) is reached


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (
            one_company(Policy.FAILOVER, US, EU),
            one_company(Policy.FAILOVER, EU, US),
            "two record sets with Failover",
        ),
        (
            one_company(Policy.LATENCY, US, EU),
            one_company(Policy.WEIGHTED, US, EU),
            "several routing policies: Region, Weight",
        ),
        (
            one_company(Policy.GEO, US, EU),
            one_company(Policy.FAILOVER, US, EU),
            "several routing policies: Failover, GeoLocation",
        ),
        (
            one_company(Policy.GEO, US, EU),
            one_company(Policy.GEO, EU, US),
            "two record sets with GeoLocation",
        ),
    ],
)
@pytest.mark.parametrize("prefer_cname", [True, False])
def test_a_swap_of_roles_and_a_change_of_policy_are_refused_for_good_between_clusters(
    before: Stack, after: Stack, why: str, prefer_cname: bool
) -> None:
    live = [record for made in records(before, {}, prefer_cname=prefer_cname).values() for record in made]
    reasons = foreseen(live, after, {})
    assert reasons and all(why in reason for reason in reasons)
    shared = {US: "shared", EU: "shared"}
    assert foreseen(live, after, shared) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (one_company(Policy.WEIGHTED, US, EU), one_company(Policy.WEIGHTED, US, EU, weight=3)),
        (one_company(Policy.LATENCY, US, EU), one_company(Policy.LATENCY, US, EU, AP)),
        (one_company(Policy.LATENCY, US, EU, AP), one_company(Policy.LATENCY, EU)),
        (one_company(Policy.LATENCY, US), one_company(Policy.WEIGHTED, US)),
        (one_company(Policy.FAILOVER, US, EU), one_company(Policy.FAILOVER, AP, EU)),
    ],
)
def test_weights_regions_and_a_single_region_s_policy_may_change(before: Stack, after: Stack) -> None:
    live = [record for made in records(before, {}).values() for record in made]
    assert foreseen(live, after, {}) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (one_company(Policy.FAILOVER, US, EU), one_company(Policy.FAILOVER, EU, US)),
        (one_company(Policy.LATENCY, US, EU), one_company(Policy.WEIGHTED, US, EU)),
        (one_company(Policy.WEIGHTED, US, EU), one_company(Policy.GEO, US, EU)),
    ],
)
def test_over_one_region_alone_every_change_is_made_in_two_deployments(before: Stack, after: Stack) -> None:
    """The page's steps: first one region with another policy, then the new policy with all regions."""
    between = one_company(Policy.WEIGHTED, US)
    first, second, third = (records(stack, {}) for stack in (before, between, after))
    assert not settle(first, third)
    assert settle(first, second) and settle(second, third)
    assert foreseen([record for made in first.values() for record in made], between, {}) == []
    assert foreseen([record for made in second.values() for record in made], after, {}) == []


def test_a_record_of_somebody_else_is_in_the_way_for_good() -> None:
    simple = as_external_dns_would({"hostname": HOST}, load_balancer(US))
    [reason, *_] = foreseen(simple, one_company(Policy.LATENCY, US, EU), {})
    assert reason.endswith("several routing policies: Region, simple")


def test_this_program_s_own_record_is_not_in_the_way_for_pulumi_deletes_it() -> None:
    stack = one_company(Policy.LATENCY, US, EU)
    [ours] = [
        record for record in api_records(stack.plan()) if is_ours(record) and record["Name"] == f"{HOST}."
    ]
    assert foreseen([ours], stack, {}) == []
    assert not is_ours({**ours, "AliasTarget": {**ours["AliasTarget"], "DNSName": "b.example.com."}})
    assert not any(is_ours(record) for made in records(stack, {}).values() for record in made)
