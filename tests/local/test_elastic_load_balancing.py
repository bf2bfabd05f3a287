"""Corrections to moto's load balancers and certificates (`local/aws/corrections/elbv2.py`, `acm.py`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.aws.emulator import Emulator, ensure_hosted_zone, report_target_health

ZONE = "Z0BALANCERS"
DOMAIN = "balancers.example.com"
FIXED = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}
ADDRESS = "10.88.1.5"


@pytest.fixture(scope="module")
def connect(emulator: Emulator) -> Callable[[str], Any]:
    ensure_hosted_zone(emulator.url, ZONE, DOMAIN)
    return lambda service: boto3.client(service, region_name="us-east-1", **emulator.credentials())


@pytest.fixture(scope="module")
def elbv2(connect: Callable[[str], Any]) -> Any:
    return connect("elbv2")


@pytest.fixture(scope="module")
def vpc(connect: Callable[[str], Any]) -> tuple[str, list[str]]:
    """A VPC and two of its subnets."""
    ec2 = connect("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")
        for n, zone in enumerate("ab")
    ]
    return vpc, [each["Subnet"]["SubnetId"] for each in subnets]


@pytest.fixture
def balancer(elbv2: Any, vpc: tuple[str, list[str]], request: pytest.FixtureRequest) -> str:
    """The ARN of a load balancer of the test's own."""
    name = f"b{abs(hash(request.node.name)) % 10**12}"
    arn: str = elbv2.create_load_balancer(Name=name, Subnets=vpc[1])["LoadBalancers"][0]["LoadBalancerArn"]
    return arn


@pytest.fixture
def group(elbv2: Any, vpc: tuple[str, list[str]], request: pytest.FixtureRequest) -> str:
    """The ARN of a target group with one target."""
    name = f"g{abs(hash(request.node.name)) % 10**12}"
    created = elbv2.create_target_group(Name=name, Protocol="HTTP", Port=3000, VpcId=vpc[0], TargetType="ip")
    arn: str = created["TargetGroups"][0]["TargetGroupArn"]
    elbv2.register_targets(TargetGroupArn=arn, Targets=[{"Id": ADDRESS, "Port": 3000}])
    return arn


