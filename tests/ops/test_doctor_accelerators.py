"""The doctor on the load balancers of Global Accelerator: who makes them, and those that exist already."""

from __future__ import annotations

from typing import Any, cast

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator

from ops.cluster_access import Cluster
from ops.doctor import endpoints as own
from ops.doctor.accelerators import network_balancers
from ops.doctor.findings import Finding
from settings import clusters_of, parse
from tests.components.stacks import US, eks, stack
from tests.ops.fake_aws import Answer, findings
from tests.strategies import Raw

ACCELERATED = {"manager": "global-accelerator"}


class Api:
    def __init__(self, image: str) -> None:
        spec = {"template": {"spec": {"containers": [{"image": image}]}}}
        self._deployment = {"metadata": {"name": "aws-load-balancer-controller", "labels": {}}, "spec": spec}

    def call(self, method: str, path: str) -> dict[str, Any]:
        return {"items": [self._deployment]}


@pytest.mark.parametrize(
    ("image", "manager", "found"),
    [
        ("public.ecr.aws/eks/aws-load-balancer-controller:v2.12.1", "global-accelerator", [False]),
        ("public.ecr.aws/eks/aws-load-balancer-controller:v2.13.0", "global-accelerator", [True]),
        ("public.ecr.aws/eks/aws-load-balancer-controller:v3.2.2", "global-accelerator", [True]),
        ("mirror.example.com/controller@sha256:0123", "global-accelerator", [True]),
        ("public.ecr.aws/eks/aws-load-balancer-controller:v2.12.1", "route53", []),
    ],
)
def test_a_controller_that_makes_no_network_load_balancers_is_found(
    image: str, manager: str, found: list[bool]
) -> None:
    settings = parse(stack(regions=[eks(US)], loadBalancing={"manager": manager}), "dev")
    (plan,) = clusters_of(settings)
    cluster = Cluster(name=plan.id, regions=(US,), api=cast("Any", Api(image)), kubectl="")
    assert [finding.ok for finding in network_balancers(settings, plan, cluster)] == found


@pytest.mark.parametrize(("version", "ok"), [("v2.13.2", False), ("v2.13.3", True), ("v2.14", True)])
def test_a_controller_that_makes_none_with_ipv6_addresses_is_found(version: str, ok: bool) -> None:
    dual = {"loadBalancer": {"ipAddressType": "dualstack"}}
    raw = stack(regions=[eks(US)], ingress=dual, loadBalancing=ACCELERATED)
    settings = parse(raw, "dev")
    (plan,) = clusters_of(settings)
    image = f"public.ecr.aws/eks/aws-load-balancer-controller:{version}"
    cluster = Cluster(name=plan.id, regions=(US,), api=cast("Any", Api(image)), kubectl="")
    [found] = network_balancers(settings, plan, cluster)
    assert found.ok is ok and (ok or found.remedy == "upgrade it to 2.13.3 or later")


# Load balancers that exist already: regions[].endpointArn.

ARN = f"arn:aws:elasticloadbalancing:{US}:123456789012:loadbalancer/net/front/0123456789abcdef"
BALANCER = {
    "LoadBalancerArn": ARN,
    "State": {"Code": "active"},
    "Type": "network",
    "IpAddressType": "ipv4",
    "SecurityGroups": ["sg-1"],
}
LISTENERS = [{"Port": 443, "Protocol": "TCP"}, {"Port": 80, "Protocol": "TCP"}]
TARGETS = [
    {"TargetGroupName": "https", "TargetType": "alb", "HealthCheckPath": f"/healthz/{US}"},
    {"TargetGroupName": "http", "TargetType": "alb", "HealthCheckProtocol": "TCP"},
]
ROWS = ["endpoint", "addresses of", "security groups of", "listeners of", "target groups of"]


def looked_at(dual: bool = False, **changed: Answer) -> dict[str, Finding]:
    """The rows by the beginning of what they are about."""
    answers: dict[str, Answer] = {
        "describe_load_balancers": {"LoadBalancers": [BALANCER]},
        "describe_listeners": {"Listeners": LISTENERS},
        "describe_target_groups": {"TargetGroups": TARGETS},
        **changed,
    }
    model = get_session().get_service_model("elbv2")
    for name, answer in answers.items():
        if isinstance(answer, dict):  # As botocore would give it.
            shape = model.operation_model("".join(map(str.capitalize, name.split("_")))).output_shape
            assert not ParamValidator().validate(answer, shape).has_errors()
    ingress: Raw = {"loadBalancer": {"ipAddressType": "dualstack"}} if dual else {}
    found = findings(
        own.endpoints,
        {f"elbv2.{name}": answer for name, answer in answers.items()},
        regions=[eks(US, endpointArn=ARN)],
        ingress=ingress,
        loadBalancing=ACCELERATED,
    )
    assert {one.place for one in found} == {US}
    return {one.what.removesuffix(" front"): one for one in found}


