"""A region's load balancers, as the elbv2 API describes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import botocore.config
import botocore.session

STACK_TAG = "ingress.k8s.aws/stack"
"""The AWS Load Balancer Controller writes the group name of the Ingresses there."""
SECONDS = {"connect_timeout": 2, "read_timeout": 5}
TAGS_AT_ONCE = 20
DRAINING = "draining"

Description = Mapping[str, Any]
"""An object in an answer of the API."""


@dataclass(frozen=True, kw_only=True)
class Listener:
    port: int
    names: Sequence[str]
    """The names in its certificates, the default certificate first; empty without TLS."""
    rules: Sequence[Description]
    """In the order of evaluation."""


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    name: str
    """Its DNS name."""
    listeners: Sequence[Listener]


@dataclass(frozen=True, kw_only=True)
class TargetGroup:
    """Times are seconds."""

    arn: str
    port: int | None
    """The port of health checks; None: the target's port."""
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
        ranges = (part.partition("-") for part in self.matcher.split(","))
        return any(int(low) <= status <= int(high or low) for low, _, high in ranges)


class ElbApi:
    """Reads one region's load balancers: the group of their Ingresses is named `<region>` or `<region>-…`.

    Every call may raise BotoCoreError or ClientError.
    """

    def __init__(self, region: str, aws_region: str, url: str) -> None:
        session = botocore.session.Session()
        session.set_credentials("local", "local")
        config = botocore.config.Config(retries={"total_max_attempts": 1}, proxies={}, **SECONDS)
        self.client = partial(session.create_client, endpoint_url=url, config=config)
        self._stack = re.compile(rf"{re.escape(region)}(-.+)?")
        self._elb = self.client("elbv2", region_name=aws_region)
        self._certificates: dict[str, list[str]] = {}

    def balancers(self) -> list[LoadBalancer]:
        return [
            LoadBalancer(
                name=each["DNSName"].lower(),
                listeners=[
                    self._listener(listener)
                    for listener in self._all("describe_listeners", LoadBalancerArn=each["LoadBalancerArn"])
                ],
            )
            for each in self._load_balancers()
        ]

    def groups_of(self, balancer: str) -> list[TargetGroup]:
        """The target groups of the load balancer with this ARN."""
        return [self._group(each) for each in self._all("describe_target_groups", LoadBalancerArn=balancer)]

    def names(self) -> dict[str, str]:
        """DNS names of load balancers, by ARN."""
        every = self._all("describe_load_balancers")
        return {each["LoadBalancerArn"]: each["DNSName"].lower() for each in every}

    def groups(self, balancers: Sequence[LoadBalancer]) -> list[TargetGroup]:
        """The target groups that rules forward to."""
        arns = {
            arn
            for balancer in balancers
            for listener in balancer.listeners
            for rule in listener.rules
            for arn in target_groups(rule)
        }
        groups = self._all("describe_target_groups", TargetGroupArns=sorted(arns)) if arns else ()
        return [self._group(group) for group in groups]

    def targets(self, group: TargetGroup) -> set[str]:
        """`<address>:<port>` of each registered target."""
        targets = self._elb.describe_target_health(TargetGroupArn=group.arn)["TargetHealthDescriptions"]
        return {
            f"{each['Target']['Id']}:{each['Target']['Port']}"
            for each in targets
            if each["TargetHealth"]["State"] != DRAINING
        }

    def _all(self, call: str, **parameters: Any) -> Iterator[Description]:
        for page in self._elb.get_paginator(call).paginate(**parameters):
            yield from next(value for key, value in page.items() if isinstance(value, list))

    def _load_balancers(self) -> list[Description]:
        by_arn = {each["LoadBalancerArn"]: each for each in self._all("describe_load_balancers")}
        arns, of_region = sorted(by_arn), []
        for first in range(0, len(arns), TAGS_AT_ONCE):
            answer = self._elb.describe_tags(ResourceArns=arns[first : first + TAGS_AT_ONCE])
            for tagged in answer["TagDescriptions"]:
                tags = {tag["Key"]: tag["Value"] for tag in tagged["Tags"]}
                if self._stack.fullmatch(tags.get(STACK_TAG, "")):
                    of_region.append(by_arn[tagged["ResourceArn"]])
        return [each for each in of_region if each.get("Type", "application") == "application"]

    def _listener(self, listener: Description) -> Listener:
        arn = listener["ListenerArn"]
        rules = sorted(
            self._elb.describe_rules(ListenerArn=arn)["Rules"],
            key=lambda rule: (rule["IsDefault"], 0 if rule["IsDefault"] else int(rule["Priority"])),
        )
        names = self._names(arn) if listener["Protocol"] == "HTTPS" else ()
        return Listener(port=listener["Port"], names=names, rules=rules)

    def _names(self, listener: str) -> list[str]:
        certificates = self._elb.describe_listener_certificates(ListenerArn=listener)["Certificates"]
        certificates.sort(key=lambda certificate: not certificate.get("IsDefault"))
        names = [name for each in certificates for name in self._names_of(each["CertificateArn"])]
        return list(dict.fromkeys(names))

    def _names_of(self, certificate: str) -> list[str]:
        """Cached: the names of a certificate never change."""
        if certificate not in self._certificates:
            # A certificate is in its region, which may be another region than that of the load balancers.
            acm = self.client("acm", region_name=certificate.split(":")[3])
            details = acm.describe_certificate(CertificateArn=certificate)["Certificate"]
            alternatives = details.get("SubjectAlternativeNames", [])
            self._certificates[certificate] = [details["DomainName"], *alternatives]
        return self._certificates[certificate]

    def _group(self, group: Description) -> TargetGroup:
        arn = group["TargetGroupArn"]
        answer = self._elb.describe_target_group_attributes(TargetGroupArn=arn)
        attributes = {each["Key"]: each["Value"] for each in answer["Attributes"]}
        port = group["HealthCheckPort"]
        return TargetGroup(
            arn=arn,
            port=None if port == "traffic-port" else int(port),
            tls=group["HealthCheckProtocol"] == "HTTPS",
            path=group["HealthCheckPath"],
            interval=group["HealthCheckIntervalSeconds"],
            timeout=group["HealthCheckTimeoutSeconds"],
            healthy=group["HealthyThresholdCount"],
            unhealthy=group["UnhealthyThresholdCount"],
            matcher=group["Matcher"]["HttpCode"],
            deregistration_delay=float(attributes.get("deregistration_delay.timeout_seconds", 300)),
            slow_start=float(attributes.get("slow_start.duration_seconds", 0)),
        )


def target_groups(rule: Description) -> Iterator[str]:
    """The target groups that a rule forwards to."""
    for action in rule["Actions"]:
        if action["Type"] == "forward":
            groups = action.get("ForwardConfig", {}).get("TargetGroups") or [action]
            yield from (group["TargetGroupArn"] for group in groups)