def health(elbv2: Any, group: str, *targets: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    answer = elbv2.describe_target_health(TargetGroupArn=group, Targets=list(targets))
    return [
        (each["Target"]["Id"], each["TargetHealth"]["State"], each["TargetHealth"].get("Reason"))
        for each in answer["TargetHealthDescriptions"]
    ]


def listener(elbv2: Any, balancer: str, port: int, **more: Any) -> str:
    protocol = "HTTPS" if port == 443 else "HTTP"
    created = elbv2.create_listener(
        LoadBalancerArn=balancer, Port=port, Protocol=protocol, DefaultActions=[FIXED], **more
    )
    arn: str = created["Listeners"][0]["ListenerArn"]
    return arn


def certificate(connect: Callable[[str], Any], name: str, *, valid: bool = True) -> str:
    acm = connect("acm")
    arn: str = acm.request_certificate(DomainName=name, ValidationMethod="DNS")["CertificateArn"]
    if valid:
        validate(connect, arn)
    return arn


def validate(connect: Callable[[str], Any], arn: str) -> None:
    options = connect("acm").describe_certificate(CertificateArn=arn)["Certificate"][
        "DomainValidationOptions"
    ]
    record = options[0]["ResourceRecord"]
    put = {
        "Name": record["Name"],
        "Type": "CNAME",
        "TTL": 60,
        "ResourceRecords": [{"Value": record["Value"]}],
    }
    change = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": put}]}
    connect("route53").change_resource_record_sets(HostedZoneId=ZONE, ChangeBatch=change)


def test_a_target_is_initial_until_somebody_tells_its_health(
    emulator: Emulator, elbv2: Any, group: str
) -> None:
    assert health(elbv2, group) == [(ADDRESS, "initial", "Elb.InitialHealthChecking")]

    report_target_health(emulator.url, {group: {f"{ADDRESS}:3000": ["healthy", ""]}})
    assert health(elbv2, group) == [(ADDRESS, "healthy", None)]

    report_target_health(
        emulator.url, {group: {f"{ADDRESS}:3000": ["unhealthy", "Target.FailedHealthChecks"]}}
    )
    assert health(elbv2, group) == [(ADDRESS, "unhealthy", "Target.FailedHealthChecks")]


def test_a_target_that_is_registered_again_begins_anew(emulator: Emulator, elbv2: Any, group: str) -> None:
    report_target_health(emulator.url, {group: {f"{ADDRESS}:3000": ["healthy", ""]}})
    target = {"Id": ADDRESS, "Port": 3000}
    elbv2.deregister_targets(TargetGroupArn=group, Targets=[target])
    assert health(elbv2, group) == []
    assert health(elbv2, group, target) == [(ADDRESS, "unused", "Target.NotRegistered")]

    elbv2.register_targets(TargetGroupArn=group, Targets=[target])
    assert health(elbv2, group) == [(ADDRESS, "initial", "Elb.InitialHealthChecking")]


def test_a_draining_target_is_listed_until_it_is_no_longer_reported(
    emulator: Emulator, elbv2: Any, group: str
) -> None:
    target = {"Id": ADDRESS, "Port": 3000}
    elbv2.deregister_targets(TargetGroupArn=group, Targets=[target])
    draining = {f"{ADDRESS}:3000": ["draining", "Target.DeregistrationInProgress"]}

    report_target_health(emulator.url, {group: draining, "arn:aws:elasticloadbalancing:us-east-1:1:gone": {}})
    assert health(elbv2, group) == [(ADDRESS, "draining", "Target.DeregistrationInProgress")]

    report_target_health(emulator.url, {group: {}})
    assert health(elbv2, group) == []


def test_an_address_that_was_never_registered_is_unused(elbv2: Any, group: str) -> None:
    states = health(elbv2, group, {"Id": "10.88.1.99", "Port": 3000})
    assert states == [("10.88.1.99", "unused", "Target.NotRegistered")]


def rules(elbv2: Any, listener: str) -> dict[str, str]:
    """Path to priority."""
    rules = elbv2.describe_rules(ListenerArn=listener)["Rules"]
    return {each["Conditions"][0]["Values"][0]: each["Priority"] for each in rules if each["Conditions"]}


def test_priorities_of_rules_can_be_shifted_and_exchanged_but_not_shared(elbv2: Any, balancer: str) -> None:
    ours = listener(elbv2, balancer, 80)
    arns = {}
    for number, path in enumerate(("/a", "/b", "/c"), 1):
        condition = [{"Field": "path-pattern", "Values": [path]}]
        created = elbv2.create_rule(ListenerArn=ours, Conditions=condition, Priority=number, Actions=[FIXED])
        arns[path] = created["Rules"][0]["RuleArn"]

    def put(**wanted: int) -> None:
        options = [{"RuleArn": arns[f"/{path}"], "Priority": number} for path, number in wanted.items()]
        elbv2.set_rule_priorities(RulePriorities=options)

    put(b=3, c=4)
    assert rules(elbv2, ours) == {"/a": "1", "/b": "3", "/c": "4"}
    put(a=4, c=1)
    assert rules(elbv2, ours) == {"/a": "4", "/b": "3", "/c": "1"}
    for wanted, code in (({"a": 3}, "PriorityInUse"), ({"a": 7, "b": 7}, "provided multiple times")):
        with pytest.raises(ClientError, match=code):
            put(**wanted)
    assert rules(elbv2, ours) == {"/a": "4", "/b": "3", "/c": "1"}


def test_a_target_group_is_that_of_the_load_balancer_whose_rule_leads_to_it(
    elbv2: Any, balancer: str, group: str
) -> None:
    condition = [{"Field": "path-pattern", "Values": ["/a"]}]
    created = elbv2.create_rule(
        ListenerArn=listener(elbv2, balancer, 80), Conditions=condition, Priority=1, Actions=[FIXED]
    )
    rule = created["Rules"][0]["RuleArn"]

    def groups() -> list[str]:
        groups = elbv2.describe_target_groups(LoadBalancerArn=balancer)["TargetGroups"]
        return [each["TargetGroupArn"] for each in groups]

    assert groups() == []
    elbv2.modify_rule(RuleArn=rule, Actions=[{"Type": "forward", "TargetGroupArn": group}])
    assert groups() == [group]
    elbv2.modify_rule(RuleArn=rule, Actions=[FIXED])
    assert groups() == []


def test_an_https_listener_needs_a_certificate_that_is_issued(
    connect: Callable[[str], Any], elbv2: Any, balancer: str
) -> None:
    gone = "arn:aws:acm:us-east-1:123456789012:certificate/gone"
    pending = certificate(connect, f"pending.{DOMAIN}", valid=False)
    for certificates, code in (
        ([], "ValidationError"),
        ([{"CertificateArn": gone}], "CertificateNotFound"),
        ([{"CertificateArn": pending}], "UnsupportedCertificate"),
    ):
        with pytest.raises(ClientError, match=code):
            listener(elbv2, balancer, 443, Certificates=certificates)

    validate(connect, pending)
    ours = listener(elbv2, balancer, 443, Certificates=[{"CertificateArn": pending}])
    with pytest.raises(ClientError, match="CertificateNotFound"):
        elbv2.modify_listener(ListenerArn=ours, Certificates=[{"CertificateArn": gone}])


def test_a_certificate_is_issued_when_its_record_exists_and_not_before(connect: Callable[[str], Any]) -> None:
    acm = connect("acm")
    arn = certificate(connect, f"*.waiting.{DOMAIN}", valid=False)
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == "PENDING_VALIDATION"

    validate(connect, arn)
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == "ISSUED"


def test_further_certificates_are_listed_apart_from_the_default_one_which_stays(
    connect: Callable[[str], Any], elbv2: Any, balancer: str
) -> None:
    first, second, third = (certificate(connect, f"{name}.{DOMAIN}") for name in ("one", "two", "three"))
    ours = listener(elbv2, balancer, 443, Certificates=[{"CertificateArn": first}])

    def listed() -> tuple[list[str], dict[str, bool]]:
        default = elbv2.describe_listeners(ListenerArns=[ours])["Listeners"][0]["Certificates"]
        every = elbv2.describe_listener_certificates(ListenerArn=ours)["Certificates"]
        arns = [each["CertificateArn"] for each in default]
        return arns, {each["CertificateArn"]: each["IsDefault"] for each in every}

    elbv2.add_listener_certificates(ListenerArn=ours, Certificates=[{"CertificateArn": second}])
    assert listed() == ([first], {first: True, second: False})
    with pytest.raises(ClientError, match="OperationNotPermitted"):
        elbv2.remove_listener_certificates(ListenerArn=ours, Certificates=[{"CertificateArn": first}])
    elbv2.modify_listener(ListenerArn=ours, Certificates=[{"CertificateArn": third}])
    assert listed() == ([third], {third: True, second: False})
    elbv2.remove_listener_certificates(ListenerArn=ours, Certificates=[{"CertificateArn": second}])
    assert listed() == ([third], {third: True})


def test_a_port_has_one_listener(elbv2: Any, balancer: str) -> None:
    listener(elbv2, balancer, 80)
    with pytest.raises(ClientError, match="DuplicateListener"):
        listener(elbv2, balancer, 80)
