"""The tests' own evaluators: IAM documents and NetworkPolicies mean what their references say."""

from __future__ import annotations

from typing import Any

import pytest

from plan.iam_evaluator import Request, allows, denies, wildcards
from tests.network_evaluator import Network, Peer

NAMESPACE = "aws:PrincipalTag/kubernetes-namespace"


def document(**statement: Any) -> dict[str, Any]:
    base = {"Sid": "One", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::b/*"]}
    return {"Version": "2012-10-17", "Statement": [{**base, **statement}]}


def get(key: str, **context: str) -> Request:
    return Request(action="s3:GetObject", resource=f"arn:aws:s3:::b/{key}", context=context)


@pytest.mark.parametrize(
    ("resource", "key", "allowed"),
    [
        ("arn:aws:s3:::b/*", "a/b/c", True),
        ("arn:aws:s3:::b/x/*", "x/", True),
        ("arn:aws:s3:::b/x/*", "x", False),
        ("arn:aws:s3:::b/*/brain/*", "other/brain/data", True),
        ("arn:aws:s3:::b/?", "a", True),
        ("arn:aws:s3:::b/a.c", "abc", False),
    ],
)
def test_wildcards_of_a_resource_match_slashes_too(resource: str, key: str, allowed: bool) -> None:
    assert allows(document(Resource=resource), get(key)) is allowed


def test_a_variable_stands_for_exactly_its_value() -> None:
    role = document(Resource=[f"arn:aws:s3:::b/${{{NAMESPACE}}}/*"])
    assert allows(role, get("acme/x", **{NAMESPACE: "acme"}))
    assert not allows(role, get("globex/x", **{NAMESPACE: "acme"}))
    assert not allows(role, get("acme/x", **{NAMESPACE: "*"}))
    assert not allows(role, get("acme/x"))
    assert not allows(role, get("/x"))


def test_a_condition_on_what_the_request_lacks_does_not_hold() -> None:
    role = document(Condition={"StringLike": {"s3:prefix": ["us/acme/*"]}})
    assert allows(role, get("x", **{"s3:prefix": "us/acme/"}))
    assert not allows(role, get("x", **{"s3:prefix": "us/"}))
    assert not allows(role, get("x"))
    with pytest.raises(NotImplementedError, match="StringNotEquals"):
        allows(document(Condition={"StringNotEquals": {}}), get("x"))


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"Null": {"s3:if-none-match": "true"}}, {}, True),
        ({"Null": {"s3:if-none-match": "true"}}, {"s3:if-none-match": "*"}, False),
        ({"Null": {"s3:if-none-match": "false"}}, {"s3:if-none-match": "*"}, True),
        ({"BoolIfExists": {"x": "true"}}, {}, True),
        ({"BoolIfExists": {"x": "true"}}, {"x": "false"}, False),
        ({"ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::*:role/a-*"]}}, {}, False),
        (
            {"ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::*:role/a-*"]}},
            {"aws:PrincipalArn": "arn:aws:iam::1:role/a-b"},
            True,
        ),
    ],
)
def test_conditions_on_what_is_absent_and_on_arns(
    condition: dict[str, Any], context: dict[str, str], holds: bool
) -> None:
    assert allows(document(Condition=condition), get("x", **context)) is holds


def test_a_statement_on_all_actions_but_some() -> None:
    deny = document(Effect="Deny", NotAction=["s3:Get*"])
    del deny["Statement"][0]["Action"]
    assert not denies(deny, get("x"))
    assert denies(deny, Request(action="s3:PutObject", resource="arn:aws:s3:::b/x"))


def test_a_deny_wins() -> None:
    both = document()
    both["Statement"] += document(Effect="Deny", Resource="*")["Statement"]
    assert not allows(both, get("x"))
    assert denies(both, get("x"))
    assert not denies(document(), get("x"))


def test_principals_count_by_kind_and_value() -> None:
    role = document(Principal={"Service": "s3.amazonaws.com"}, Resource="*")
    for who in ("Service:s3.amazonaws.com", "AWS:s3.amazonaws.com", "Service:ec2.amazonaws.com", ""):
        asked = Request(action="s3:GetObject", resource="x", principal=who)
        assert allows(role, asked) is (who == "Service:s3.amazonaws.com")


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ({}, False),
        ({"Action": "s3:*"}, True),
        ({"Resource": "*"}, True),
        ({"Resource": "arn:aws:s3:::b/*/acme/*"}, True),
        ({"Condition": {"StringLike": {"s3:prefix": ["us/acme/*"]}}}, False),
        ({"Condition": {"StringLike": {"s3:prefix": ["*/acme/*"]}}}, True),
        ({"Condition": {"StringLike": {"x": "arn:aws:eks:*:123456789012:cluster/*"}}}, False),
        ({"Condition": {"StringLike": {"x": "arn:aws:eks:us-east-1:*:cluster/blue"}}}, True),
        ({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}, False),
        ({"NotAction": "iam:*"}, True),
    ],
)
def test_what_opens_too_much_is_found(statement: dict[str, Any], found: bool) -> None:
    assert bool(list(wildcards(document(**statement)))) is found


def policy(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "a"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"], **spec}}


OWN = Peer(name="own", namespace="a", labels={"app": "own"}, ip="10.0.0.1")
NEAR = Peer(name="near", namespace="a", labels={"app": "near"}, ip="10.0.0.2")
FAR = Peer(name="far", namespace="b", labels={"app": "near"}, ip="10.0.0.3")
OUTSIDE = Peer(name="outside", ip="10.9.0.1")


def senders(*policies: dict[str, Any], port: int = 80, protocol: str = "TCP") -> list[str]:
    """Who reaches OWN."""
    network = Network(policies)
    return [peer.name for peer in (NEAR, FAR, OUTSIDE) if network.reaches(peer, OWN, port, protocol)]


def test_a_pod_that_nothing_selects_is_open() -> None:
    assert senders() == ["near", "far", "outside"]
    assert senders(policy(podSelector={"matchLabels": {"app": "other"}})) == ["near", "far", "outside"]
    own = {"matchLabels": {"app": "own"}}
    assert senders(policy(podSelector=own, policyTypes=["Egress"])) == ["near", "far", "outside"]


def test_a_pod_that_is_selected_takes_only_what_a_rule_lists() -> None:
    near = {"from": [{"podSelector": {"matchLabels": {"app": "near"}}}], "ports": [{"port": 80}]}
    assert senders(policy()) == []
    assert senders(policy(), policy(ingress=[near])) == ["near"]
    assert senders(policy(ingress=[near]), port=81) == []
    assert senders(policy(ingress=[near]), protocol="UDP") == []


def test_a_rule_without_senders_or_ports_means_all() -> None:
    assert senders(policy(ingress=[{}])) == ["near", "far", "outside"]
    assert senders(policy(ingress=[{"from": [], "ports": []}])) == ["near", "far", "outside"]


def test_selectors_of_one_peer_hold_together_and_of_two_each() -> None:
    space = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "b"}}}
    pod = {"podSelector": {"matchLabels": {"app": "near"}}}
    assert senders(policy(ingress=[{"from": [{**space, **pod}]}])) == ["far"]
    assert senders(policy(ingress=[{"from": [space, pod]}])) == ["near", "far"]
    assert senders(policy(ingress=[{"from": [{"namespaceSelector": {}}]}])) == ["near", "far"]


def test_networks_count_addresses_but_for_their_exceptions() -> None:
    block = {"cidr": "10.0.0.0/8", "except": ["10.0.0.2/32"]}
    assert senders(policy(ingress=[{"from": [{"ipBlock": block}]}])) == ["far", "outside"]


def test_both_sides_must_let_it_through() -> None:
    closed = policy(policyTypes=["Egress"], podSelector={"matchLabels": {"app": "near"}})
    assert senders(closed) == ["far", "outside"]
