"""Tenant: a company's namespaces and guards, its workloads in each region, its name, and their order."""

from __future__ import annotations

import pytest

from engine.recorder import Registration
from tests.components.stacks import DOMAIN, EU, US, WEST, context, eks, many_companies, stack, two_regions
from tests.recording import (
    DEPLOYMENT,
    SECRET,
    STATEFUL_SET,
    Recording,
    is_config,
    names,
    record,
)

TENANT = "agency:tenant:Tenant"
SHARED = [context(US), context(EU), eks(WEST, "green", active=False)]


@pytest.fixture(scope="module")
def run() -> Recording:
    return record(stack(regions=SHARED, companies=["Acme_Corp", {"name": "globex", "regions": [EU]}]))


def test_a_company_has_guards_in_each_cluster_and_workloads_in_each_region(run: Recording) -> None:
    tenant = run.named("acme-corp", TENANT)
    clusters, regions = ("context-shared", "eks-us-west-2-green"), (US, EU, WEST)
    assert names(run.children(tenant)) == sorted(
        [
            f"acme-corp-{kind}@{at}"
            for kind in ("namespace", "quota", "limits", "deny", "gate", "flags", "failover")
            for at in clusters
        ]
        + [f"acme-corp-{kind}@{at}" for kind in ("agent", "brain") for at in regions]
        + ["acme-corp-name"]
    )
    assert tenant.outputs == {"host": f"acme-corp.{DOMAIN}"}


def test_a_company_lives_only_in_its_regions(run: Recording) -> None:
    below = run.below(run.named("globex", TENANT))
    assert {resource.name for resource in below if US in resource.name or WEST in resource.name} == set()
    assert {run.cluster_of(resource) for resource in below if resource.type.startswith("kubernetes:")} == {
        "context-shared"
    }


def test_the_application_gets_the_company_s_own_name_and_the_cluster_its_namespace(run: Recording) -> None:
    for resource in run.objects(STATEFUL_SET, namespace="acme-corp"):
        for container in resource.inputs["spec"]["template"]["spec"]["containers"]:
            environment = {pair["name"]: pair["value"] for pair in container["env"]}
            assert environment["JULES_COMPANY"] == environment["COMPANY"] == "Acme_Corp"


def sets(run: Recording, company: str = "acme") -> dict[str, Registration]:
    found = run.objects(STATEFUL_SET, namespace=company)
    return {f"{resource.inputs['metadata']['name']}": resource for resource in found}


def waits_for(run: Recording, resource: Registration) -> set[str]:
    """Names of the StatefulSets that a resource comes after."""
    found = (run.by_urn[urn] for urn in resource.dependencies)
    return {of.inputs["metadata"]["name"] for of in found if of.type == STATEFUL_SET}


def order(run: Recording) -> list[str]:
    """The regions in the order in which they roll, each after both workloads of the one before."""
    waiting = {
        region: waits_for(run, resource)
        for name, resource in sets(run).items()
        for region in [name.partition("-")[2]]
    }
    for region in waiting:
        agent, brain = sets(run)[f"agent-{region}"], sets(run)[f"brain-{region}"]
        assert waits_for(run, agent) == waits_for(run, brain)
    before = {region: {name.partition("-")[2] for name in found} for region, found in waiting.items()}
    assert all(len(found) == 2 * len(before[region]) for region, found in waiting.items())
    chain = [region for region, found in before.items() if not found]
    while following := [region for region, found in before.items() if found == {chain[-1]}]:
        chain += following
    return chain if sorted(chain) == sorted(before) else []


@pytest.mark.parametrize(
    ("balancing", "rolls"),
    [
        ("latency", [EU, US, WEST]),
        ("weighted", [EU, US, WEST]),
        ("failover", [EU, WEST, US]),
    ],
)
def test_a_company_s_regions_roll_one_after_another_standby_first(balancing: str, rolls: list[str]) -> None:
    """By name among those that serve alike; with failover the one that serves first comes last."""
    regions = [eks(US), eks(WEST), eks(EU, active=False)]
    run = record(stack(regions=regions, loadBalancing={"policy": balancing}))
    assert order(run) == rolls


def test_the_company_s_own_order_counts_with_policy_failover() -> None:
    company = {"name": "acme", "regions": [WEST, EU, US]}
    regions = [eks(US), eks(EU), eks(WEST)]
    assert order(
        record(stack(regions=regions, companies=[company], loadBalancing={"policy": "failover"}))
    ) == [US, EU, WEST]


def test_companies_do_not_wait_for_each_other(many: Recording) -> None:
    for resource in many.of(STATEFUL_SET):
        for urn in resource.dependencies:
            other = many.by_urn[urn]
            if other.type == STATEFUL_SET:
                assert other.inputs["metadata"]["namespace"] == resource.inputs["metadata"]["namespace"]


def test_without_waiting_for_readiness_the_regions_roll_at_once() -> None:
    run = record(two_regions(waitForReady=False))
    assert {frozenset(waits_for(run, resource)) for resource in sets(run).values()} == {frozenset()}


def test_only_workloads_wait_for_another_region(many: Recording) -> None:
    """So a region whose cluster is gone can be left out of a deployment."""
    clusters = {resource.urn: many.cluster_of(resource) for resource in many.objects()}
    for resource in many:
        for urn in resource.dependencies & clusters.keys():
            across = resource.urn in clusters and clusters[urn] != clusters[resource.urn]
            kinds = {resource.type, many.by_urn[urn].type}
            # The controllers share a Secret: the other clusters get a copy of the first one's.
            assert not across or kinds in ({STATEFUL_SET}, {DEPLOYMENT}, {SECRET}), resource.name


def test_a_region_s_objects_depend_on_no_other_region_except_for_the_order() -> None:
    """Of a stack with a region less, the company's objects in the others are the same; their gates learn of
    it by settings that roll no pod.
    """
    raw = many_companies()
    both, less = record(raw), record({**raw, "regions": raw["regions"][:2], "companies": [{"name": "acme"}]})
    for resource in less.objects(namespace="acme"):
        assert is_config(resource) or resource.inputs == both.by_urn[resource.urn].inputs, resource.name
