"""`doctor` never calls missing what it may not look at, or what AWS did not answer; and reads every page."""

from __future__ import annotations

from typing import Any

import pytest

from ops.aws import AwsAccess
from ops.doctor import in_account
from ops.doctor import subnets as load_balancers
from ops.doctor.account_regions import buckets, metadata
from ops.doctor.deployer import access_entries, permissions
from ops.doctor.findings import Finding
from ops.doctor.images import images
from ops.doctor.in_account import Check, _node_repair
from ops.doctor.keys import kms_keys
from ops.stack import Stack
from settings import clusters_of
from tests.components.stacks import US, eks
from tests.ops.fake_aws import Answer, findings

ECR = f"111122223333.dkr.ecr.{US}.amazonaws.com/agency:1.4.2"
CERTIFICATE = f"arn:aws:acm:{US}:111122223333:certificate/1"
KEY = f"arn:aws:kms:{US}:111122223333:key/1"
PROVIDER = "arn:aws:iam::111122223333:oidc-provider/x"
CLUSTER = {"cluster": {"status": "ACTIVE", "version": "1.33", "accessConfig": {"authenticationMode": "API"}}}


def node_repair(stack: Stack, access: AwsAccess) -> Any:
    [plan] = clusters_of(stack.settings)
    return _node_repair(plan, access.client("eks", US))


CHECKS: list[tuple[Check, str, str, dict[str, Any]]] = [
    (in_account.clusters, "eks.describe_cluster", "eks:DescribeCluster", {}),
    (node_repair, "eks.list_nodegroups", "eks:ListNodegroups", {}),
    (
        in_account.certificates,
        "acm.describe_certificate",
        "acm:DescribeCertificate",
        {"certificateArn": CERTIFICATE},
    ),
    (kms_keys, "kms.describe_key", "kms:DescribeKey", {"kmsKeyArn": KEY}),
    (access_entries, "eks.describe_access_entry", "eks:DescribeAccessEntry", {}),
    (permissions, "iam.simulate_principal_policy", "iam:SimulatePrincipalPolicy", {}),
    (images, "ecr.describe_images", "ecr:DescribeImages", {}),
]


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "InternalFailure"])
@pytest.mark.parametrize(("check", "operation", "right", "region"), CHECKS, ids=lambda value: str(value)[:30])
def test_what_aws_does_not_tell_is_not_known(
    code: str, check: Check, operation: str, right: str, region: dict[str, Any]
) -> None:
    answers: dict[str, Answer] = {"eks.describe_cluster": CLUSTER, operation: code}
    images = {"agency": ECR, "rclone": ECR, "python": ECR}
    one, *_ = findings(check, answers, regions=[eks(US, **region)], images=images)
    assert not one.ok and one.detail.startswith(f"not known: {code}")
    assert (right if code != "ThrottlingException" else "later") in one.remedy
    assert "create" not in one.remedy


def test_an_oidc_provider_that_may_not_be_read_is_not_known() -> None:
    region = {"cluster": {"eks": "blue", "oidcProviderArn": PROVIDER}}
    settings = {"regions": [eks(US) | region], "identity": "irsa"}
    for code, told in (("AccessDenied", "not known"), ("NoSuchEntity", "NoSuchEntity")):
        [one] = findings(in_account.identity_provider, {"iam.get_open_id_connect_provider": code}, **settings)
        assert not one.ok and one.detail.startswith(told)


def test_the_next_pages_count_as_well() -> None:
    def instances(**asked: Any) -> dict[str, Any]:
        tokens = "optional" if "NextToken" in asked else "required"
        options = {"HttpTokens": tokens, "HttpPutResponseHopLimit": 1}
        page = {"Reservations": [{"Instances": [{"MetadataOptions": options}]}]}
        return page if "NextToken" in asked else {**page, "NextToken": "2"}

    def groups(**asked: Any) -> dict[str, Any]:
        return {"nodegroups": ["b"]} if "nextToken" in asked else {"nodegroups": ["a"], "nextToken": "2"}

    def group(nodegroupName: str, **_: Any) -> dict[str, Any]:
        return {"nodegroup": {"nodeRepairConfig": {"enabled": nodegroupName == "a"}}}

    [one] = findings(metadata, {"ec2.describe_instances": instances})
    assert not one.ok and "IMDSv1" in one.detail
    [one] = findings(node_repair, {"eks.list_nodegroups": groups, "eks.describe_nodegroup": group})
    assert not one.ok and "off for b" in one.detail


def test_what_iam_denies_on_a_later_page_is_reported() -> None:
    def simulated(ActionNames: list[str], **asked: Any) -> dict[str, Any]:
        decision = "implicitDeny" if "Marker" in asked else "allowed"
        page = {"EvaluationResults": [{"EvalActionName": ActionNames[0], "EvalDecision": decision}]}
        return page if "Marker" in asked else {**page, "Marker": "2", "IsTruncated": True}

    [one] = findings(permissions, {"iam.simulate_principal_policy": simulated})
    assert not one.ok and "may not" in one.detail


def test_a_bucket_counts_as_this_account_s_only_if_it_is() -> None:
    asked = list[dict[str, Any]]()

    def head(**parameters: Any) -> dict[str, Any]:
        asked.append(parameters)
        return {}

    assert all(one.ok for one in findings(buckets, {"s3.head_bucket": head}))
    assert {each["ExpectedBucketOwner"] for each in asked} == {"111122223333"}


def test_the_policy_of_a_key_of_another_account_cannot_be_read_here() -> None:
    key = KEY.replace("111122223333", "999922223333")
    [one] = findings(
        kms_keys,
        {"kms.describe_key": {"KeyMetadata": {"KeyState": "Enabled"}}},
        regions=[eks(US, kmsKeyArn=key)],
    )
    assert one.ok and "must name 111122223333" in one.detail


def subnets(**settings: Any) -> list[Finding]:
    network = {"cluster": {**CLUSTER["cluster"], "resourcesVpcConfig": {"vpcId": "vpc-1"}}}
    answers: dict[str, Answer] = {"eks.describe_cluster": network, "ec2.describe_subnets": {"Subnets": []}}
    return findings(load_balancers.subnets, answers, **settings)


def test_subnets_are_looked_for_where_a_load_balancer_is_made() -> None:
    looked_up = {key: value for key, value in eks(US).items() if key != "ingressFrom"}
    [one] = subnets(regions=[looked_up])
    assert not one.ok and "kubernetes.io/role/elb" in one.detail
    assert subnets(regions=[looked_up], ingress={"className": "nginx"}) == []
