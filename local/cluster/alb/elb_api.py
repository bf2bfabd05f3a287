"""What the elbv2 API says of a region's load balancers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import botocore.config
import botocore.session

STACK_TAG = "ingress.k8s.aws/stack"
"""The AWS Load Balancer Controller's, with the group name of the load balancer's Ingresses."""
SECONDS = {"connect_timeout": 2, "read_timeout": 5}
TAGS_AT_ONCE = 20
DRAINING = "draining"

Described = Mapping[str, Any]
"""An answer of the API, or a part of one."""


@dataclass(frozen=True, kw_only=True)
class Listener:
    port: int
    names: Sequence[str]
    """Of its certificates, those of the default certificate first; without any, it speaks no TLS."""
    rules: Sequence[Described]
    """In the order in which they are tried."""


@dataclass(frozen=True, kw_only=True)
class Balancer:
    name: str
    """Its DNS name."""
    listeners: Sequence[Listener]


@dataclass(frozen=True, kw_only=True)
class Group:
    """A target group, with what its attributes and health check say. Times are seconds."""

    arn: str
    port: int | None
    """For health checks; None: each target's own."""
    tls: bool
    path: str
    interval: float
    timeout: float
    healthy: int
    unhealthy: int
    matcher: str
    deregistration_delay: float
    slow_start: float

    def matches(self, status: int) -> bool:
        """`matcher` lists codes and ranges: 200,202 or 200-299."""
        ranges = (one.partition("-") for one in self.matcher.split(","))
        return any(int(low) <= status <= int(high or low) for low, _, high in ranges)


class Reading:
    """Of one region's load balancers, whose Ingresses' group is named after the region, or `<region>-…`.

    Every call may raise BotoCoreError or ClientError.
    """

    def __init__(self, region: str, aws_region: str, url: str) -> None:
        session = botocore.session.Session()
        session.set_credentials("local", "local")
        config = botocore.config.Config(retries={"total_max_attempts": 1}, proxies={}, **SECONDS)
        self._client = partial(session.create_client, endpoint_url=url, config=config)
        self._stack = re.compile(rf"{re.escape(region)}(-.+)?")
        self._elb = self._client("elbv2", region_name=aws_region)
        self._certificates: dict[str, list[str]] = {}

    def balancers(self) -> list[Balancer]:
        return [
            Balancer(
                name=one["DNSName"].lower(),
                listeners=[
                    self._listener(each)
                    for each in self._all("describe_listeners", LoadBalancerArn=one["LoadBalancerArn"])
                ],
            )
            for one in self._ours()
        ]

    def groups(self, balancers: Sequence[Balancer]) -> list[Group]:
        """Those that rules lead to."""
        arns = {
            arn for one in balancers for each in one.listeners for rule in each.rules for arn in used(rule)
        }
        found = self._all("describe_target_groups", TargetGroupArns=sorted(arns)) if arns else ()
        return [self._group(one) for one in found]

    def targets(self, group: Group) -> set[str]:
        """`<address>:<port>` of each target that is registered."""
        told = self._elb.describe_target_health(TargetGroupArn=group.arn)["TargetHealthDescriptions"]
        return {
            f"{one['Target']['Id']}:{one['Target']['Port']}"
            for one in told
            if one["TargetHealth"]["State"] != DRAINING
        }

    def _all(self, call: str, **asked: Any) -> Iterator[Described]:
        for page in self._elb.get_paginator(call).paginate(**asked):
            yield from next(value for key, value in page.items() if isinstance(value, list))

    def _ours(self) -> list[Described]:
        known = {one["LoadBalancerArn"]: one for one in self._all("describe_load_balancers")}
        found, arns = [], sorted(known)
        for first in range(0, len(arns), TAGS_AT_ONCE):
            told = self._elb.describe_tags(ResourceArns=arns[first : first + TAGS_AT_ONCE])["TagDescriptions"]
            for one in told:
                tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
                if self._stack.fullmatch(tags.get(STACK_TAG, "")):
                    found.append(known[one["ResourceArn"]])
        return found

    def _listener(self, told: Described) -> Listener:
        arn = told["ListenerArn"]
        rules = sorted(
            self._elb.describe_rules(ListenerArn=arn)["Rules"],
            key=lambda rule: (rule["IsDefault"], 0 if rule["IsDefault"] else int(rule["Priority"])),
        )
        names = self._names(arn) if told["Protocol"] == "HTTPS" else ()
        return Listener(port=told["Port"], names=names, rules=rules)

    def _names(self, listener: str) -> list[str]:
        certificates = self._elb.describe_listener_certificates(ListenerArn=listener)["Certificates"]
        certificates.sort(key=lambda one: not one.get("IsDefault"))
        names = [name for one in certificates for name in self._names_of(one["CertificateArn"])]
        return list(dict.fromkeys(names))

    def _names_of(self, certificate: str) -> list[str]:
        """They never change."""
        if certificate not in self._certificates:
            # The one of a region whose load balancers another AWS region makes is the region's own.
            acm = self._client("acm", region_name=certificate.split(":")[3])
            told = acm.describe_certificate(CertificateArn=certificate)["Certificate"]
            self._certificates[certificate] = [told["DomainName"], *told.get("SubjectAlternativeNames", [])]
        return self._certificates[certificate]

    def _group(self, told: Described) -> Group:
        arn = told["TargetGroupArn"]
        answer = self._elb.describe_target_group_attributes(TargetGroupArn=arn)
        attributes = {one["Key"]: one["Value"] for one in answer["Attributes"]}
        port = told["HealthCheckPort"]
        return Group(
            arn=arn,
            port=None if port == "traffic-port" else int(port),
            tls=told["HealthCheckProtocol"] == "HTTPS",
            path=told["HealthCheckPath"],
            interval=told["HealthCheckIntervalSeconds"],
            timeout=told["HealthCheckTimeoutSeconds"],
            healthy=told["HealthyThresholdCount"],
            unhealthy=told["UnhealthyThresholdCount"],
            matcher=told["Matcher"]["HttpCode"],
            deregistration_delay=float(attributes.get("deregistration_delay.timeout_seconds", 300)),
            slow_start=float(attributes.get("slow_start.duration_seconds", 0)),
        )


def used(rule: Described) -> Iterator[str]:
    """The target groups that a rule forwards to."""
    for action in rule["Actions"]:
        if action["Type"] == "forward":
            groups = action.get("ForwardConfig", {}).get("TargetGroups") or [action]
            yield from (one["TargetGroupArn"] for one in groups)
