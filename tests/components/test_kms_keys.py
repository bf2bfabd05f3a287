"""KMS keys of the regions: what they encrypt, how copies are made, and who may use them."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from plan.iam_evaluator import Request, allows
from policy_pack.running import run as judge
from tests.components.stacks import EU, US, WEST, eks, stack
from tests.recording import BUCKET_ENCRYPTION, BUCKET_REPLICATION, CONFIG_MAP, ROLE_POLICY, Recording, record

KEYS = {region: f"arn:aws:kms:{region}:111122223333:key/{region}-0123" for region in (US, EU, WEST)}


def with_keys(**settings: Any) -> Recording:
    return record(stack(regions=[eks(each, kmsKeyArn=key) for each, key in KEYS.items()], **settings))


@pytest.fixture(scope="module", params=["pod-identity", "irsa"])
def run(request: pytest.FixtureRequest) -> Recording:
    return with_keys(identity=request.param)


def may(document: Any, action: str, key: str, through: str) -> bool:
    asked = Request(action=f"kms:{action}", resource=key, context={"kms:ViaService": through})
    return allows(document, asked)


def uses(run: Recording, role_policy: str) -> set[tuple[str, str]]:
    """Actions and regions whose key a role may use through S3, in that region alone."""
    document = json.loads(run.named(role_policy, ROLE_POLICY).inputs["policy"])
    found = set()
    for action, (region, key) in product(
        ("Decrypt", "Encrypt", "GenerateDataKey", "ReEncryptTo"), KEYS.items()
    ):
        if may(document, action, key, f"s3.{region}.amazonaws.com"):
            found.add((action, region))
        for other in (f"secretsmanager.{region}.amazonaws.com", "s3.sa-east-1.amazonaws.com"):
            assert not may(document, action, key, other)
        assert not may(document, action, f"{key}9", f"s3.{region}.amazonaws.com")
    return found


def test_each_bucket_has_its_region_s_key(run: Recording) -> None:
    for bucket in run.of(BUCKET_ENCRYPTION):
        [rule] = bucket.inputs["rules"]
        default = rule["applyServerSideEncryptionByDefault"]
        assert default == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEYS[bucket.inputs["region"]]}
        assert rule["bucketKeyEnabled"] is True


def test_copies_of_encrypted_objects_have_the_key_of_their_bucket(run: Recording) -> None:
    rules = [rule for each in run.of(BUCKET_REPLICATION) for rule in each.inputs["rules"]]
    assert len(rules) == 6
    for rule in rules:
        assert rule["sourceSelectionCriteria"] == {"sseKmsEncryptedObjects": {"status": "Enabled"}}
        [region] = [region for region in KEYS if rule["destination"]["bucket"].endswith(region)]
        assert rule["destination"]["encryptionConfiguration"] == {"replicaKmsKeyId": KEYS[region]}


def test_the_role_of_replication_decrypts_sources_and_encrypts_copies() -> None:
    regions = [
        eks(US, kmsKeyArn=KEYS[US], replicateTo=[EU]),
        eks(EU, kmsKeyArn=KEYS[EU], replicateTo=[]),
        eks(WEST, kmsKeyArn=KEYS[WEST], replicateTo=[]),
    ]
    found = uses(record(stack(regions=regions)), "replication-policy")
    assert found == {
        ("Decrypt", US), ("GenerateDataKey", US), ("Decrypt", EU), ("Encrypt", EU), ("GenerateDataKey", EU),
    }  # fmt: skip


def test_gates_encrypt_with_their_own_region_s_key_and_decrypt_with_all(run: Recording) -> None:
    gates = [each for each in run.of(ROLE_POLICY) if each.name != "replication-policy"]
    assert len(gates) >= 6
    for gate in gates:
        [region] = [region for region in KEYS if region in gate.name]
        assert uses(run, gate.name) == {("GenerateDataKey", region), *(("Decrypt", each) for each in KEYS)}


def test_gates_know_the_keys_of_the_buckets(run: Recording) -> None:
    texts = [each.inputs.get("data", {}).get("settings.json", "") for each in run.of(CONFIG_MAP)]
    gates = [json.loads(text) for text in texts if "syncInterval" in text]
    assert gates and all(gate["kmsKeys"] == KEYS for gate in gates)


def test_without_keys_s3_s_own_keys_encrypt_and_nobody_needs_a_right() -> None:
    plain = record(stack(regions=[eks(US), eks(EU)]))
    for policy in plain.of(ROLE_POLICY):
        assert "kms:" not in policy.inputs["policy"]
    for each in plain.of(BUCKET_REPLICATION):
        for rule in each.inputs["rules"]:
            assert "sourceSelectionCriteria" not in rule


def test_the_policies_hold(run: Recording) -> None:
    assert list(map(str, judge(run.by_urn).violations)) == []
