"""Accelerators as the APIs of Global Accelerator and Elastic Load Balancing describe them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from local.cluster.alb.elb_api import Description, ElbApi, TargetGroup
from plan.accelerators import API_REGION


@dataclass(frozen=True, kw_only=True)
class Listener:
    addresses: Sequence[str]
    """IPv4 addresses of its accelerator."""
    ports: Sequence[tuple[int, int]]
    """First and last port of each range."""
    groups: Sequence[Description]
    """Endpoint groups."""

    @property
    def endpoints(self) -> list[str]:
        """ARNs of its load balancers."""
        return [each["EndpointId"] for group in self.groups for each in group["EndpointDescriptions"]]


class AcceleratorApi:
    """Every call may raise BotoCoreError or ClientError."""

    def __init__(self, elb: ElbApi) -> None:
        self._elb = elb
        self._accelerators = elb.client("globalaccelerator", region_name=API_REGION)

    def accelerators(self) -> list[Description]:
        """Those that are enabled."""
        found = self._all("list_accelerators")
        return [each for each in found if each["Enabled"]]

    def listeners(self, accelerators: Sequence[Description]) -> list[Listener]:
        return [
            Listener(
                addresses=addresses_of(each),
                ports=[(ports["FromPort"], ports["ToPort"]) for ports in listener["PortRanges"]],
                groups=self._all("list_endpoint_groups", ListenerArn=listener["ListenerArn"]),
            )
            for each in accelerators
            for listener in self._all("list_listeners", AcceleratorArn=each["AcceleratorArn"])
        ]

    def targets(self, endpoint: str) -> list[tuple[TargetGroup, set[str]]]:
        """The target groups of a Network Load Balancer, and `<ARN>:<port>` of each target."""
        return [(group, self._elb.targets(group)) for group in self._elb.groups_of(endpoint)]

    def names(self) -> dict[str, str]:
        """DNS names of load balancers, by ARN."""
        return self._elb.names()

    def _all(self, call: str, **parameters: Any) -> list[Description]:
        pages = self._accelerators.get_paginator(call).paginate(**parameters)
        return [
            each for page in pages for value in page.values() if isinstance(value, list) for each in value
        ]


def addresses_by_name(accelerators: Iterable[Description]) -> dict[str, list[str]]:
    """The addresses of each accelerator by each of its DNS names, in small letters."""
    return {
        each[key].lower(): addresses_of(each)
        for each in accelerators
        for key in ("DnsName", "DualStackDnsName")
        if key in each
    }


def addresses_of(accelerator: Description) -> list[str]:
    """Its IPv4 addresses: the local network has no others."""
    families = accelerator["IpSets"]
    return [each for family in families if family["IpFamily"] == "IPv4" for each in family["IpAddresses"]]
