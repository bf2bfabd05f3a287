"""Changes of live names by external-dns, as `doctor` predicts them; tests/external_dns makes them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from plan.live_names import is_ours, kinds_of, rejections_for_good, wanted_records
from plan.record_sets import RecordSet
from plan.records import CompanyRoute, RoutingPolicy
from tests.plan.route_stacks import DOMAIN, Stack, api_records, region

US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"
HOST = f"a.{DOMAIN}"
PLACES = ("default", "EU", "AS")


def one_company(policy: RoutingPolicy, *names: str, weight: int = 1) -> Stack:
    """Its regions in this order, which is that of failover and of the places."""
    places = zip(names, PLACES, strict=False)
    regions = tuple(region(name, weight=weight, geo=[place]) for name, place in places)
    return Stack(policy=policy, regions=regions, companies=(CompanyRoute(namespace="a", regions=names),))


def records(stack: Stack, kinds: Sequence[str] = ("CNAME",)) -> list[RecordSet]:
    """What external-dns has made of the stack, in whatever cluster."""
    made = wanted_records(stack.policy, stack.companies[0], stack.regions, HOST, kinds)
    return [record for of_region in made.values() for record in of_region]


ALONE = ({US}, {EU}, {AP})


def foreseen(live: Sequence[RecordSet], after: Stack, *clusters: set[str]) -> list[str]:
    """Every region in a cluster of its own, unless `clusters` say otherwise."""
    wanted = wanted_records(after.policy, after.companies[0], after.regions, HOST, kinds_of(live))
    return rejections_for_good(live, wanted, clusters or ALONE)


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (
            one_company(RoutingPolicy.FAILOVER, US, EU),
            one_company(RoutingPolicy.FAILOVER, EU, US),
            "two record sets with Failover",
        ),
        (
            one_company(RoutingPolicy.LATENCY, US, EU),
            one_company(RoutingPolicy.WEIGHTED, US, EU),
            "several routing policies: Region, Weight",
        ),
        (
            one_company(RoutingPolicy.GEO, US, EU),
            one_company(RoutingPolicy.FAILOVER, US, EU),
            "several routing policies: Failover, GeoLocation",
        ),
        (
            one_company(RoutingPolicy.GEO, US, EU),
            one_company(RoutingPolicy.GEO, EU, US),
            "two record sets with GeoLocation",
        ),
    ],
)
@pytest.mark.parametrize("kinds", [["CNAME"], ["A", "AAAA"]])
def test_an_exchange_of_roles_and_a_change_of_policy_are_rejected_for_good_between_clusters(
    before: Stack, after: Stack, why: str, kinds: list[str]
) -> None:
    live = records(before, kinds)
    reasons = foreseen(live, after)
    assert reasons and all(why in reason for reason in reasons)
    assert foreseen(live, after, {US, EU}) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (one_company(RoutingPolicy.WEIGHTED, US, EU), one_company(RoutingPolicy.WEIGHTED, US, EU, weight=3)),
        (one_company(RoutingPolicy.LATENCY, US, EU), one_company(RoutingPolicy.LATENCY, US, EU, AP)),
        (one_company(RoutingPolicy.LATENCY, US, EU, AP), one_company(RoutingPolicy.LATENCY, EU)),
        (one_company(RoutingPolicy.LATENCY, US), one_company(RoutingPolicy.WEIGHTED, US)),
        (one_company(RoutingPolicy.FAILOVER, US, EU), one_company(RoutingPolicy.FAILOVER, AP, EU)),
    ],
)
def test_weights_regions_and_a_single_region_s_policy_may_change(before: Stack, after: Stack) -> None:
    assert foreseen(records(before), after) == []


def test_a_cluster_deletes_and_changes_in_one_batch_so_a_rejected_batch_deletes_nothing() -> None:
    before, after = one_company(RoutingPolicy.FAILOVER, US, AP), one_company(RoutingPolicy.FAILOVER, AP, EU)
    assert foreseen(records(before), after) == []
    assert foreseen(records(before), after, {US, EU}, {AP}) != []
    assert foreseen(records(before), after, {EU}, {AP}) == []


def test_a_record_of_another_owner_is_rejected_for_good() -> None:
    simple = {"Name": f"{HOST}.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    [reason, *_] = foreseen([simple], one_company(RoutingPolicy.LATENCY, US, EU))
    assert reason.endswith("several routing policies: Region, simple")


def test_this_program_s_own_record_is_not_in_the_way_for_pulumi_deletes_it() -> None:
    stack = one_company(RoutingPolicy.LATENCY, US, EU)
    [ours] = [
        record for record in api_records(stack.plan()) if is_ours(record) and record["Name"] == f"{HOST}."
    ]
    assert foreseen([ours], stack) == []
    assert not is_ours({**ours, "AliasTarget": {**ours["AliasTarget"], "DNSName": "b.example.com."}})
    assert not any(map(is_ours, records(stack)))
