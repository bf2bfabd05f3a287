"""What a role opens, judged by its policies as they are deployed: where no S3 evaluates them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.aws.emulator import Emulator
from ops.aws import AwsAccess
from ops.probing.failure import Failure
from ops.stack import Stack
from ops.stack_file import read
from ops.validation import role_policies
from ops.validation.pod_target import PodTarget
from ops.validation.results import Status
from ops.validation.target import Limits
from plan.iam import bucket_arn, gate_access, pod_identity_trust
from plan.names import RoleNames
from settings import from_config
from tests.ops.snapshots import EU, US, stack_file
from tests.validation.fake_cluster import FakeCluster

ROLES = {each: RoleNames(domain="agency.test", stack="judged").gate(US, each) for each in ("agent", "brain")}
ROLE = ROLES["agent"]
"""The first that is judged."""


@pytest.fixture
def iam(emulator: Emulator) -> Iterator[Any]:
    client = boto3.client("iam", region_name=US, **emulator.credentials())
    for component, role in ROLES.items():
        trust = pod_identity_trust([f"{component}-{US}"], f"arn:aws:eks:{US}:123456789012:cluster/blue")
        client.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
    yield client
    for role in ROLES.values():
        for name in client.list_role_policies(RoleName=role)["PolicyNames"]:
            client.delete_role_policy(RoleName=role, PolicyName=name)
        for policy in client.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            client.detach_role_policy(RoleName=role, PolicyArn=policy["PolicyArn"])
            client.delete_policy(PolicyArn=policy["PolicyArn"])
        client.delete_role(RoleName=role)


@pytest.fixture
def targets(emulator: Emulator, tmp_path: Path) -> list[PodTarget]:
    """Of companies whose names are those of folders: a careless wildcard opens all to them."""
    file = stack_file(tmp_path, "judged", regions=[US, EU], companies=["brain", "acme"])
    config, _ = read(file)
    known = Stack(name="judged", file=file, settings=from_config(config, "judged"))
    cluster: Any = FakeCluster((US, EU))
    found = [
        PodTarget(known, company, US, cluster, tmp_path, Limits()) for company in known.settings.companies
    ]
    for target in found:
        target.aws = AwsAccess(local=True, arguments=emulator.credentials())
    return found


def deploy(iam: Any, targets: list[PodTarget]) -> dict[str, Any]:
    """What `pulumi up` deploys. Returns the document of ROLE."""
    buckets = {region: targets[0].stack.bucket(region) for region in (US, EU)}
    documents = {each: gate_access(region=US, component=each, buckets=buckets, keys={}) for each in ROLES}
    for component, document in documents.items():
        put(iam, document, ROLES[component])
    return documents["agent"]


def put(iam: Any, document: dict[str, Any], role: str = ROLE) -> None:
    iam.put_role_policy(RoleName=role, PolicyName="replication", PolicyDocument=json.dumps(document))


def test_the_platform_s_own_policy_opens_nothing_of_another(iam: Any, targets: list[PodTarget]) -> None:
    deploy(iam, targets)
    verdict = role_policies.evaluate(targets[0], targets[1:])
    assert verdict.status is Status.PASSED
    assert verdict.detail.startswith(
        f"judged by the deployed policies of the roles {ROLE} and {ROLES['brain']}"
    )


@pytest.mark.parametrize("how", ["wildcard", "no prefix", "attached"])
def test_a_policy_that_opens_more_is_found(how: str, iam: Any, targets: list[PodTarget]) -> None:
    document = deploy(iam, targets)
    arn = bucket_arn(targets[0].stack.bucket(EU))
    if how == "wildcard":
        # `*` matches `/`: for the company `brain` this is everyone's Brain.
        tag = "${aws:PrincipalTag/kubernetes-namespace}"
        more = {"Sid": "x", "Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{arn}/*/{tag}/*"}
    else:
        more = {"Sid": "x", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": arn}
    if how == "attached":
        document_text = json.dumps({"Version": "2012-10-17", "Statement": [more]})
        created = iam.create_policy(PolicyName="more", PolicyDocument=document_text)
        iam.attach_role_policy(RoleName=ROLE, PolicyArn=created["Policy"]["Arn"])
    else:
        put(iam, {**document, "Statement": [*document["Statement"], more]})
    wanted = f"a company can read another's snapshots: the role {ROLE} allows brain in {US} s3:"
    with pytest.raises(Failure, match=wanted):
        role_policies.evaluate(targets[0], targets[1:])


@pytest.mark.parametrize("component", ROLES)
def test_a_policy_that_opens_the_other_component_is_found(
    component: str, iam: Any, targets: list[PodTarget]
) -> None:
    deploy(iam, targets)
    (other,) = set(ROLES) - {component}
    arn = bucket_arn(targets[0].stack.bucket(US))
    both = gate_access(region=US, component=component, buckets={US: targets[0].stack.bucket(US)}, keys={})
    tag = "${aws:PrincipalTag/kubernetes-namespace}"
    more = {
        "Sid": "x",
        "Effect": "Allow",
        "Action": "s3:PutObject",
        "Resource": f"{arn}/{US}/{tag}/{other}/*",
    }
    put(iam, {**both, "Statement": [*both["Statement"], more]}, ROLES[component])
    with pytest.raises(Failure, match=f"the {component} can reach snapshots of the {other}"):
        role_policies.evaluate(targets[0], targets[1:])


def test_a_policy_that_opens_nothing_at_all_is_no_proof(iam: Any, targets: list[PodTarget]) -> None:
    with pytest.raises(Failure, match="does not let brain in us-east-1 read its own prefix"):
        role_policies.evaluate(targets[0], targets[1:])


def test_a_condition_that_nobody_knows_is_not_passed_over(iam: Any, targets: list[PodTarget]) -> None:
    document = deploy(iam, targets)
    odd = {"Sid": "x", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    odd["Condition"] = {"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}  # type: ignore[assignment]
    put(iam, {**document, "Statement": [*document["Statement"], odd]})
    with pytest.raises(Failure, match="cannot be judged: condition DateLessThan"):
        role_policies.evaluate(targets[0], targets[1:])
