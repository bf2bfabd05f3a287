"""What is not wrong with a stack, but what its owner should know: said once each, and only where it is so."""

from __future__ import annotations

import pytest

from engine.program import load_stack_file
from settings import from_config, parse
from settings.warnings import warnings_of
from tests.recording import ROOT, record_file
from tests.settings.edits import EU, US, Edit, both, drop, edited, on_eks, put

QUIET = on_eks
"""Makes the small stack one about which there is nothing to say."""


SUBNETS = ["10.0.0.0/24"]


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


def test_there_is_nothing_to_say_about_a_stack_with_a_cluster_a_region() -> None:
    assert warnings() == []


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (
            both(
                _shared(eksName="blue"), drop("regions[1].endpoint"), put("regions[1].ingressFrom", SUBNETS)
            ),
            f"context-c: {EU}, {US} share one cluster without an endpoint each",
        ),
        (_shared(), "context-c: no Pod Identity associations are made, for its name in EKS is unknown"),
        (both(_shared(), put("identity", "irsa")), "context-c: its roles trust nobody yet"),
        (
            both(_shared(eksName="blue"), put("regions[1].cluster.eksName", "blue")),
            f"context-c: several regions give eksName; Pod Identity associations are made in {EU}",
        ),
        (
            both(
                put("ingress.scheme", "internal"),
                put("regions[0].ingressFrom", SUBNETS),
                put("regions[1].ingressFrom", SUBNETS),
            ),
            "ingress.scheme is internal: Route53 checks health from the public internet",
        ),
        (
            both(put("ingress.className", "traefik"), put("failover.enabled", False)),
            "ingress.className is traefik: what answers /healthz/<region> with 200",
        ),
        (
            both(
                put("ingress", {"className": "public", "controller": "haproxy.org/ingress-controller"}),
                put("failover.enabled", False),
            ),
            "ingress.className is public: what answers /healthz/<region> with 200",
        ),
        (
            both(
                put("regions[1].endpoint", "lb.example.net"),
                put("regions[1].ingressClass", "kong"),
                put("failover.enabled", False),
            ),
            "regions[].ingressClass is kong: what answers /healthz/<region> with 200",
        ),
        (
            both(drop("hostedZoneId"), put("loadBalancing.manager", "external-dns")),
            f"{US}, {EU}: no certificate is made, for without hostedZoneId none can be validated",
        ),
        (
            put(
                "companies",
                [{"name": f"c-{n}", "edge": 1 + n // 90, "dedicatedHealthChecks": True} for n in range(101)],
            ),
            "the stack needs 202 Route53 health checks of an account (adjustable); the default is 200",
        ),
        (
            both(
                put("identity", "irsa"),
                put("companies", [{"name": f"c-{n}", "edge": 1 + n // 90} for n in range(500)]),
            ),
            "the stack needs 1001 IAM roles of an account (adjustable); the default is 1000",
        ),
    ],
)
def test_what_an_owner_should_know_is_said(edit: Edit, said: str) -> None:
    [warning] = warnings(edit)
    assert warning.startswith(said)


@pytest.mark.parametrize(
    "edit",
    [
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
def test_nothing_is_said_where_it_does_not_matter(edit: Edit) -> None:
    assert warnings(edit) == []


def test_of_an_aws_account_s_warnings_the_local_stack_says_none() -> None:
    file = ROOT / "Pulumi.local.yaml"
    config, _ = load_stack_file(file)
    assert list(warnings_of(from_config(config, "local", [])))
    assert record_file(file).warnings == []
