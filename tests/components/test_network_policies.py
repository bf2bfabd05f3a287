"""Network policies: the load balancer's access, and no access where its subnets are unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.components import network_rules
from tests.components.stacks import EU, US, WEST, context, eks, endpoint, stack
from tests.network_evaluator import Network, Peer
from tests.recording import NETWORK_POLICY, Answers, Recording, record

SUBNETS = {"subnet-b": "10.7.1.0/24", "subnet-a": "10.7.0.0/24"}


def tagged(subnets: dict[str, str]) -> Answers:
    """AWS as it answers where these subnets carry a load balancer's tag."""
    return Answers(
        {
            "getSubnets": lambda args: {"ids": list(subnets), "id": "x", **args},
            "getSubnet": lambda args: {**args, "cidrBlock": subnets[args["id"]]},
        }
    )


def ingress(run: Recording, name: str = f"agent-{US}") -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = run.manifest(NETWORK_POLICY, name, namespace="acme")["spec"]["ingress"]
    return rules


def networks(*cidrs: str) -> dict[str, Any]:
    return {
        "from": [{"ipBlock": {"cidr": cidr}} for cidr in cidrs],
        "ports": [{"protocol": "TCP", "port": 3000}],
    }


@pytest.mark.parametrize(
    "region", [eks(US), context(US), endpoint(US), {"name": US}], ids=["eks", "context", "given", "ambient"]
)
def test_networks_in_the_settings_are_the_opening_wherever_the_cluster_is(region: dict[str, Any]) -> None:
    run = record(stack(regions=[{**region, "ingressFrom": ["10.8.0.0/24", "10.8.1.0/24"]}]))
    assert ingress(run) == [networks("10.8.0.0/24", "10.8.1.0/24")]


def test_in_eks_the_opening_is_the_subnets_that_are_tagged_for_load_balancers() -> None:
    recorder = tagged(SUBNETS)
    run = record(stack(regions=[{"name": US, "cluster": {"eks": "blue"}}]), recorder=recorder)
    assert ingress(run) == [networks("10.7.0.0/24", "10.7.1.0/24")]
    assert run.warnings == []
    asked = next(args for token, args, _ in recorder.invokes if token.endswith("getSubnets"))
    assert asked["region"] == US
    filters = {each["name"]: each["values"] for each in asked["filters"]}
    assert filters["tag-key"] == ["kubernetes.io/role/elb"]
    assert len(filters["vpc-id"]) == 1


def test_where_no_subnet_is_tagged_the_opening_is_left_out_with_a_warning() -> None:
    for monitoring in (None, "monitoring"):
        network = {"monitoringNamespace": monitoring} if monitoring else {}
        run = record(
            stack(regions=[{"name": US, "cluster": {"eks": "blue"}}], network=network), recorder=tagged({})
        )
        assert [rule for rule in ingress(run) if rule["ports"][0]["port"] == 3000] == []
        network_rules.no_opening_is_for_everybody(run)
        network_rules.pods_reach_exactly_what_they_may(run)
        assert any(US in text and "regions[].ingressFrom" in text for text in run.warnings)


def test_subnets_of_the_settings_are_looked_up_with_both_families_of_addresses() -> None:
    recorder = Answers(
        {
            "getSubnets": lambda args: {"ids": ["subnet-9"], "id": "x", **args},
            "getSubnet": lambda args: {
                **args, "cidrBlock": SUBNETS[args["id"]], "ipv6CidrBlock": f"2600:1f:0:{args['id'][-1]}::/64",
            },
        }
    )  # fmt: skip
    region = {"name": US, "cluster": {"eks": "blue"}, "loadBalancer": {"subnets": ["subnet-b", "subnet-a"]}}
    run = record(stack(regions=[region]), recorder=recorder)
    assert ingress(run) == [networks("10.7.0.0/24", "10.7.1.0/24", "2600:1f:0:a::/64", "2600:1f:0:b::/64")]


