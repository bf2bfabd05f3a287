"""ReplicaAccess: a role and its policy; trust and permissions of the roles of whole stacks."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from pulumi import Output

from components.replica_access import ReplicaAccess, ReplicaAccessArgs
from plan.iam import gate_access, pod_identity_trust
from plan.iam_evaluator import Request, allows
from plan.names import RoleNames
from tests.components import tenancy_rules
from tests.components.stacks import DOMAIN, EU, US, context, stack, two_regions
from tests.recording import (
    ASSOCIATION,
    ROLE,
    ROLE_POLICY,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    Recording,
    names,
    record,
    record_part,
)

CLUSTER = f"arn:aws:eks:{US}:123456789012:cluster/blue"
TRUST = pod_identity_trust(["agent-us-east-1"], CLUSTER)
ACCESS = gate_access(region=US, component="agent", buckets={US: "bucket"}, keys={})
KINDS = ("agent", "brain")


def role_name(component: str, region: str) -> str:
    return RoleNames(domain="agency.example.com", stack="dev").gate(region, component)


def role_arn(component: str, region: str) -> str:
    return f"arn:aws:iam::123456789012:role/{role_name(component, region)}"


def trust_of(run: Recording, role: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run.named(role, ROLE).inputs["assumeRolePolicy"])
    return document


@pytest.mark.parametrize("form", ["plain", "output"])
def test_it_makes_a_role_and_one_policy(form: str) -> None:
    def build() -> None:
        trust = TRUST if form == "plain" else Output.from_input(TRUST)
        ReplicaAccess("one", ReplicaAccessArgs(role="the-role", trust=trust, access=ACCESS))

    run = record_part(build)
    assert json.loads(run.named("one-role", ROLE).inputs["assumeRolePolicy"]) == TRUST
    run.assert_created(ROLE, "one-role", {"name": "the-role"})
    policy = run.assert_created(ROLE_POLICY, "one-policy", {"name": "replication", "role": "the-role"})
    assert json.loads(policy.inputs["policy"]) == ACCESS
    assert run.named("one").outputs == {"roleArn": "arn:aws:iam::123456789012:role/the-role"}


@pytest.fixture(scope="module")
def pod_identity() -> Recording:
    return record(two_regions(companies=["acme", "globex"]))


def test_pod_identity_has_a_role_for_each_component_and_region(pod_identity: Recording) -> None:
    roles = {
        resource.inputs["name"]
        for resource in pod_identity.of(ROLE)
        if resource.name.endswith("-access-role")
    }
    assert roles == {role_name(kind, region) for kind in KINDS for region in (US, EU)}
    assert len(roles) == 4


def test_the_role_of_earlier_versions_stays_and_writes_only_what_its_session_s_component_writes(
    pod_identity: Recording,
) -> None:
    """Pods keep its credentials for hours: their uploads must go on, of their own component alone."""
    role = pod_identity.assert_created(
        ROLE, "us-east-1-sidecars-role", {"name": "agency-example-com-dev-us-east-1"}
    )
    assert not [
        each for each in pod_identity.of(ASSOCIATION) if each.inputs["roleArn"] == role.outputs["arn"]
    ]
    document = json.loads(pod_identity.named("us-east-1-sidecars-policy").inputs["policy"])
    bucket = f"arn:aws:s3:::agency-example-com-dev-{US}"
    for session, written in product(KINDS, KINDS):
        context = {
            tenancy_rules.SESSION_NAMESPACE: "acme",
            "aws:PrincipalTag/kubernetes-service-account": f"{session}-{US}",
        }
        for action, part in product(("s3:PutObject", "s3:DeleteObject"), ("data", "objects", "_checkpoints")):
            key = f"{bucket}/{US}/acme/{written}/{part}/x"
            asked = Request(action=action, resource=key, context=context)
            assert allows(document, asked) is (session == written), asked
        key = f"{bucket}/{US}/acme/{written}/data/x"
        assert allows(document, Request(action="s3:GetObject", resource=key, context=context))
        key = f"{bucket}/{US}/acme/{written}/_orders/restore.json"
        assert not allows(document, Request(action="s3:PutObject", resource=key, context=context))


def test_a_region_s_associations_change_when_its_pods_are_about_to_roll(pod_identity: Recording) -> None:
    """A gate of an earlier version gets no role that was made for later ones."""
    sets = pod_identity.of(STATEFUL_SET)
    (first,) = (each for each in sets if each.name == f"acme-agent@{EU}-statefulset")
    (last,) = (each for each in sets if each.name == f"acme-agent@{US}-statefulset")
    for kind in KINDS:
        association = pod_identity.named(f"acme-{kind}@{US}-identity", ASSOCIATION)
        assert first.urn in association.dependencies and last.urn not in association.dependencies
    assert pod_identity.named(f"acme-agent@{US}-identity", ASSOCIATION).urn in last.dependencies


@pytest.mark.parametrize(
    ("cluster", "trusted"),
    [
        (CLUSTER, True),
        (f"arn:aws:eks:{US}:123456789012:cluster/other", False),
        (f"arn:aws:eks:{EU}:123456789012:cluster/blue", False),
        (f"arn:aws:eks:{US}:210987654321:cluster/blue", False),
        (None, False),
    ],
)
def test_pod_identity_s_roles_trust_their_own_cluster_alone(
    pod_identity: Recording, cluster: str | None, trusted: bool
) -> None:
    for name, account in (
        ("us-east-1-brain-access-role", f"brain-{US}"),
        ("us-east-1-agent-access-role", f"agent-{US}"),
        ("us-east-1-sidecars-role", f"agent-{US}"),
    ):
        context = {"aws:RequestTag/kubernetes-service-account": account}
        context |= {"aws:RequestTag/eks-cluster-arn": cluster} if cluster else {}
        principal = "Service:pods.eks.amazonaws.com"
        asked = Request(action="sts:AssumeRole", resource="*", principal=principal, context=context)
        assert allows(trust_of(pod_identity, name), asked) is trusted


def test_where_the_cluster_s_name_is_unknown_its_account_must_be_the_stack_s() -> None:
    trust = trust_of(record(stack(regions=[context(US)])), "us-east-1-brain-access-role")
    for account in ("123456789012", "210987654321"):
        asked = Request(
            action="sts:AssumeRole",
            resource="*",
            principal="Service:pods.eks.amazonaws.com",
            context={
                "aws:RequestTag/kubernetes-service-account": f"brain-{US}",
                "aws:RequestTag/eks-cluster-arn": f"arn:aws:eks:{EU}:{account}:cluster/any",
            },
        )
        assert allows(trust, asked) is (account == "123456789012")


def test_pod_identity_associates_each_workload_with_its_own_role(pod_identity: Recording) -> None:
    for company in ("acme", "globex"):
        for region in (US, EU):
            for kind in ("agent", "brain"):
                pod_identity.assert_created(
                    ASSOCIATION,
                    f"{company}-{kind}@{region}-identity",
                    {
                        "clusterName": "blue",
                        "region": region,
                        "namespace": company,
                        "serviceAccount": f"{kind}-{region}",
                        "roleArn": role_arn(kind, region),
                    },
                )
    assert len(pod_identity.of(ASSOCIATION)) == 8
    for account in pod_identity.of(SERVICE_ACCOUNT):
        assert "annotations" not in account.inputs["metadata"]


def test_pod_identity_s_policy_reads_the_session_s_namespace(pod_identity: Recording) -> None:
    policy = pod_identity.named("us-east-1-brain-access-policy").inputs["policy"]
    assert "${aws:PrincipalTag/kubernetes-namespace}" in policy
    assert "acme" not in policy
    document = json.loads(policy)
    key = f"arn:aws:s3:::agency-example-com-dev-{US}/{US}/acme/brain/data/x"
    assert allows(
        document,
        Request(action="s3:PutObject", resource=key, context={tenancy_rules.SESSION_NAMESPACE: "acme"}),
    )
    assert not allows(document, Request(action="s3:PutObject", resource=key))


def test_a_context_with_its_name_in_eks_is_associated_where_eks_has_it() -> None:
    regions = [context(EU), context(US, {"eksName": "green"})]
    run = record(stack(regions=regions))
    assert {
        (resource.inputs["clusterName"], resource.inputs["region"]) for resource in run.of(ASSOCIATION)
    } == {("green", US)}
    assert "identityToCreate" not in run.outputs


def test_without_its_name_in_eks_a_cluster_gets_roles_but_no_associations() -> None:
    run = record(stack(regions=[context(US)]))
    run.assert_none(ASSOCIATION)
    assert names(run.of(ROLE)) == [
        "us-east-1-agent-access-role",
        "us-east-1-brain-access-role",
        "us-east-1-sidecars-role",
    ]
    assert any("cluster.eksName" in text and "context-shared" in text for text in run.warnings)
    assert run.outputs["identityToCreate"] == [
        {
            "cluster": "context-shared",
            "namespace": "every company's",
            "serviceAccounts": [f"{kind}-us-east-1"],
            "role": role_arn(kind, US),
        }
        for kind in KINDS
    ]


def test_without_replication_there_is_no_role_no_bucket_and_no_gap() -> None:
    run = record(stack(regions=[context(US)], replication={"enabled": False}))
    assert [
        resource.name for resource in run if resource.type.startswith(("aws:s3", "aws:iam", "aws:eks"))
    ] == []
    assert "identityToCreate" not in run.outputs
    assert run.warnings == []
    assert run.outputs["regions"][US]["bucket"] is None
    assert run.outputs["companies"] == {"acme": f"acme.{DOMAIN}"}
