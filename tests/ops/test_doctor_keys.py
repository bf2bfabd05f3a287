"""`doctor` on KMS keys: usable, missing, not to be looked at, left to nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.doctor.findings import Finding
from ops.doctor.keys import kms_keys
from tests.components.stacks import US, eks
from tests.ops.fake_aws import Answer, findings

KEY = f"arn:aws:kms:{US}:111122223333:key/0123"
USABLE = {"KeyState": "Enabled", "KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT"}
ROOT = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*"}


def policy(**statement: Any) -> dict[str, Any]:
    return {"Policy": json.dumps({"Statement": [{**ROOT, **statement}]})}


def look(key: Answer, of_policy: Answer = "AccessDenied", **settings: Any) -> list[Finding]:
    answers: dict[str, Answer] = {"kms.describe_key": key, "kms.get_key_policy": of_policy}
    return findings(kms_keys, answers, **{"regions": [eks(US, kmsKeyArn=KEY)], **settings})


@pytest.mark.parametrize(
    "statement",
    [
        {},
        {"Principal": {"AWS": ["arn:aws:iam::999999999999:root", "111122223333"]}},
        {"Principal": "*", "Action": ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*"]},
    ],
)
def test_a_key_that_iam_decides_over_is_found(statement: dict[str, Any]) -> None:
    [one] = look({"KeyMetadata": USABLE}, policy(**statement))
    assert one.ok and one.place == US and KEY in one.detail


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("NotFoundException", "NotFoundException"),
        ({"KeyMetadata": {**USABLE, "KeyState": "Disabled"}}, "it is Disabled"),
        ({"KeyMetadata": {**USABLE, "KeyState": "PendingDeletion"}}, "it is PendingDeletion"),
        ({"KeyMetadata": {**USABLE, "KeySpec": "RSA_2048"}}, "it is RSA_2048 for ENCRYPT_DECRYPT"),
        ({"KeyMetadata": {**USABLE, "KeyManager": "AWS"}}, "it is managed by AWS"),
    ],
)
def test_a_key_that_s3_cannot_use_is_missing(key: Answer, told: str) -> None:
    [one] = look(key, policy())
    assert not one.ok and told in one.detail and KEY in one.detail


@pytest.mark.parametrize(
    "statement",
    [
        {"Principal": {"AWS": "arn:aws:iam::111122223333:role/admin"}},
        {"Action": ["kms:Describe*", "kms:Put*"]},
        {"Action": ["kms:Decrypt"]},
        {"Effect": "Deny"},
        {"Principal": {"Service": "s3.amazonaws.com"}},
    ],
)
def test_a_key_whose_policy_leaves_nothing_to_iam_is_missing(statement: dict[str, Any]) -> None:
    [one] = look({"KeyMetadata": USABLE}, policy(**statement))
    assert not one.ok and "arn:aws:iam::111122223333:root" in one.remedy


def test_a_policy_that_cannot_be_read_is_reported() -> None:
    [one] = look({"KeyMetadata": USABLE})
    assert not one.ok and "AccessDenied" in one.detail and "kms:GetKeyPolicy" in one.remedy


def test_a_stack_without_keys_or_buckets_asks_nothing() -> None:
    assert look("NotFoundException", regions=[eks(US)]) == []
    assert look("NotFoundException", replication={"enabled": False}) == []