def test_internal_load_balancers_are_looked_up_by_the_tag_of_their_own_subnets() -> None:
    region = {"name": US, "cluster": {"eks": "blue"}, "ingressFrom": ["10.0.0.0/24"]}
    recorder = tagged(SUBNETS)
    record(stack(regions=[region], ingress={"scheme": "internal"}), recorder=recorder)
    asked = next(args for token, args, _ in recorder.invokes if token.endswith("getSubnets"))
    assert {"name": "tag-key", "values": ["kubernetes.io/role/internal-elb"]} in asked["filters"]


@pytest.mark.parametrize("cluster", [{"eks": "blue"}, endpoint(US)["cluster"], {"context": "shared"}])
@pytest.mark.parametrize("own", [{}, {"endpoint": "lb.example.net"}], ids=["class", "endpoint"])
def test_a_controller_in_the_cluster_gets_the_opening_whatever_the_cluster_is(
    cluster: dict[str, str], own: dict[str, str]
) -> None:
    """The subnets of AWS load balancers are not where its requests come from."""
    ingress_class = {} if own else {"className": "nginx"}
    run = record(stack(regions=[{"name": US, "cluster": cluster, **own}], ingress=ingress_class))
    selector = {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}
    opening = {"from": [{"namespaceSelector": selector}], "ports": [{"protocol": "TCP", "port": 3000}]}
    assert ingress(run) == [opening]
    network_rules.pods_reach_exactly_what_they_may(run)


@pytest.mark.parametrize("namespace", [None, "ingress-traefik"])
def test_elsewhere_the_opening_is_the_ingress_controller_s_namespace(namespace: str | None) -> None:
    settings = {"className": "nginx"} | ({"namespace": namespace} if namespace else {})
    run = record(stack(regions=[context(US), context(EU)], ingress=settings))
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace or "ingress-nginx"}}
    controller = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "digital-agency-system"}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "failover-controller"}},
    }
    asked = [{"protocol": "TCP", "port": port} for port in (3000, 3010)]
    for region in (US, EU):
        assert ingress(run, f"agent-{region}") == [
            {"from": [{"namespaceSelector": selector}], "ports": [{"protocol": "TCP", "port": 3000}]},
            {"from": [controller], "ports": asked},
        ]
    network_rules.pods_reach_exactly_what_they_may(run)


def test_without_failover_nothing_is_open_to_a_controller() -> None:
    run = record(stack(regions=[context(US), context(EU)], failover={"enabled": False}))
    for name in (f"agent-{US}", f"brain-{US}"):
        assert "failover-controller" not in json.dumps(ingress(run, name))
    network_rules.pods_reach_exactly_what_they_may(run)


def test_a_controller_is_open_to_the_load_balancers_of_its_cluster_s_regions_and_no_others() -> None:
    regions = [context(US), context(EU), eks(WEST, "green")]
    for region, network in zip(regions, ("10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"), strict=True):
        region["ingressFrom"] = [network]
    run = record(stack(regions=regions, network={"monitoringNamespace": "monitoring"}))
    found = {
        run.cluster_of(resource): [
            (peer["ipBlock"]["cidr"], rule["ports"][0]["port"])
            for rule in resource.inputs["spec"]["ingress"]
            for peer in rule["from"]
            if "ipBlock" in peer
        ]
        for resource in run.objects(NETWORK_POLICY, namespace="digital-agency-system")
        if resource.inputs["metadata"]["name"] == "failover-controller"
    }
    assert found == {
        "context-shared": [("10.2.0.0/24", 8080), ("10.1.0.0/24", 8080)],
        "eks-us-west-2-green": [("10.3.0.0/24", 8080)],
    }
    network_rules.pods_reach_exactly_what_they_may(run)


