"""Warnings: each is given once, and only where it applies."""

from __future__ import annotations

import pytest

from engine.stack_file import load_stack_file
from plan.accelerators import REGIONS
from settings import from_config, parse
from settings.values import aws_regions
from settings.warnings import warnings_of
from tests.recording import ROOT, record_file
from tests.settings.edits import EU, US, Edit, both, drop, edited, on_eks, put

QUIET = on_eks
"""Makes the small stack a stack without warnings."""


SUBNETS = ["10.0.0.0/24"]
NETWORK_BALANCER = f"arn:aws:elasticloadbalancing:{US}:123456789012:loadbalancer/net/front/0123456789abcdef"


def warnings(*edits: Edit) -> list[str]:
    return list(warnings_of(parse(edited(QUIET, *edits), "prod")))


def _shared(**keys: str) -> Edit:
    return put(
        "regions",
        [
            {"name": US, "endpoint": "us.example.net", "cluster": {"context": "c", **keys}},
            {"name": EU, "endpoint": "eu.example.net", "cluster": {"context": "c"}},
        ],
    )


def test_a_stack_with_one_cluster_per_region_has_no_warnings() -> None:
    assert warnings() == []


@pytest.mark.parametrize(
    ("edit", "start"),
    [
        (
            put("images.rclone", "mirror.example.com/rclone:1.71.2"),
            "images.rclone is mirror.example.com/rclone:1.71.2",
        ),
        (
            both(
                _shared(eksName="blue"), drop("regions[1].endpoint"), put("regions[1].ingressFrom", SUBNETS)
            ),
            f"context-c: {EU}, {US} share a cluster, and not all have an endpoint",
        ),
        (
            _shared(),
            "context-c: no Pod Identity associations are created",
        ),
        (
            put("regions[1].loadBalancer.inboundCidrs", ["10.0.0.0/8"]),
            f"{EU}: inboundCidrs or securityGroups must let in the networks of Route53's health checkers",
        ),
        (both(_shared(), put("identity", "irsa")), "context-c: the roles cannot be assumed"),
        (
            both(_shared(eksName="blue"), put("regions[1].cluster.eksName", "blue")),
            f"context-c: several regions set eksName, and Pod Identity associations are created in {EU}",
        ),
        (
            both(
                put("ingress.scheme", "internal"),
                put("regions[0].ingressFrom", SUBNETS),
                put("regions[1].ingressFrom", SUBNETS),
            ),
            "ingress.scheme is internal: Route53's health checkers",
        ),
        (
            both(
                put("ingress.scheme", "internal"),
                put("loadBalancing", {"policy": "latency", "manager": "global-accelerator"}),
                put("regions[0].ingressFrom", SUBNETS),
                put("regions[1].ingressFrom", SUBNETS),
            ),
            "ingress.scheme is internal: the accelerator's addresses are public all the same",
        ),
        (
            both(
                put("loadBalancing", {"policy": "latency", "manager": "global-accelerator"}),
                put("regions[1].name", "ap-southeast-6"),
            ),
            "ap-southeast-6: not in AWS's list of regions with endpoint groups of Global Accelerator",
        ),
        (
            both(
                put("loadBalancing", {"policy": "latency", "manager": "global-accelerator"}),
                put("ingress.loadBalancer.attributes", {"idle_timeout.timeout_seconds": 600}),
            ),
            f"{US}, {EU}: idle_timeout.timeout_seconds is more than 340, after which Global Accelerator",
        ),
        (
            both(
                put("loadBalancing", {"policy": "latency", "manager": "global-accelerator"}),
                put("regions[0].loadBalancer.securityGroups", ["sg-0123456789abcdef0"]),
            ),
            f"{US}: inboundCidrs or securityGroups must let in the networks of the load balancers, whose",
        ),
        (
            both(put("ingress.className", "traefik"), put("failover.enabled", False)),
            "ingress.className is traefik: configure its load balancer to answer /healthz/<region> with 200",
        ),
        (
            both(
                put("ingress", {"className": "public", "controller": "haproxy.org/ingress-controller"}),
                put("failover.enabled", False),
            ),
            "ingress.className is public: configure its load balancer to answer /healthz/<region> with 200",
        ),
        (
            both(
                put("regions[1].endpoint", "lb.example.net"),
                put("regions[1].ingressClass", "kong"),
                put("failover.enabled", False),
            ),
            "regions[].ingressClass is kong: configure its load balancer to answer /healthz/<region>",
        ),
        (
            both(drop("hostedZoneId"), put("loadBalancing.manager", "external-dns")),
            f"{US}, {EU}: no certificate is created",
        ),
        (
            put(
                "companies",
                [{"name": f"c-{n}", "edge": 1 + n // 90, "dedicatedHealthChecks": True} for n in range(101)],
            ),
            "the stack needs 202 Route53 health checks of an account (adjustable)",
        ),
        (
            both(
                put("identity", "irsa"),
                put("companies", [{"name": f"c-{n}", "edge": 1 + n // 90} for n in range(500)]),
            ),
            "the stack needs 2001 IAM roles of an account (adjustable), and the default limit",
        ),
    ],
)
def test_each_warning_is_given_once(edit: Edit, start: str) -> None:
    [warning] = warnings(edit)
    assert warning.startswith(start)


@pytest.mark.parametrize(
    "edit",
    [
        both(
            put("loadBalancing", {"policy": "latency", "manager": "global-accelerator"}),
            put("regions[1].name", "mx-central-1"),
        ),
        put("regions[1].name", "ap-southeast-6"),
        put("ingress.loadBalancer.attributes", {"idle_timeout.timeout_seconds": 600}),
        _shared(eksName="blue"),
        both(_shared(), put("replication.enabled", False)),
        both(
            _shared(oidcProviderArn=f"arn:aws:iam::123456789012:oidc-provider/{US}"), put("identity", "irsa")
        ),
        both(
            drop("hostedZoneId"),
            put("loadBalancing.manager", "external-dns"),
            put("ingress.className", "nginx"),
        ),
        both(
            put("ingress", {"className": "public", "controller": "ingress.k8s.aws/alb"}),
            put("regions[1].endpoint", "lb.example.net"),
            put("failover.enabled", False),
        ),
        both(
            put("identity", "irsa"),
            put("replication.enabled", False),
            put("companies", [{"name": f"c-{n}", "edge": 1 + n // 90} for n in range(500)]),
        ),
    ],
)
def test_there_is_no_warning_where_it_does_not_apply(edit: Edit) -> None:
    assert warnings(edit) == []


def test_the_regions_of_global_accelerator_are_regions_of_aws() -> None:
    assert aws_regions() - REGIONS == {"ap-southeast-6"}


def test_the_local_stack_gives_no_warnings_about_an_aws_account() -> None:
    file = ROOT / "Pulumi.local.yaml"
    config, _ = load_stack_file(file)
    assert list(warnings_of(from_config(config, "local", [])))
    assert record_file(file).warnings == []


@pytest.mark.parametrize(
    ("edit", "key", "needed"),
    [
        (put("regions[1].weight", 50), "regions[].weight", "loadBalancing.policy is weighted"),
        (put("regions[0].weight", 100), "regions[].weight", "loadBalancing.policy is weighted"),
        (put("regions[0].geo", ["EU"]), "regions[].geo", "loadBalancing.policy is geo"),
        (
            put("regions[0].endpointArn", NETWORK_BALANCER),
            "regions[].endpointArn",
            "loadBalancing.manager is global-accelerator",
        ),
        (
            put("loadBalancing.clientAffinity", "source-ip"),
            "loadBalancing.clientAffinity",
            "loadBalancing.manager is global-accelerator",
        ),
    ],
)
def test_a_setting_of_another_policy_or_manager_has_no_effect(edit: Edit, key: str, needed: str) -> None:
    assert warnings(edit) == [f"{key} has no effect unless {needed}."]


@pytest.mark.parametrize(
    "edit",
    [
        both(put("loadBalancing.policy", "weighted"), put("regions[0].weight", 50)),
        both(put("loadBalancing.policy", "geo"), put("regions[0].geo", ["default"])),
        both(
            put("loadBalancing", {"manager": "global-accelerator", "clientAffinity": "source-ip"}),
            put("regions[0].endpointArn", NETWORK_BALANCER),
        ),
    ],
)
def test_a_setting_of_the_policy_or_the_manager_has_an_effect(edit: Edit) -> None:
    assert [line for line in warnings(edit) if "has no effect" in line] == []
