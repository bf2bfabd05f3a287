"""AWS Global Accelerator's API, which moto lacks: accelerators, listeners, endpoint groups, their tags.

Calls, members and errors are those of botocore's model. An endpoint is INITIAL for INITIAL_SECONDS, then as
healthy as its load balancer: each target group to which that forwards must have a healthy target. Traffic is
moved by `local/cluster/accelerators`, on a machine with nodes.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from ipaddress import ip_network
from itertools import islice
from threading import Lock
from typing import Any, Final
from uuid import uuid4

import botocore.session
from botocore.validate import ParamValidator
from moto.core.models import DEFAULT_ACCOUNT_ID

from local.aws.emulator import DOCUMENTATION

TARGET: Final = "GlobalAccelerator_V20180706."
"""Begins the header `X-Amz-Target` of every call."""

INITIAL_SECONDS: Final = 1.0
"""AWS does not say for how long."""
_OF_LISTENER: Final = ("PortRanges", "Protocol", "ClientAffinity")

Values = dict[str, Any]
Health = Callable[[str], bool | None]
"""Whether the load balancer with this ARN is healthy; None: there is none."""


class Rejected(Exception):
    """The call is rejected with an error of the service's model."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class GlobalAccelerator:
    """The account's accelerators. Any thread may call it."""

    def __init__(
        self,
        health: Health,
        addresses: str = DOCUMENTATION,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`addresses`: the network of the accelerators' IPv4 addresses; `now`: seconds of a clock."""
        self._health, self._lock, self._now = health, Lock(), now
        self._addresses = ip_network(addresses)
        self._accelerators: dict[str, Values] = {}
        self._listeners: dict[str, Values] = {}
        self._groups: dict[str, Values] = {}
        self._added: dict[tuple[str, str], float] = {}
        """When each endpoint was added to its group, by ARNs of group and endpoint."""
        self._tags: dict[str, dict[str, str]] = {}
        self._created: dict[tuple[int, str], str] = {}

    def answer(self, call: str, parameters: Values) -> tuple[int, Values]:
        """HTTP status and document."""
        handler = getattr(self, "_" + call[:1].lower() + call[1:], None)
        try:
            if handler is None or call not in self._model.operation_names:
                raise Rejected("UnknownOperationException", f"{call}: the emulator does not offer this call")
            shape = self._model.operation_model(call).input_shape
            if report := ParamValidator().validate(parameters, shape).generate_report():
                raise Rejected("InvalidArgumentException", report)
            with self._lock:
                return 200, handler(parameters) or {}
        except Rejected as error:
            return 400, {"__type": error.code, "Message": str(error)}

    @cached_property
    def _model(self) -> Any:
        return botocore.session.Session().get_service_model("globalaccelerator")

    def _createAccelerator(self, sent: Values) -> Values:
        arn, new = self._named(
            sent, f"arn:aws:globalaccelerator::{DEFAULT_ACCOUNT_ID}:accelerator/{uuid4()}", self._accelerators
        )
        if new:
            pair, dual = self._free_pair(), sent.get("IpAddressType") == "DUAL_STACK"
            host = f"a{secrets.token_hex(8)}"
            sets = [_addresses("IPv4", pair)]
            self._accelerators[arn] = {
                "AcceleratorArn": arn,
                "Name": sent["Name"],
                "IpAddressType": sent.get("IpAddressType", "IPV4"),
                "Enabled": sent.get("Enabled", True),
                "DnsName": f"{host}.awsglobalaccelerator.com",
                "Status": "DEPLOYED",
                "CreatedTime": time.time(),
                "LastModifiedTime": time.time(),
                "IpSets": sets + ([_addresses("IPv6", [f"2001:db8::{host[1:5]}"])] if dual else []),
                **({"DualStackDnsName": f"{host}.dualstack.awsglobalaccelerator.com"} if dual else {}),
            }
            self._tags[arn] = {tag["Key"]: tag["Value"] for tag in sent.get("Tags", [])}
        return {"Accelerator": self._accelerators[arn]}

    def _describeAccelerator(self, sent: Values) -> Values:
        return {"Accelerator": _found(self._accelerators, sent["AcceleratorArn"], "Accelerator")}

    def _listAccelerators(self, sent: Values) -> Values:
        return {"Accelerators": list(self._accelerators.values())}

    def _updateAccelerator(self, sent: Values) -> Values:
        accelerator = _found(self._accelerators, sent["AcceleratorArn"], "Accelerator")
        accelerator |= {key: sent[key] for key in ("Name", "IpAddressType", "Enabled") if key in sent}
        accelerator["LastModifiedTime"] = time.time()
        return {"Accelerator": accelerator}

    def _deleteAccelerator(self, sent: Values) -> None:
        arn = sent["AcceleratorArn"]
        accelerator = _found(self._accelerators, arn, "Accelerator")
        if accelerator["Enabled"]:
            raise Rejected("AcceleratorNotDisabledException", "disable the accelerator first")
        if any(listener.startswith(f"{arn}/") for listener in self._listeners):
            raise Rejected("AssociatedListenerFoundException", "the accelerator has a listener")
        del self._accelerators[arn]

    def _describeAcceleratorAttributes(self, sent: Values) -> Values:
        _found(self._accelerators, sent["AcceleratorArn"], "Accelerator")
        return {"AcceleratorAttributes": {"FlowLogsEnabled": False}}

    def _createListener(self, sent: Values) -> Values:
        accelerator = sent["AcceleratorArn"]
        _found(self._accelerators, accelerator, "Accelerator")
        arn, new = self._named(sent, f"{accelerator}/listener/{secrets.token_hex(4)}", self._listeners)
        if new:
            own: Values = {key: sent[key] for key in _OF_LISTENER if key in sent}
            self._listeners[arn] = {"ListenerArn": arn, "Protocol": "TCP", "ClientAffinity": "NONE", **own}
        return {"Listener": self._listeners[arn]}

    def _describeListener(self, sent: Values) -> Values:
        return {"Listener": _found(self._listeners, sent["ListenerArn"], "Listener")}

    def _listListeners(self, sent: Values) -> Values:
        return {"Listeners": _below(self._listeners, sent["AcceleratorArn"])}

    def _updateListener(self, sent: Values) -> Values:
        listener = _found(self._listeners, sent["ListenerArn"], "Listener")
        listener |= {key: sent[key] for key in _OF_LISTENER if key in sent}
        return {"Listener": listener}

    def _deleteListener(self, sent: Values) -> None:
        arn = sent["ListenerArn"]
        _found(self._listeners, arn, "Listener")
        if _below(self._groups, arn):
            raise Rejected("AssociatedEndpointGroupFoundException", "the listener has an endpoint group")
        del self._listeners[arn]

    def _createEndpointGroup(self, sent: Values) -> Values:
        listener, region = sent["ListenerArn"], sent["EndpointGroupRegion"]
        _found(self._listeners, listener, "Listener")
        arn, new = self._named(sent, f"{listener}/endpoint-group/{secrets.token_hex(6)}", self._groups)
        if new:
            if any(group["EndpointGroupRegion"] == region for group in _below(self._groups, listener)):
                raise Rejected("EndpointGroupAlreadyExistsException", f"the listener has a group in {region}")
            self._groups[arn] = {
                "EndpointGroupArn": arn,
                "EndpointGroupRegion": region,
                "TrafficDialPercentage": sent.get("TrafficDialPercentage", 100.0),
                "Endpoints": self._endpoints(arn, sent),
            }
        return {"EndpointGroup": self._described(self._groups[arn])}

    def _describeEndpointGroup(self, sent: Values) -> Values:
        group = _found(self._groups, sent["EndpointGroupArn"], "EndpointGroup")
        return {"EndpointGroup": self._described(group)}

    def _listEndpointGroups(self, sent: Values) -> Values:
        return {"EndpointGroups": [*map(self._described, _below(self._groups, sent["ListenerArn"]))]}

    def _updateEndpointGroup(self, sent: Values) -> Values:
        group = _found(self._groups, sent["EndpointGroupArn"], "EndpointGroup")
        if "TrafficDialPercentage" in sent:
            group["TrafficDialPercentage"] = sent["TrafficDialPercentage"]
        if "EndpointConfigurations" in sent:
            group["Endpoints"] = self._endpoints(group["EndpointGroupArn"], sent)
        return {"EndpointGroup": self._described(group)}

    def _deleteEndpointGroup(self, sent: Values) -> None:
        arn = sent["EndpointGroupArn"]
        _found(self._groups, arn, "EndpointGroup")
        del self._groups[arn]

    def _tagResource(self, sent: Values) -> None:
        self._tags.setdefault(sent["ResourceArn"], {}).update(
            {tag["Key"]: tag["Value"] for tag in sent["Tags"]}
        )

    def _untagResource(self, sent: Values) -> None:
        for key in sent["TagKeys"]:
            self._tags.get(sent["ResourceArn"], {}).pop(key, None)

    def _listTagsForResource(self, sent: Values) -> Values:
        tags = self._tags.get(sent["ResourceArn"], {})
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _named(self, sent: Values, arn: str, store: Mapping[str, Values]) -> tuple[str, bool]:
        """The ARN of what is created, and whether it is new: a call with the same token creates nothing."""
        known = self._created.setdefault((id(store), sent["IdempotencyToken"]), arn)
        return known, known not in store

    def _free_pair(self) -> list[str]:
        """Two addresses, which the accelerator keeps."""
        used = {each for accelerator in self._accelerators.values() for each in _ipv4(accelerator)}
        free = (str(each) for each in self._addresses.hosts() if str(each) not in used)
        return list(islice(free, 2))

    def _endpoints(self, group: str, sent: Values) -> list[Values]:
        endpoints = sent.get("EndpointConfigurations", [])
        for endpoint in endpoints:
            if self._health(endpoint["EndpointId"]) is None:
                raise Rejected("InvalidArgumentException", f"no load balancer is {endpoint['EndpointId']}")
        self._added |= {
            key: self._now() for each in endpoints if (key := (group, each["EndpointId"])) not in self._added
        }
        return [{"Weight": 128, "ClientIPPreservationEnabled": False, **each} for each in endpoints]

    def _described(self, group: Values) -> Values:
        described = [
            {**each, "HealthState": self._state(group["EndpointGroupArn"], each["EndpointId"])}
            for each in group["Endpoints"]
        ]
        return {key: value for key, value in group.items() if key != "Endpoints"} | {
            "EndpointDescriptions": described,
            "HealthCheckPort": 443,
            "HealthCheckProtocol": "TCP",
            "HealthCheckIntervalSeconds": 30,
            "ThresholdCount": 3,
        }

    def _state(self, group: str, endpoint: str) -> str:
        if self._now() - self._added[group, endpoint] < INITIAL_SECONDS:
            return "INITIAL"
        return "HEALTHY" if self._health(endpoint) else "UNHEALTHY"


def _found(store: Mapping[str, Values], arn: str, kind: str) -> Values:
    if arn not in store:
        raise Rejected(f"{kind}NotFoundException", f"there is no {arn}")
    return store[arn]


def _below(store: Mapping[str, Values], parent: str) -> list[Values]:
    return [value for arn, value in store.items() if arn.startswith(f"{parent}/")]


def _ipv4(accelerator: Values) -> list[str]:
    return list(accelerator["IpSets"][0]["IpAddresses"])


def _addresses(family: str, addresses: list[str]) -> Values:
    return {"IpFamily": family, "IpAddresses": addresses, "IpAddressFamily": family}
