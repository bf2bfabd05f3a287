"""Global Accelerator of the emulator: by botocore's model, and as the provider and the program use it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from local.aws.emulator import DOCUMENTATION, report_target_health
from local.aws.global_accelerator import INITIAL_SECONDS, GlobalAccelerator
from tests.aws_provider.account import Account
from tests.aws_provider.cases import REGION
from tests.services import until

ACCELERATOR = "aws:globalaccelerator/accelerator:Accelerator"
LISTENER = "aws:globalaccelerator/listener:Listener"
GROUP = "aws:globalaccelerator/endpointGroup:EndpointGroup"
MODEL = botocore.session.Session().get_service_model("globalaccelerator")
BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/net/front/0123456789abcdef"
OTHER = BALANCER.replace("front", "second")
PORTS = [{"FromPort": 443, "ToPort": 443}, {"FromPort": 80, "ToPort": 80}]


class Api:
    """Calls of the emulator; each answer must be one of the service's model."""

    def __init__(self, addresses: str = DOCUMENTATION) -> None:
        self.healthy: dict[str, bool] = {BALANCER: True, OTHER: True}
        self.now, self._token = 0.0, 0
        self._account = GlobalAccelerator(self.healthy.get, addresses, lambda: self.now)

    def __call__(self, operation: str, **parameters: Any) -> dict[str, Any]:
        shape = MODEL.operation_model(operation)
        if "IdempotencyToken" in shape.input_shape.members:
            self._token += 1
            parameters = {"IdempotencyToken": f"token-{self._token}", **parameters}
        status, answer = self._account.answer(operation, parameters)
        if status != 200:
            errors = {error.name for error in shape.error_shapes}
            assert answer["__type"] in errors, (operation, answer)
            raise Refused(answer["__type"])
        if shape.output_shape is None:
            assert answer == {}
            return answer
        assert ParamValidator().validate(answer, shape.output_shape).generate_report() == ""
        assert list(unknown(answer, shape.output_shape)) == []
        return answer


class Refused(Exception):
    pass


def unknown(value: Any, shape: Any) -> Iterator[str]:
    if shape.type_name == "structure" and isinstance(value, Mapping):
        yield from value.keys() - shape.members.keys()
        for name in value.keys() & shape.members.keys():
            yield from unknown(value[name], shape.members[name])
    if shape.type_name == "list":
        for item in value:
            yield from unknown(item, shape.member)


@pytest.fixture
def calls() -> Api:
    return Api()


def made(api: Api) -> tuple[str, str, str]:
    accelerator = api("CreateAccelerator", Name="one", Tags=[{"Key": "team", "Value": "a"}])["Accelerator"]
    listener = api(
        "CreateListener", AcceleratorArn=accelerator["AcceleratorArn"], PortRanges=PORTS, Protocol="TCP"
    )["Listener"]
    group = api(
        "CreateEndpointGroup",
        ListenerArn=listener["ListenerArn"],
        EndpointGroupRegion="eu-west-1",
        EndpointConfigurations=[{"EndpointId": BALANCER}],
    )["EndpointGroup"]
    return accelerator["AcceleratorArn"], listener["ListenerArn"], group["EndpointGroupArn"]


def test_every_answer_is_one_of_the_service_s_model(calls: Api) -> None:
    accelerator, listener, group = made(calls)
    dual = calls("CreateAccelerator", Name="two", IpAddressType="DUAL_STACK")["Accelerator"]
    assert "dualstack" in dual["DualStackDnsName"]
    assert {each["IpFamily"] for each in dual["IpSets"]} == {"IPv4", "IPv6"}
    assert len(calls("ListAccelerators")["Accelerators"]) == 2
    assert len(calls("ListListeners", AcceleratorArn=accelerator)["Listeners"]) == 1
    assert len(calls("ListEndpointGroups", ListenerArn=listener)["EndpointGroups"]) == 1
    calls("DescribeAcceleratorAttributes", AcceleratorArn=accelerator)
    calls("UpdateListener", ListenerArn=listener, ClientAffinity="SOURCE_IP")
    assert calls("DescribeListener", ListenerArn=listener)["Listener"]["ClientAffinity"] == "SOURCE_IP"
    calls("UpdateEndpointGroup", EndpointGroupArn=group, TrafficDialPercentage=0.0)
    calls("TagResource", ResourceArn=accelerator, Tags=[{"Key": "more", "Value": "b"}])
    calls("UntagResource", ResourceArn=accelerator, TagKeys=["team"])
    assert calls("ListTagsForResource", ResourceArn=accelerator)["Tags"] == [{"Key": "more", "Value": "b"}]
    calls("DeleteEndpointGroup", EndpointGroupArn=group)
    calls("DeleteListener", ListenerArn=listener)
    calls("UpdateAccelerator", AcceleratorArn=accelerator, Enabled=False)
    calls("DeleteAccelerator", AcceleratorArn=accelerator)
    with pytest.raises(Refused, match="AcceleratorNotFoundException"):
        calls("DescribeAccelerator", AcceleratorArn=accelerator)