def balancer(**changes: Any) -> Answer:
    return {"LoadBalancers": [BALANCER | changes]}


def test_an_endpoint_that_global_accelerator_takes_lacks_nothing() -> None:
    found = looked_at()
    assert list(found) == ROWS and all(one.ok for one in found.values())
    dual = looked_at(dual=True, describe_load_balancers=balancer(IpAddressType="dualstack"))
    assert all(one.ok for one in dual.values())


@pytest.mark.parametrize(
    ("row", "changed", "told", "remedy"),
    [
        (
            "endpoint",
            {"describe_load_balancers": balancer(State={"Code": "failed", "Reason": "no capacity"})},
            "it is failed: no capacity",
            "wait until it is active",
        ),
        (
            "addresses of",
            {"describe_load_balancers": balancer(IpAddressType="dualstack")},
            "they are dualstack, those of its accelerator ipv4",
            "--ip-address-type ipv4",
        ),
        (
            "addresses of",
            {"dual": True},
            "they are ipv4, those of its accelerator dualstack",
            "--ip-address-type dualstack",
        ),
        (
            "security groups of",
            {"describe_load_balancers": balancer(SecurityGroups=[])},
            "it has none",
            "create another one with security groups",
        ),
        (
            "listeners of",
            {"describe_listeners": {"Listeners": [*LISTENERS, {"Port": 8443, "Protocol": "TLS"}]}},
            "TLS ends at port 8443",
            "make them TCP",
        ),
        (
            "target groups of",
            {"describe_target_groups": {"TargetGroups": TARGETS[1:]}},
            f"none is checked at /healthz/{US}",
            f"/healthz/{US}",
        ),
        (
            "target groups of",
            {
                "dual": True,
                "describe_load_balancers": balancer(IpAddressType="dualstack"),
                "describe_target_groups": {
                    "TargetGroups": [*TARGETS, {"TargetGroupName": "pods", "TargetType": "ip"}]
                },
            },
            "pods: a dual-stack accelerator takes no targets of type ip",
            "type alb",
        ),
    ],
)
def test_what_keeps_global_accelerator_from_an_endpoint_is_found(
    row: str, changed: dict[str, Any], told: str, remedy: str
) -> None:
    found = looked_at(**changed)
    assert [what for what, one in found.items() if not one.ok] == [row]
    assert told in found[row].detail and remedy in found[row].remedy


def test_every_page_of_listeners_counts() -> None:
    def listeners(**asked: Any) -> dict[str, Any]:
        tls = {"Listeners": [{"Port": 443, "Protocol": "TLS"}]}
        return tls if "Marker" in asked else {"Listeners": LISTENERS, "NextMarker": "2"}

    assert not looked_at(describe_listeners=listeners)["listeners of"].ok


def test_an_endpoint_that_is_not_there_is_missing() -> None:
    found = looked_at(describe_load_balancers="LoadBalancerNotFound")
    assert list(found) == ["endpoint"] and not found["endpoint"].ok
    assert "correct regions[].endpointArn" in found["endpoint"].remedy


@pytest.mark.parametrize("code", ["AccessDenied", "Throttling", "InternalFailure"])
@pytest.mark.parametrize(
    ("operation", "row"),
    [
        ("describe_load_balancers", "endpoint"),
        ("describe_listeners", "listeners of"),
        ("describe_target_groups", "target groups of"),
    ],
)
def test_what_aws_does_not_tell_of_an_endpoint_is_not_known(code: str, operation: str, row: str) -> None:
    changed: dict[str, Any] = {operation: code}
    found = looked_at(**changed)
    assert [what for what, one in found.items() if not one.ok] == [row]
    right = f"elasticloadbalancing:{''.join(map(str.capitalize, operation.split('_')))}"
    assert found[row].detail.startswith(f"not known: {code}")
    assert (right if code != "Throttling" else "later") in found[row].remedy


def test_without_global_accelerator_nobody_asks_about_an_endpoint() -> None:
    assert findings(own.endpoints, {}, regions=[eks(US, endpointArn=ARN)]) == []
