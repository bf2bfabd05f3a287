"""`deployer-policy` against the resources that stacks render: each may be made, and nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name

from ops.__main__ import main
from ops.deployer_policy import made_by
from ops.stack import Stack
from plan.deployer import DOCTOR, LOOKUPS, NEEDS, Made, deployer_policy, unknown, zone_policy
from plan.iam_evaluator import Request, allows
from plan.limits import MANAGED_POLICY
from policy_pack.kinds import KINDS
from tests.components.stacks import EU, US, eks, many_companies, stack
from tests.recording import BUCKET, RECORD, ROLE, ROOT, Recording, record, record_file

STACKS = sorted(ROOT.glob("Pulumi.*.yaml"))
BOUNDARY = "arn:aws:iam::111122223333:policy/boundary"
ORGANISATION: dict[str, Any] = {
    "namePrefix": "acme-agents",
    "rolePath": "/agency/",
    "permissionsBoundary": BOUNDARY,
    "identity": "irsa",
    "alarms": {"emails": ["ops@example.com"]},
    "replication": {"objectLock": {"mode": "governance", "days": 30}},
}
RECORDINGS = {
    **{file.name: lambda file=file: record_file(file) for file in STACKS},
    "looked up": lambda: record(stack(regions=[{"name": US, "cluster": {"eks": "blue"}}])),
    "organisation": lambda: record(stack(regions=[eks(US), eks(EU)], **ORGANISATION)),
    "zone elsewhere": lambda: record(stack(hostedZoneRoleArn="arn:aws:iam::444455556666:role/dns")),
    "external-dns": lambda: record(stack(loadBalancing={"manager": "external-dns"})),
    "accelerated": lambda: record(
        stack(
            regions=[eks(US), eks(EU)], loadBalancing={"policy": "latency", "manager": "global-accelerator"}
        )
    ),
    "many": lambda: record(many_companies()),
}


def made(run: Recording, name: str) -> Made:
    known = Stack(name=name, file=Path("Pulumi.yaml"), settings=run.settings)
    return made_by(known, run.recorder)


@pytest.fixture(params=RECORDINGS)
def run(request: pytest.FixtureRequest) -> tuple[Recording, str]:
    found: Recording = RECORDINGS[request.param]()  # type: ignore[no-untyped-call]
    name = request.param.split(".")[1] if "Pulumi." in request.param else "dev"
    return found, name


def test_every_resource_and_every_lookup_of_a_stack_has_its_actions(run: tuple[Recording, str]) -> None:
    assert unknown(made(*run)) == []


def test_every_kind_of_resource_that_the_program_makes_is_in_the_table() -> None:
    assert {kind for kind in KINDS if kind.startswith("aws:")} == NEEDS.keys()


def test_what_is_in_no_table_is_reported() -> None:
    strange = Made(
        types=["aws:sqs/queue:Queue"], functions=["aws:a/b:c"], buckets=[], roles=[], zones=[], prefix=""
    )
    assert unknown(strange) == ["aws:sqs/queue:Queue", "aws:a/b:c"]


def test_the_policy_covers_each_resource_and_is_short_enough(run: tuple[Recording, str]) -> None:
    recording, _ = run
    found = made(*run)
    document = deployer_policy(found)
    assert len(json.dumps(document, separators=(",", ":"))) <= MANAGED_POLICY.most
    limits = {"iam:PermissionsBoundary": found.boundary or ""}
    for each in recording.of(BUCKET):
        asked = Request(action="s3:PutBucketTagging", resource=f"arn:aws:s3:::{each.inputs['bucket']}")
        assert allows(document, asked)
    for each in recording.of(ROLE):
        arn = f"arn:aws:iam::111122223333:role{each.inputs.get('path', '/')}{each.inputs['name']}"
        for action in ("iam:CreateRole", "iam:PutRolePolicy", "iam:PassRole", "iam:DeleteRole"):
            assert allows(document, Request(action=action, resource=arn, context=limits)), (action, arn)
    for each in recording.of(RECORD):
        zone = f"arn:aws:route53:::hostedzone/{each.inputs['zoneId']}"
        asked = Request(action="route53:ChangeResourceRecordSets", resource=zone)
        assert allows(zone_policy(found) if found.zone_role else document, asked)


def test_the_policy_allows_nothing_of_others(run: tuple[Recording, str]) -> None:
    document = deployer_policy(made(*run))
    for action, resource in (
        ("s3:DeleteBucket", "arn:aws:s3:::somebody-else"),
        ("s3:GetObject", "arn:aws:s3:::agency-example-com-dev-us-east-1/x"),
        ("iam:PutRolePolicy", "arn:aws:iam::111122223333:role/admin"),
        ("iam:AttachRolePolicy", "arn:aws:iam::111122223333:role/agency-example-com-dev-us-east-1"),
        ("route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z0OTHER"),
        ("iam:CreateUser", "*"),
        ("kms:Decrypt", "*"),
    ):
        assert not allows(document, Request(action=action, resource=resource)), action


def test_roles_are_created_with_the_boundary_alone() -> None:
    run = RECORDINGS["organisation"]()  # type: ignore[no-untyped-call]
    document = deployer_policy(made(run, "dev"))
    [role, *_] = [each.inputs["name"] for each in run.of(ROLE)]
    arn = f"arn:aws:iam::111122223333:role/agency/{role}"
    for boundary, allowed in ((BOUNDARY, True), ("arn:aws:iam::111122223333:policy/other", False)):
        context = {"iam:PermissionsBoundary": boundary}
        for action in ("iam:CreateRole", "iam:PutRolePermissionsBoundary"):
            asked = Request(action=action, resource=arn, context=context)
            assert allows(document, asked) is allowed


def test_a_zone_elsewhere_needs_a_role_to_assume_and_no_right_to_the_zone() -> None:
    found = made(RECORDINGS["zone elsewhere"](), "dev")  # type: ignore[no-untyped-call]
    document, of_zone = deployer_policy(found), zone_policy(found)
    zone = "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ"
    change = Request(action="route53:ChangeResourceRecordSets", resource=zone)
    assume = Request(action="sts:AssumeRole", resource="arn:aws:iam::444455556666:role/dns")
    assert (allows(document, change), allows(of_zone, change)) == (False, True)
    assert allows(document, assume) and not allows(document, Request(action="sts:AssumeRole", resource="a"))


def test_no_statement_is_without_actions() -> None:
    found = made(RECORDINGS["zone elsewhere"](), "dev")  # type: ignore[no-untyped-call]
    for each in (found, replace(found, boundary=BOUNDARY)):
        for document in (deployer_policy(each), zone_policy(each)):
            assert all(statement["Action"] for statement in document["Statement"])


def test_every_action_is_one_that_aws_knows() -> None:
    from botocore.loaders import Loader

    loader, services = (
        Loader(),
        [
            "acm",
            "cloudwatch",
            "ec2",
            "ecr",
            "eks",
            "elbv2",
            "globalaccelerator",
            "iam",
            "kms",
            "route53",
            "sns",
        ],
    )
    prefixes = {"elbv2": "elasticloadbalancing"}
    known = {
        f"{prefixes.get(service, service)}:{operation}"
        for service in services
        for operation in loader.load_service_model(service, "service-2")["operations"]
    }
    needs = [*NEEDS.values(), *LOOKUPS.values(), DOCTOR]
    actions = {action for each in needs for what in each for action in each[what].split()}
    # IAM alone decides about these; S3's actions have names of their own.
    assert {each for each in actions if not each.startswith("s3:")} - known == {"iam:PassRole"}


def test_the_deployer_may_read_what_the_doctor_asks() -> None:
    """The doctor's calls, by the names of boto3's methods in its sources."""
    sources = "".join(path.read_text() for path in (ROOT / "ops" / "doctor").glob("*.py"))
    called = set(re.findall(r"\.((?:get|describe|list|simulate)_[a-z0-9_]+)\(", sources))
    listed = set(re.findall(r'get_paginator\("(\w+)"\)', sources))
    known = {action for each in (*NEEDS.values(), DOCTOR) for what in each for action in each[what].split()}
    methods = {xform_name(action.partition(":")[2]) for action in known}
    nobody_s = {"get_caller_identity", "get_paginator"}
    assert (called | listed) - methods - nobody_s == set()


def test_the_command_prints_the_policy(capsys: pytest.CaptureFixture[str]) -> None:
    file = ROOT / "Pulumi.prod.yaml"
    assert main(["deployer-policy", "--config", str(file)]) == 0
    assert json.loads(capsys.readouterr().out) == deployer_policy(made(record_file(file), "prod"))
    assert main(["deployer-policy", "--config", str(file), "--zone"]) == 2
    assert "hostedZoneRoleArn" in capsys.readouterr().err


def test_a_policy_that_is_too_long_for_a_managed_one_is_reported_with_the_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-west-2", "eu-west-3"]
    file = tmp_path / "Pulumi.dev.yaml"
    raw = stack(regions=[eks(name) for name in names], **{**ORGANISATION, "rolePath": "/agency/teams/"})
    config = {f"digital-agency:{key}": value for key, value in raw.items()}
    file.write_text(json.dumps({"config": config}), encoding="utf-8")
    assert main(["deployer-policy", "--config", str(file)]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)
    assert "but 6144 characters in a managed policy" in said.err and "put-role-policy" in said.err