@pytest.mark.parametrize("healthy", [True, False])
def test_an_endpoint_is_as_healthy_as_its_load_balancer(calls: Api, healthy: bool) -> None:
    _, _, group = made(calls)
    calls.healthy[BALANCER] = healthy
    calls.now += INITIAL_SECONDS
    endpoint = endpoint_of(calls, group)
    assert endpoint["HealthState"] == ("HEALTHY" if healthy else "UNHEALTHY")
    assert endpoint["Weight"] == 128


def test_an_endpoint_is_not_judged_at_first(calls: Api) -> None:
    _, _, group = made(calls)
    assert endpoint_of(calls, group)["HealthState"] == "INITIAL"
    calls.now += INITIAL_SECONDS
    for change, state in (
        ({"TrafficDialPercentage": 50.0}, "HEALTHY"),
        ({"EndpointConfigurations": [{"EndpointId": BALANCER, "Weight": 1}]}, "HEALTHY"),
        ({"EndpointConfigurations": [{"EndpointId": OTHER}]}, "INITIAL"),
    ):
        calls("UpdateEndpointGroup", EndpointGroupArn=group, **change)
        assert endpoint_of(calls, group)["HealthState"] == state


def endpoint_of(api: Api, group: str) -> dict[str, Any]:
    described = api("DescribeEndpointGroup", EndpointGroupArn=group)["EndpointGroup"]
    (endpoint,) = described["EndpointDescriptions"]
    assert isinstance(endpoint, dict)
    return endpoint


def test_each_accelerator_has_two_addresses_that_no_other_has() -> None:
    api = Api("100.64.0.0/24")
    kept, gone, last = (api("CreateAccelerator", Name=name)["Accelerator"] for name in ("a", "b", "c"))
    assert [each["IpSets"][0]["IpAddresses"] for each in (kept, gone, last)] == [
        ["100.64.0.1", "100.64.0.2"],
        ["100.64.0.3", "100.64.0.4"],
        ["100.64.0.5", "100.64.0.6"],
    ]
    api("UpdateAccelerator", AcceleratorArn=gone["AcceleratorArn"], Enabled=False)
    api("DeleteAccelerator", AcceleratorArn=gone["AcceleratorArn"])
    fourth = api("CreateAccelerator", Name="d")["Accelerator"]
    assert fourth["IpSets"][0]["IpAddresses"] == ["100.64.0.3", "100.64.0.4"]


def test_what_is_in_use_cannot_be_deleted(calls: Api) -> None:
    accelerator, listener, _ = made(calls)
    with pytest.raises(Refused, match="AssociatedEndpointGroupFoundException"):
        calls("DeleteListener", ListenerArn=listener)
    with pytest.raises(Refused, match="AcceleratorNotDisabledException"):
        calls("DeleteAccelerator", AcceleratorArn=accelerator)
    calls("UpdateAccelerator", AcceleratorArn=accelerator, Enabled=False)
    with pytest.raises(Refused, match="AssociatedListenerFoundException"):
        calls("DeleteAccelerator", AcceleratorArn=accelerator)
    with pytest.raises(Refused, match="EndpointGroupAlreadyExistsException"):
        calls("CreateEndpointGroup", ListenerArn=listener, EndpointGroupRegion="eu-west-1")


def test_an_endpoint_that_there_is_not_and_a_wrong_argument_are_rejected(calls: Api) -> None:
    _, listener, _ = made(calls)
    other = BALANCER.replace("front", "other")
    for wrong in ({"EndpointConfigurations": [{"EndpointId": other}]}, {"TrafficDialPercentage": "much"}):
        with pytest.raises(Refused, match="InvalidArgumentException"):
            calls("CreateEndpointGroup", ListenerArn=listener, EndpointGroupRegion="us-east-1", **wrong)


