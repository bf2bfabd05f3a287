"""Manager global-accelerator: accelerators, the endpoints' Ingresses, and the names that lead to them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.accelerated_stacks import ARN, accelerated_stacks
from tests.components import graph_rules, routing_rules
from tests.components.pod_rules import before
from tests.components.stacks import DOMAIN, EU, US, WEST, eks, stack
from tests.recording import (
    ACCELERATOR,
    ENDPOINT_GROUP,
    HEALTH_CHECK,
    INGRESS,
    LISTENER,
    RECORD,
    Answers,
    Recording,
    record,
)
from tests.strategies import Raw

REGIONS = [eks(US), eks(EU), eks(WEST)]
COMPANIES = ["acme", "globex", {"name": "hooli", "regions": [EU, US]}, {"name": "initech", "edge": 2}]


def accelerated(*, balancing: Raw | None = None, **more: Any) -> Raw:
    settings = {"regions": REGIONS, "companies": COMPANIES, **more}
    return stack(loadBalancing={"manager": "global-accelerator", **(balancing or {})}, **settings)


@pytest.fixture(scope="module")
def run() -> Recording:
    return record(accelerated())


def test_the_promises_hold_for_what_is_registered(run: Recording) -> None:
    for rule in routing_rules.RULES:
        rule(run)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=accelerated_stacks())
def test_the_promises_hold_for_any_stack(drawn: tuple[Raw, str]) -> None:
    found = record(drawn[0], stack=drawn[1])
    for rule in (*routing_rules.RULES, *graph_rules.RULES):
        rule(found)


def test_there_are_no_health_checks_and_no_trees(run: Recording) -> None:
    assert run.of(HEALTH_CHECK) == []
    assert not any("_tree" in resource.inputs["name"] for resource in run.of(RECORD))


def test_an_accelerator_for_each_edge_and_set_of_regions(run: Recording) -> None:
    regions = {
        resource.inputs["name"].removeprefix("agency-example-com-"): [
            group["EndpointGroupRegion"] for group in routing_rules.endpoint_groups(run, resource)
        ]
        for resource in run.of(ACCELERATOR)
    }
    assert sorted(map(sorted, regions.values())) == [[EU, US], [EU, US, WEST], [EU, US, WEST]]
    assert {"edge-1", "edge-2"} < regions.keys()


def test_a_company_s_name_changes_its_manager_by_its_alias_alone(run: Recording) -> None:
    by_route53 = record(stack(regions=REGIONS, companies=COMPANIES))
    for company in ("acme", "globex", "hooli", "initech"):
        one, two = (each.named(f"{company}-name") for each in (by_route53, run))
        assert one.urn == two.urn
        assert {key for key in one.inputs if one.inputs[key] != two.inputs[key]} == {"aliases"}
        assert two.inputs["type"] == "CNAME"


def test_a_region_s_endpoints_come_after_the_region_serves_every_company(run: Recording) -> None:
    companies = {f"{name}-agent@{WEST}-ingress" for name in ("acme", "globex")}
    (group,) = [one for one in run.of(ENDPOINT_GROUP) if one.name == f"edge-1-endpoints@{WEST}"]
    earlier = {run.by_urn[urn].name for urn in before(run, group) if urn in run.by_urn}
    assert companies <= earlier
    record_ = run.named("edge-1-record", RECORD)
    assert group.urn in record_.dependencies


def test_an_edge_s_second_ingress_asks_for_the_network_load_balancer(run: Recording) -> None:
    front = run.object(INGRESS, f"front-{US}").inputs
    edge = run.object(INGRESS, f"edge-{US}").inputs
    own, shared = front["metadata"]["annotations"], edge["metadata"]["annotations"]
    added = {key.removeprefix("alb.ingress.kubernetes.io/") for key in own.keys() - shared.keys()}
    assert {key for key in added if not key.startswith("frontend-nlb-")} == {
        "enable-frontend-nlb", "actions.not-found", "kube-score/ignore"
    }  # fmt: skip
    group = "alb.ingress.kubernetes.io/group.name"
    assert own[group] == shared[group]
    assert front["spec"].keys() == {"ingressClassName", "defaultBackend"}


@pytest.mark.parametrize(("affinity", "found"), [(None, "NONE"), ("source-ip", "SOURCE_IP")])
def test_the_listener_has_both_ports_and_the_affinity(affinity: str | None, found: str) -> None:
    balancing = {"clientAffinity": affinity} if affinity else {}
    for listener in record(accelerated(balancing=balancing)).of(LISTENER):
        assert listener.inputs["clientAffinity"] == found
        assert listener.inputs["protocol"] == "TCP"
        assert [(port["fromPort"], port["toPort"]) for port in listener.inputs["portRanges"]] == [
            (443, 443),
            (80, 80),
        ]


@pytest.mark.parametrize(("kind", "found"), [("ipv4", "IPV4"), ("dualstack", "DUAL_STACK")])
def test_an_accelerator_is_dual_stack_where_its_load_balancers_are(kind: str, found: str) -> None:
    run = record(accelerated(ingress={"loadBalancer": {"ipAddressType": kind}}))
    assert {one.inputs["ipAddressType"] for one in run.of(ACCELERATOR)} == {found}
    (target,) = run.named("edge-1-record", RECORD).inputs["records"]
    assert ("dualstack" in target) == (kind == "dualstack")


def test_an_arn_of_the_stack_file_is_the_endpoint_and_nothing_is_made() -> None:
    arn = ARN.format(region=US)
    run = record(accelerated(regions=[eks(US, endpointArn=arn), eks(EU)], companies=["acme"]))
    groups = {one.inputs["endpointGroupRegion"]: one for one in run.of(ENDPOINT_GROUP)}
    assert groups[US].inputs["endpointConfigurations"][0]["endpointId"] == arn
    fronts = [one.name for one in run.objects(INGRESS) if one.name.endswith("-front")]
    assert fronts == [f"{EU}-edge-1-front"]


def test_a_region_that_no_company_uses_has_no_network_balancer() -> None:
    run = record(accelerated(companies=[{"name": "acme", "regions": [US, EU]}, {"name": "b", "edge": 2}]))
    fronts = [one.name for one in run.objects(INGRESS) if one.name.endswith("-front")]
    assert sorted(fronts) == sorted(
        [f"{US}-edge-1-front", f"{EU}-edge-1-front", *(f"{name}-edge-2-front" for name in (US, EU, WEST))]
    )


def test_an_endpoint_serves_all_edges_behind_one_accelerator() -> None:
    given = eks(US, endpoint="lb.example.net", endpointArn=ARN.format(region=US))
    companies = [{"name": name, "edge": edge, "regions": [US]} for edge, name in enumerate("abc", 1)]
    run = record(accelerated(regions=[given, eks(EU)], companies=[*companies, {"name": "d", "edge": 2}]))
    assert len(run.of(ACCELERATOR)) == 2
    fronts = [one.name for one in run.objects(INGRESS) if one.name.endswith("-front")]
    assert fronts == [f"{EU}-edge-2-front"]


def test_a_load_balancer_controller_without_the_feature_is_named() -> None:
    class Older(Answers):
        def resolve(self, registration: Any) -> Any:
            identity, outputs = super().resolve(registration)
            if registration.type == INGRESS:
                outputs["status"]["loadBalancer"]["ingress"][1:] = []
            return identity, outputs

    with pytest.raises(ValueError, match=rf"{US}.{DOMAIN}: its Ingress got no Network Load Balancer"):
        record(accelerated(regions=[eks(US)], companies=["acme"]), recorder=Older())


def test_a_preview_registers_what_the_deployment_registers(run: Recording) -> None:
    planned = record(accelerated(), dry_run=True)
    assert {one.urn for one in planned} == {one.urn for one in run}
