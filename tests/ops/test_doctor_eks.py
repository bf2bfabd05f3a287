"""`doctor` on what an EKS cluster needs in the account: an IAM OIDC provider, subnets of load balancers."""

from __future__ import annotations

from typing import Any

import pytest

from ops.doctor.findings import Finding
from ops.doctor.in_account import identity_provider
from ops.doctor.subnets import subnets
from tests.components.stacks import US, context, eks, endpoint
from tests.ops.fake_aws import Answer, findings, refuse

ISSUER = f"oidc.eks.{US}.amazonaws.com/id/0123456789ABCDEF"
PROVIDER = f"arn:aws:iam::111122223333:oidc-provider/{ISSUER}"
CLUSTER = {
    "identity": {"oidc": {"issuer": f"https://{ISSUER}"}},
    "resourcesVpcConfig": {"vpcId": "vpc-1"},
}


def provider(*known: str, cluster: Answer | None = None, **settings: Any) -> list[Finding]:
    """With these providers in the account."""

    def answer(OpenIDConnectProviderArn: str) -> dict[str, Any]:
        return {} if OpenIDConnectProviderArn in known else refuse("NoSuchEntity")

    answers: dict[str, Answer] = {
        "eks.describe_cluster": cluster or {"cluster": CLUSTER},
        "iam.get_open_id_connect_provider": answer,
    }
    return findings(identity_provider, answers, **{"identity": "irsa", **settings})


def test_the_provider_of_a_cluster_that_is_looked_up_is_that_of_its_issuer() -> None:
    [one] = provider(PROVIDER)
    assert one.ok and one.detail == PROVIDER
    [one] = provider()
    assert not one.ok and PROVIDER in one.detail and "NoSuchEntity" in one.detail
    told = f"eksctl utils associate-iam-oidc-provider --cluster blue --region {US} --approve"
    assert told in one.remedy and "oidcProviderArn" not in one.remedy


def test_a_provider_that_the_settings_name_is_looked_for_as_it_is() -> None:
    named = PROVIDER.replace("012", "999")
    region = context(US, {"eksName": "green", "oidcProviderArn": named})
    [one] = provider(named, regions=[region])
    assert one.ok and one.detail == named
    [one] = provider(PROVIDER, regions=[region])
    assert not one.ok and "--cluster green" in one.remedy and "correct cluster.oidcProviderArn" in one.remedy


def test_a_provider_that_the_program_does_not_use_is_not_looked_for() -> None:
    assert provider(identity="pod-identity") == []
    assert provider(regions=[endpoint(US)]) == []
    assert provider(cluster="AccessDeniedException") == []  # `clusters` reports it.


def subnet(number: int, zone: str, block: str, ipv6: str = "") -> dict[str, Any]:
    found = {"SubnetId": f"subnet-{number}", "AvailabilityZone": f"{US}{zone}", "CidrBlock": block}
    associated = {"Ipv6CidrBlock": ipv6, "Ipv6CidrBlockState": {"State": "associated"}}
    return {**found, "Ipv6CidrBlockAssociationSet": [associated] if ipv6 else []}


TWO = [subnet(1, "a", "10.0.0.0/24", "2001:db8::/64"), subnet(2, "b", "10.0.1.0/24", "2001:db8:0:1::/64")]


def chosen(
    live: list[dict[str, Any]], ingress_from: list[str] | None, *, family: str = "ipv4", **settings: Any
) -> Finding:
    cluster = {**CLUSTER, "kubernetesNetworkConfig": {"ipFamily": family}}
    answers: dict[str, Answer] = {
        "eks.describe_cluster": {"cluster": cluster},
        "ec2.describe_subnets": {"Subnets": live},
    }
    [one] = findings(subnets, answers, regions=[eks(US) | {"ingressFrom": ingress_from}], **settings)
    return one


@pytest.mark.parametrize("scheme", ["internal", "internet-facing"])
def test_subnets_without_the_tag_are_missing_also_where_the_settings_name_networks(scheme: str) -> None:
    one = chosen([], ["10.0.0.0/16"], ingress={"scheme": scheme})
    tag = "kubernetes.io/role/internal-elb" if scheme == "internal" else "kubernetes.io/role/elb"
    assert not one.ok and f"0 in vpc-1 have the tag {tag}" in one.detail


@pytest.mark.parametrize(
    ("ingress_from", "family", "outside"),
    [
        (None, "ipv4", ""),
        (["10.0.0.0/16"], "ipv4", ""),
        (["10.0.1.0/24", "10.0.0.0/25", "10.0.0.128/25"], "ipv4", ""),
        (["10.0.0.0/24"], "ipv4", "10.0.1.0/24"),
        (["10.0.0.0/24", "10.0.1.0/25"], "ipv4", "10.0.1.0/24"),
        (["10.1.0.0/16"], "ipv4", "10.0.0.0/24, 10.0.1.0/24"),
        (["10.0.0.0/16"], "ipv6", "2001:db8:0:1::/64, 2001:db8::/64"),
        (["2001:db8::/48"], "ipv6", ""),
    ],
)
def test_pods_must_admit_each_subnet_s_network_of_their_family(
    ingress_from: list[str] | None, family: str, outside: str
) -> None:
    one = chosen(TWO, ingress_from, family=family)
    assert one.ok is not bool(outside)
    assert not outside or one.detail.startswith(f"ingressFrom does not have {outside}:")
    assert not outside or f"add {outside} to regions[].ingressFrom" in one.remedy
