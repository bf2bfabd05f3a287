"""IRSA: a role for each company, component and region, and whom it trusts."""

from __future__ import annotations

from itertools import product

import pytest

from plan.iam_evaluator import Request, allows
from tests.components import tenancy_rules
from tests.components.stacks import EU, US, context, eks, endpoint, many_companies, stack
from tests.components.test_replica_access import KINDS, trust_of
from tests.recording import ASSOCIATION, ROLE, ROLE_POLICY, SERVICE_ACCOUNT, Recording, names, record

PROVIDER = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABCDEF"
ISSUER = PROVIDER.partition("/")[2]


@pytest.fixture(scope="module", params=["context", "looked up", "given"])
def irsa(request: pytest.FixtureRequest) -> Recording:
    region = {
        "context": context(US, {"oidcProviderArn": PROVIDER}),
        "looked up": eks(US),
        "given": endpoint(US) | {"cluster": {**endpoint(US)["cluster"], "oidcProviderArn": PROVIDER}},
    }[request.param]
    return record(stack(regions=[region], identity="irsa", companies=["acme", "globex"]))


def test_irsa_has_a_role_for_each_company_component_and_region(irsa: Recording) -> None:
    irsa.assert_none(ASSOCIATION)
    assert names(irsa.of(ROLE)) == [
        f"{company}-{kind}-access@us-east-1-role" for company in ("acme", "globex") for kind in KINDS
    ]
    own = {irsa.named(f"acme-{kind}-access@us-east-1-role").inputs["name"] for kind in KINDS}
    assert len(own) == 2 and all(name.startswith("acme-us-east-1-") for name in own)
    assert {resource.name.removesuffix("-policy") for resource in irsa.of(ROLE_POLICY)} == {
        resource.name.removesuffix("-role") for resource in irsa.of(ROLE)
    }
    assert irsa.warnings == []


def test_irsa_annotates_the_service_accounts_with_their_company_s_role(irsa: Recording) -> None:
    for company, kind in product(("acme", "globex"), KINDS):
        role = irsa.named(f"{company}-{kind}-access@us-east-1-role").outputs["arn"]
        account = irsa.manifest(SERVICE_ACCOUNT, f"{kind}-us-east-1", namespace=company)
        assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": role}


@pytest.mark.parametrize("kind", KINDS)
def test_irsa_trusts_one_service_account_of_one_namespace(irsa: Recording, kind: str) -> None:
    trust = trust_of(irsa, f"acme-{kind}-access@us-east-1-role")
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
    assert trusted == [f"system:serviceaccount:acme:{kind}-us-east-1"]


def test_irsa_trusts_the_provider_that_the_settings_or_eks_name() -> None:
    run = record(stack(regions=[context(US, {"oidcProviderArn": PROVIDER})], identity="irsa"))
    trust = trust_of(run, "acme-brain-access@us-east-1-role")
    assert trust["Statement"][0]["Principal"] == {"Federated": PROVIDER}
    assert trust["Statement"][0]["Condition"]["StringEquals"][f"{ISSUER}:aud"] == "sts.amazonaws.com"
    found = record(stack(identity="irsa"))
    provider = trust_of(found, "acme-brain-access@us-east-1-role")["Statement"][0]["Principal"]["Federated"]
    assert provider.startswith("arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/")


def test_irsa_without_a_provider_allows_nobody_and_lists_what_to_create() -> None:
    run = record(stack(regions=[endpoint(US)], identity="irsa"))
    (statement,) = trust_of(run, "acme-brain-access@us-east-1-role")["Statement"]
    assert statement["Effect"] == "Deny"
    assert any("cluster.oidcProviderArn" in text for text in run.warnings)
    assert run.outputs["identityToCreate"] == [
        {
            "cluster": "eks-us-east-1-blue",
            "namespace": "acme",
            "serviceAccounts": [f"{kind}-us-east-1"],
            "role": run.named(f"acme-{kind}-access@us-east-1-role").outputs["arn"],
        }
        for kind in KINDS
    ]


def test_irsa_roles_reach_only_their_company_whatever_its_name_is() -> None:
    shared = {"oidcProviderArn": PROVIDER}
    regions = [context(US, shared), context(EU, shared), eks("us-west-2", "green", active=False)]
    run = record(many_companies(identity="irsa", regions=regions))
    tenancy_rules.roles_reach_only_their_company(run)
    tenancy_rules.roles_list_nothing_above_their_component(run)
    tenancy_rules.companies_mention_only_themselves(run)
