"""What an organisation demands of load balancers, as the real controller applies it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.components.stacks import US, eks, stack
from tests.load_balancers.judge import LIMIT_SECONDS, POLL_SECONDS, Judge
from tests.recording import Answers, _run
from tests.strategies import config_of

POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"


def found(judge: Judge) -> dict[str, Any]:
    """The stack's only load balancer."""
    [balancer] = judge._balancers()
    arn = balancer["LoadBalancerArn"]
    attributes = judge.elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    [tags] = judge.elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"]
    listeners = judge.elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    groups = judge.client("ec2").describe_security_groups(GroupIds=balancer["SecurityGroups"])
    inbound = [rule for group in groups["SecurityGroups"] for rule in group["IpPermissions"]]
    return {
        "attributes": {each["Key"]: each["Value"] for each in attributes},
        "tags": {each["Key"]: each["Value"] for each in tags["Tags"]},
        "policies": {each["SslPolicy"] for each in listeners if each["Port"] == 443},
        "subnets": {zone["SubnetId"] for zone in balancer["AvailabilityZones"]},
        "clients": {network["CidrIp"] for rule in inbound for network in rule["IpRanges"]},
    }


@pytest.fixture
def removed(judge: Judge) -> Iterator[None]:
    """Afterwards the load balancer is gone: without the setting, the controller leaves one in its subnets."""
    yield
    judge.replace({})
    deadline = time.monotonic() + LIMIT_SECONDS
    while judge._balancers():
        assert time.monotonic() < deadline, judge.warnings()
        time.sleep(POLL_SECONDS)


def test_they_reach_the_load_balancer(judge: Judge, removed: None) -> None:
    zones = {each["AvailabilityZone"]: each["SubnetId"] for each in _subnets(judge)}
    subnets = sorted(zones.values())[:2]
    raw = stack(
        regions=[eks(US, loadBalancer={"subnets": subnets, "sslPolicy": POLICY})],
        ingress={
            "loadBalancer": {
                "attributes": {
                    "idle_timeout.timeout_seconds": 900,
                    "routing.http.drop_invalid_header_fields.enabled": True,
                },
                "inboundCidrs": ["10.0.0.0/8", "192.0.2.0/24"],
            }
        },
    )
    tags = {"aws:defaultTags": json.dumps({"tags": {"team": "agents"}}), "aws:region": US}
    judge.apply(_run(config_of(raw) | tags, "dev", Answers(), (), False))
    deadline = time.monotonic() + LIMIT_SECONDS
    while not _is_there(judge):
        assert time.monotonic() < deadline, judge.warnings()
        time.sleep(POLL_SECONDS)
    live = found(judge)
    assert live["attributes"]["client_keep_alive.seconds"] == "60"
    assert live["attributes"]["idle_timeout.timeout_seconds"] == "900"
    assert live["attributes"]["routing.http.drop_invalid_header_fields.enabled"] == "true"
    assert live["tags"]["team"] == "agents"
    assert live["subnets"] == set(subnets)
    assert live["clients"] == {"10.0.0.0/8", "192.0.2.0/24"}


def _subnets(judge: Judge) -> list[dict[str, Any]]:
    filters = [{"Name": "tag-key", "Values": ["kubernetes.io/role/elb"]}]
    return list(judge.client("ec2").describe_subnets(Filters=filters)["Subnets"])


def _is_there(judge: Judge) -> bool:
    """Listeners come last, and the load balancers of other stacks go away."""
    return len(judge._balancers()) == 1 and found(judge)["policies"] == {POLICY}
