"""Whether Global Accelerator takes the load balancers of `regions[].endpointArn` as endpoints.

Its rules are in its developer guide: "Requirements for resources added as accelerator endpoints" and, as the
program asks it to keep clients' addresses, "Requirements for endpoints with client IP address preservation"
(https://docs.aws.amazon.com/global-accelerator/latest/dg/about-endpoints.sipp-caveats.html).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ops.aws import AwsAccess, Described
from ops.doctor.findings import Finding, is_absent, missing, present, reason_of, unknown
from ops.stack import Stack
from settings.load_balancer import IpAddressType
from settings.models import Manager


def endpoints(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    settings = stack.settings
    if settings.load_balancing.manager is not Manager.GLOBAL_ACCELERATOR:
        return
    for region in settings.regions:
        if region.endpoint_arn:
            kind = settings.load_balancer_of(region).ip_address_type or IpAddressType.IPV4
            elb = access.client("elbv2", region.name)
            yield from _Endpoint(elb=elb, region=region.name, arn=region.endpoint_arn, kind=kind).findings()


@dataclass(frozen=True, kw_only=True)
class _Endpoint:
    elb: Any
    region: str
    arn: str
    kind: IpAddressType
    """Of the accelerator's addresses."""

    @property
    def name(self) -> str:
        return self.arn.split("/")[2]

    def findings(self) -> Iterator[Finding]:
        what = f"endpoint {self.name}"
        try:
            [balancer] = self.elb.describe_load_balancers(LoadBalancerArns=[self.arn])["LoadBalancers"]
        except ClientError as error:
            if is_absent(error):
                remedy = "create it, or correct regions[].endpointArn"
                yield missing(self.region, what, reason_of(error), remedy)
            else:
                yield unknown(self.region, what, error, "elasticloadbalancing:DescribeLoadBalancers")
            return
        state, reason = balancer["State"]["Code"], balancer["State"].get("Reason", "")
        problem = "" if state == "active" else f"it is {state}: {reason}".rstrip(": ")
        yield self._found(what, problem, "wait until it is active, or create another one", state)
        yield self._addresses(balancer)
        yield self._security_groups(balancer)
        yield self._listeners()
        yield self._target_groups()

    def _addresses(self, balancer: Described) -> Finding:
        """A dual-stack accelerator takes dual-stack load balancers alone. Any other accelerator cannot keep
        clients' addresses with one."""
        found = balancer["IpAddressType"]
        problem = f"they are {found}, those of its accelerator {self.kind}" if found != self.kind else ""
        remedy = (
            f"run: aws elbv2 set-ip-address-type --region {self.region} --load-balancer-arn {self.arn}"
            f" --ip-address-type {self.kind}; or change ipAddressType in the stack file"
        )
        return self._found(f"addresses of {self.name}", problem, remedy, found)

    def _security_groups(self, balancer: Described) -> Finding:
        """A Network Load Balancer that was created without any can have none."""
        groups = balancer.get("SecurityGroups") or []
        problem = "" if groups else "it has none, so clients' addresses cannot be kept"
        remedy = "create another one with security groups: they cannot be added later"
        return self._found(f"security groups of {self.name}", problem, remedy, ", ".join(groups))

    def _listeners(self) -> Finding:
        what = f"listeners of {self.name}"
        try:
            pages = self.elb.get_paginator("describe_listeners").paginate(LoadBalancerArn=self.arn)
            listeners = [each for page in pages for each in page["Listeners"]]
        except ClientError as error:
            return unknown(self.region, what, error, "elasticloadbalancing:DescribeListeners")
        tls = [str(each["Port"]) for each in listeners if each["Protocol"] == "TLS"]
        problem = f"TLS ends at port {', '.join(tls)}, so clients' addresses cannot be kept" if tls else ""
        remedy = "make them TCP: TLS ends at the load balancer behind"
        ports = ", ".join(f"{each['Protocol']} {each['Port']}" for each in listeners)
        return self._found(what, problem, remedy, ports)

    def _target_groups(self) -> Finding:
        what, path = f"target groups of {self.name}", f"/healthz/{self.region}"
        try:
            pages = self.elb.get_paginator("describe_target_groups").paginate(LoadBalancerArn=self.arn)
            groups = [each for page in pages for each in page["TargetGroups"]]
        except ClientError as error:
            return unknown(self.region, what, error, "elasticloadbalancing:DescribeTargetGroups")
        by_address = [each["TargetGroupName"] for each in groups if each.get("TargetType") == "ip"]
        if by_address and self.kind is IpAddressType.DUALSTACK:
            problem = f"{', '.join(by_address)}: a dual-stack accelerator takes no targets of type ip"
            return missing(self.region, what, problem, "make the target group's type alb")
        checked = any(each.get("HealthCheckPath") == path for each in groups)
        problem = "" if checked else f"none is checked at {path}, so no client leaves a region that fails"
        return self._found(what, problem, f"check one at {path}, by HTTPS", f"checked at {path}")

    def _found(self, what: str, problem: str, remedy: str, detail: str) -> Finding:
        if problem:
            return missing(self.region, what, problem, remedy)
        return present(self.region, what, detail)