def test_a_controller_s_opening_is_looked_up_like_the_agents_opening() -> None:
    regions = [{"name": name, "cluster": {"eks": "blue"}} for name in (US, EU)]
    run = record(stack(regions=regions), recorder=tagged(SUBNETS))
    for resource in run.objects(NETWORK_POLICY, namespace="digital-agency-system"):
        if resource.inputs["metadata"]["name"] == "failover-controller":
            blocks = [peer["ipBlock"]["cidr"] for peer in resource.inputs["spec"]["ingress"][0]["from"]]
            assert blocks == ["10.7.0.0/24", "10.7.1.0/24"]


def test_a_preview_knows_the_policies_whose_subnets_are_looked_up() -> None:
    raw = stack(regions=[{"name": US, "cluster": {"eks": "blue"}}])
    run = record(raw, recorder=tagged(SUBNETS), dry_run=True)
    assert ingress(run) == [networks("10.7.0.0/24", "10.7.1.0/24")]


def opened(run: Recording, address: str, port: int) -> bool:
    """By the evaluator, for a Brain."""
    policies = [resource.inputs for resource in run.of(NETWORK_POLICY)]
    (policy,) = (each for each in policies if each["metadata"]["name"] == f"brain-{US}")
    brain = Peer(name="brain", ip="10.0.0.9", namespace="acme", labels=policy["metadata"]["labels"])
    return Network(policies).reaches(brain, Peer(name="there", ip=address), port)


def test_endpoints_in_a_vpc_are_opened_by_their_addresses_and_nothing_beside_them() -> None:
    endpoints = [{"cidr": "10.3.7.0/28", "port": 443}, {"cidr": "fd00:9::/64", "port": 443}]
    run = record(stack(network={"extraEgress": endpoints}))
    assert opened(run, "10.3.7.4", 443) and opened(run, "fd00:9::4", 443)
    assert not opened(run, "10.3.7.4", 80) and not opened(run, "10.3.7.16", 443)


def test_nat64_can_be_opened_but_for_the_node_s_own_services_behind_it() -> None:
    run = record(stack(network={"extraEgress": [{"cidr": "64:ff9b::/96", "port": 443}]}))
    assert opened(run, "64:ff9b::8.8.8.8", 443)
    assert not opened(run, "64:ff9b::169.254.169.254", 443)


@pytest.mark.parametrize(("identity", "agent"), [("pod-identity", True), ("irsa", False)])
def test_the_pod_identity_agent_is_open_where_pods_get_their_role_from_it(identity: str, agent: bool) -> None:
    run = record(stack(identity=identity))
    assert opened(run, "169.254.170.23", 80) is agent
    assert opened(run, "52.94.1.1", 443), "STS and S3, in the internet or behind a gateway endpoint"
    network_rules.pods_reach_exactly_what_they_may(run)


def test_an_s3_api_of_the_stack_local_is_open() -> None:
    local = {"replication": {"endpoint": "http://10.88.0.1:5000"}}
    assert opened(record(stack(**local), stack="local"), "10.88.0.1", 5000)
    assert not opened(record(stack(**local), stack="local"), "10.88.0.2", 5000)
    named = record(stack(replication={"endpoint": "http://aws.kube-system.svc.cluster.local"}), stack="local")
    assert opened(named, "10.88.0.1", 443) and not opened(named, "100.64.0.1", 443)


def test_an_external_address_may_be_reached_by_udp() -> None:
    extra = [{"cidr": "10.100.0.10/32", "port": 53, "protocol": name} for name in ("UDP", "TCP")]
    run = record(stack(network={"extraEgress": extra}))
    for name in (f"agent-{US}", f"brain-{US}"):
        rules = run.manifest(NETWORK_POLICY, name, namespace="acme")["spec"]["egress"]
        found = [rule["ports"] for rule in rules if rule["to"] == [{"ipBlock": {"cidr": "10.100.0.10/32"}}]]
        assert found == [[{"protocol": name, "port": 53}] for name in ("TCP", "UDP")]