def test_a_creation_that_is_sent_twice_makes_one(calls: Api) -> None:
    first, second = (calls("CreateAccelerator", Name="one", IdempotencyToken="again") for _ in range(2))
    assert first == second
    assert len(calls("ListAccelerators")["Accelerators"]) == 1


@pytest.fixture
def balancer(account: Account) -> tuple[str, str]:
    """A Network Load Balancer as the load balancer controller makes it: its name, its target group's ARN."""
    ec2, elbv2 = account.client("ec2"), account.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    name = account.name[-24:].strip("-").replace("_", "-")
    made = {
        kind: elbv2.create_load_balancer(Name=f"{name}-{kind[:3]}", Subnets=[subnet], Type=kind)[
            "LoadBalancers"
        ][0]
        for kind in ("application", "network")
    }
    application, network = made["application"]["LoadBalancerArn"], made["network"]
    assert ":loadbalancer/net/" in network["LoadBalancerArn"]
    assert network["DNSName"].endswith(f".elb.{REGION}.amazonaws.com")
    group = elbv2.create_target_group(
        Name=f"{name}-tg", Protocol="TCP", Port=443, VpcId=vpc, TargetType="alb", HealthCheckProtocol="HTTPS",
        HealthCheckPath="/healthz/eu-west-1", HealthCheckPort="443", Matcher={"HttpCode": "200"},
        HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2,
    )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
    forward = {"Type": "forward", "TargetGroupArn": group}
    elbv2.create_listener(
        LoadBalancerArn=network["LoadBalancerArn"], Protocol="TCP", Port=443, DefaultActions=[forward]
    )
    elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": application, "Port": 443}])
    report_target_health(account.emulator.url, {group: {f"{application}:443": ("healthy", "")}})
    return network["LoadBalancerName"], group


def test_the_provider_makes_changes_and_deletes_what_the_program_registers(
    account: Account, balancer: tuple[str, str]
) -> None:
    name, group = balancer
    arn = account.provider_in_region()._resources.invoke(
        "aws:lb/getLoadBalancer:getLoadBalancer", {"name": name}
    )["arn"]
    accelerator, listener, endpoints = (account.resource(kind) for kind in (ACCELERATOR, LISTENER, GROUP))
    wanted = {"name": "edge-1", "ipAddressType": "IPV4", "enabled": True, "tags": {"Name": "edge-1"}}
    accelerator.up(wanted)
    assert str(accelerator.outputs["dnsName"]).endswith(".awsglobalaccelerator.com")
    ports = [{"fromPort": 443, "toPort": 443}, {"fromPort": 80, "toPort": 80}]
    listens = {"acceleratorArn": accelerator.id, "protocol": "TCP", "portRanges": ports}
    listener.up(listens | {"clientAffinity": "NONE"})
    leads = {
        "listenerArn": listener.id,
        "endpointGroupRegion": REGION,
        "trafficDialPercentage": 100,
        "endpointConfigurations": [{"endpointId": arn, "weight": 128, "clientIpPreservationEnabled": True}],
    }
    endpoints.up(leads)
    for resource, inputs in (
        (accelerator, wanted), (listener, listens | {"clientAffinity": "NONE"}), (endpoints, leads)
    ):  # fmt: skip
        assert resource.refresh() == "same"
        assert resource.up(inputs) == "same"
    assert listener.up(listens | {"clientAffinity": "SOURCE_IP"}) == "update"
    client = account.client("globalaccelerator", "us-west-2")
    for state in ("healthy", "unhealthy"):
        (target,) = account.client("elbv2").describe_target_health(TargetGroupArn=group)[
            "TargetHealthDescriptions"
        ]
        report_target_health(account.emulator.url, {group: {f"{target['Target']['Id']}:443": (state, "")}})
        until(lambda state=state: state_of(client, endpoints.id) == state.upper(), state, 10)
    for resource in (endpoints, listener, accelerator):
        resource.delete()
    with pytest.raises(ClientError, match="AcceleratorNotFoundException"):
        client.describe_accelerator(AcceleratorArn=accelerator.id)


def state_of(client: Any, group: str) -> str:
    found = client.describe_endpoint_group(EndpointGroupArn=group)["EndpointGroup"]
    return str(found["EndpointDescriptions"][0]["HealthState"])
