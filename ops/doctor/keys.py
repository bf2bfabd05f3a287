"""Whether the KMS keys of the regions exist, and whether IAM decides who may use them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from ops.aws import AwsAccess
from ops.doctor.findings import Finding, is_absent, missing, present, reason_of, unknown
from ops.stack import Stack

WHAT = "KMS key"
USES = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey")


def kms_keys(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    if not stack.settings.replication.enabled:
        return
    for region, arn in stack.settings.kms_keys.items():
        kms = access.client("kms", region)
        try:
            key = kms.describe_key(KeyId=arn)["KeyMetadata"]
        except ClientError as error:
            if is_absent(error):
                remedy = "set regions[].kmsKeyArn to a key that exists"
                yield missing(region, WHAT, f"{arn}: {reason_of(error)}", remedy)
            else:
                yield unknown(region, f"{WHAT} {arn}", error, "kms:DescribeKey, also in the key's policy")
            continue
        if problem := _unusable(key):
            yield missing(region, WHAT, f"{arn}: it is {problem}", "name a symmetric key that is enabled")
            continue
        yield from _left_to_iam(access, region, arn, kms)


def _unusable(key: Mapping[str, Any]) -> str:
    """What is wrong with a key; empty where S3 can encrypt with it."""
    if key["KeyState"] != "Enabled":
        return str(key["KeyState"])
    spec = key.get("KeySpec", "SYMMETRIC_DEFAULT")
    if spec != "SYMMETRIC_DEFAULT" or key.get("KeyUsage", "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT":
        return f"{spec} for {key.get('KeyUsage')}"
    return "" if key.get("KeyManager", "CUSTOMER") == "CUSTOMER" else "managed by AWS"


def _left_to_iam(access: AwsAccess, region: str, arn: str, kms: Any) -> Iterator[Finding]:
    """The stack's roles get their rights from IAM, which a key's policy must allow."""
    account = access.identity["Account"]
    if (owner := arn.split(":")[4]) != account:
        detail = f"{arn}: enabled; its policy, which must name {account}, can be read in {owner} alone"
        yield present(region, WHAT, detail)
        return
    try:
        policy = json.loads(kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])
    except ClientError as error:
        problem = f"{arn}: enabled; its policy cannot be read: {reason_of(error)}"
        yield missing(region, WHAT, problem, "allow kms:GetKeyPolicy, then repeat the command")
        return
    if any(_delegates(each, account) for each in policy["Statement"]):
        yield present(region, WHAT, f"{arn}: enabled, and IAM of {account} decides who uses it")
        return
    problem = f"{arn}: its policy does not let IAM of {account} decide who uses it"
    remedy = f"allow {', '.join(USES)} to arn:aws:iam::{account}:root in the key's policy"
    yield missing(region, WHAT, problem, remedy)


def _delegates(statement: Mapping[str, Any], account: str) -> bool:
    principal = statement.get("Principal")
    named = principal.get("AWS", []) if isinstance(principal, Mapping) else principal
    names = {named} if isinstance(named, str) else set(named or ())
    actions = statement.get("Action", [])
    allowed = {actions} if isinstance(actions, str) else set(actions)
    return (
        statement.get("Effect") == "Allow"
        and bool(names & {"*", account, f"arn:aws:iam::{account}:root"})
        and (bool(allowed & {"*", "kms:*"}) or all(_covers(allowed, use) for use in USES))
    )


def _covers(allowed: set[str], action: str) -> bool:
    return any(action == each or (each.endswith("*") and action.startswith(each[:-1])) for each in allowed)
