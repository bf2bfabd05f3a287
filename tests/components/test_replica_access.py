"""ReplicaAccess: a role and its policy; trust and permissions of the roles of whole stacks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pulumi import Output

from components.replica_access import ReplicaAccess, ReplicaAccessArgs
from plan.iam import pod_identity_trust, replica_access
from plan.iam_evaluator import Request, allows
from tests.components import tenancy_rules
from tests.components.stacks import DOMAIN, EU, US, context, eks, endpoint, many_companies, stack, two_regions
from tests.recording import (
    ASSOCIATION,
    ROLE,
    ROLE_POLICY,
    SERVICE_ACCOUNT,
    Recording,
    names,
    record,
    record_part,
)

PROVIDER = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABCDEF"
ISSUER = "oidc.eks.us-east-1.amazonaws.com/id/ABCDEF"
TRUST = pod_identity_trust(["agent-us-east-1"])
ACCESS = replica_access(region=US, buckets={US: "bucket"})


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


def test_pod_identity_has_one_role_a_region(pod_identity: Recording) -> None:
    roles = {
        resource.inputs["name"]
        for resource in pod_identity.of(ROLE)
        if resource.name.endswith("-sidecars-role")
    }
    assert roles == {f"agency-example-com-dev-{region}" for region in (US, EU)}


def test_pod_identity_associates_each_workload_with_its_region_s_role(pod_identity: Recording) -> None:
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
                        "roleArn": f"arn:aws:iam::123456789012:role/agency-example-com-dev-{region}",
                    },
                )
    assert len(pod_identity.of(ASSOCIATION)) == 8
    for account in pod_identity.of(SERVICE_ACCOUNT):
        assert "annotations" not in account.inputs["metadata"]


def test_pod_identity_s_policy_reads_the_session_s_namespace(pod_identity: Recording) -> None:
    policy = pod_identity.named("us-east-1-sidecars-policy").inputs["policy"]
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
    assert names(run.of(ROLE)) == ["us-east-1-sidecars-role"]
    assert any("cluster.eksName" in text and "context-shared" in text for text in run.warnings)
    assert run.outputs["identityToCreate"] == [
        {
            "cluster": "context-shared",
            "namespace": "every company's",
            "serviceAccounts": ["agent-us-east-1", "brain-us-east-1"],
            "role": "arn:aws:iam::123456789012:role/agency-example-com-dev-us-east-1",
        }
    ]


@pytest.fixture(scope="module", params=["context", "looked up", "given"])
def irsa(request: pytest.FixtureRequest) -> Recording:
    region = {
        "context": context(US, {"oidcProviderArn": PROVIDER}),
        "looked up": eks(US),
        "given": endpoint(US) | {"cluster": {**endpoint(US)["cluster"], "oidcProviderArn": PROVIDER}},
    }[request.param]
    return record(stack(regions=[region], identity="irsa", companies=["acme", "globex"]))


def test_irsa_has_a_role_for_each_company_and_region(irsa: Recording) -> None:
    irsa.assert_none(ASSOCIATION)
    assert names(irsa.of(ROLE)) == ["acme-sidecars@us-east-1-role", "globex-sidecars@us-east-1-role"]
    role = irsa.named("acme-sidecars@us-east-1-role")
    assert role.inputs["name"].startswith("acme-us-east-1-")
    assert {resource.name.removesuffix("-policy") for resource in irsa.of(ROLE_POLICY)} == {
        resource.name.removesuffix("-role") for resource in irsa.of(ROLE)
    }
    assert irsa.warnings == []


def test_irsa_annotates_the_service_accounts_with_their_company_s_role(irsa: Recording) -> None:
    for company in ("acme", "globex"):
        role = irsa.named(f"{company}-sidecars@us-east-1-role").outputs["arn"]
        for name in ("agent-us-east-1", "brain-us-east-1"):
            account = irsa.manifest(SERVICE_ACCOUNT, name, namespace=company)
            assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": role}


def test_irsa_trusts_two_service_accounts_of_one_namespace(irsa: Recording) -> None:
    trust = trust_of(irsa, "acme-sidecars@us-east-1-role")
    provider = trust["Statement"][0]["Principal"]["Federated"]
    issuer = provider.partition(":oidc-provider/")[2]
    accounts = [
        f"system:serviceaccount:{namespace}:{account}"
        for namespace in ("acme", "globex", "default")
        for account in ("agent-us-east-1", "brain-us-east-1", "agent-eu-west-1", "default")
    ]
    trusted = [
        subject
        for subject in accounts
        if allows(
            trust,
            Request(
                action="sts:AssumeRoleWithWebIdentity",
                resource="*",
                principal=f"Federated:{provider}",
                context={f"{issuer}:sub": subject, f"{issuer}:aud": "sts.amazonaws.com"},
            ),
        )
    ]
    assert trusted == [
        "system:serviceaccount:acme:agent-us-east-1",
        "system:serviceaccount:acme:brain-us-east-1",
    ]


def test_irsa_trusts_the_provider_that_the_settings_or_eks_name() -> None:
    run = record(stack(regions=[context(US, {"oidcProviderArn": PROVIDER})], identity="irsa"))
    trust = trust_of(run, "acme-sidecars@us-east-1-role")
    assert trust["Statement"][0]["Principal"] == {"Federated": PROVIDER}
    assert trust["Statement"][0]["Condition"]["StringEquals"][f"{ISSUER}:aud"] == "sts.amazonaws.com"
    found = record(stack(identity="irsa"))
    provider = trust_of(found, "acme-sidecars@us-east-1-role")["Statement"][0]["Principal"]["Federated"]
    assert provider.startswith("arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/")


def test_irsa_without_a_provider_allows_nobody_and_lists_what_to_create() -> None:
    run = record(stack(regions=[endpoint(US)], identity="irsa"))
    (statement,) = trust_of(run, "acme-sidecars@us-east-1-role")["Statement"]
    assert statement["Effect"] == "Deny"
    assert any("cluster.oidcProviderArn" in text for text in run.warnings)
    assert run.outputs["identityToCreate"] == [
        {
            "cluster": "eks-us-east-1-blue",
            "namespace": "acme",
            "serviceAccounts": ["agent-us-east-1", "brain-us-east-1"],
            "role": run.named("acme-sidecars@us-east-1-role").outputs["arn"],
        }
    ]


def test_irsa_roles_reach_only_their_company_whatever_its_name_is() -> None:
    shared = {"oidcProviderArn": PROVIDER}
    regions = [context(US, shared), context(EU, shared), eks("us-west-2", "green", active=False)]
    run = record(many_companies(identity="irsa", regions=regions))
    tenancy_rules.roles_reach_only_their_company(run)
    tenancy_rules.roles_list_nothing_above_their_company(run)
    tenancy_rules.companies_mention_only_themselves(run)


def test_without_replication_there_is_no_role_no_bucket_and_no_gap() -> None:
    run = record(stack(regions=[context(US)], replication={"enabled": False}))
    assert [
        resource.name for resource in run if resource.type.startswith(("aws:s3", "aws:iam", "aws:eks"))
    ] == []
    assert "identityToCreate" not in run.outputs
    assert run.warnings == []
    assert run.outputs["regions"][US]["bucket"] is None
    assert run.outputs["companies"] == {"acme": f"acme.{DOMAIN}"}
