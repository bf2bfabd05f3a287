"""The policies about KMS keys: each break is reported."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policy_pack.running import run
from tests.components.stacks import EU, US, eks, stack
from tests.policy_pack.changes import inputs
from tests.policy_pack.edits import Change, destination, replication, rights
from tests.recording import BUCKET_ENCRYPTION, CONFIG_MAP, record

KEYS = {region: f"arn:aws:kms:{region}:111122223333:key/0123" for region in (US, EU)}
OTHER = KEYS[US].replace("0123", "other")
THROUGH_S3 = {"StringEquals": {"kms:ViaService": [f"s3.{US}.amazonaws.com"]}}


def encryption(**rule: Any) -> Change:
    return inputs(BUCKET_ENCRYPTION, lambda props: props["rules"][0].update(rule))


def default(**values: Any) -> Change:
    return encryption(applyServerSideEncryptionByDefault={"sseAlgorithm": "aws:kms", **values})


def without_keys(props: dict[str, Any]) -> None:
    props["data"]["settings.json"] = json.dumps({**json.loads(props["data"]["settings.json"]), "kmsKeys": {}})


BREAKS: dict[str, Change] = {
    "a key of another region": default(kmsMasterKeyId=KEYS[US]),  # The first is eu-west-1's.
    "S3's key of the account": default(),
    "a request to KMS for each object": encryption(bucketKeyEnabled=False),
    "encrypted objects are not copied": replication(sourceSelectionCriteria=None),
    "copies with another key": destination(encryptionConfiguration={"replicaKmsKeyId": OTHER}),
    "a key that is no bucket's": rights(Action="kms:Decrypt", Resource=OTHER, Condition=THROUGH_S3),
    "every key": rights(Action="kms:Decrypt", Resource="*", Condition=THROUGH_S3),
    "a key without S3": rights(Action="kms:Decrypt", Resource=KEYS[US]),
    "writing with another region's key": rights(
        Action="kms:GenerateDataKey", Resource=KEYS[EU], Condition=THROUGH_S3
    ),
    "administering a key": rights(Action="kms:PutKeyPolicy", Resource=KEYS[US], Condition=THROUGH_S3),
    "administering a key for S3": rights(
        "replication-policy", Action="kms:PutKeyPolicy", Resource=KEYS[US], Condition=THROUGH_S3
    ),
    "a gate that does not know the key": inputs(CONFIG_MAP, without_keys, "acme-brain@us-east-1-config"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_break_is_reported(name: str) -> None:
    regions = [eks(each, kmsKeyArn=key) for each, key in KEYS.items()]
    registrations = dict(record(stack(regions=regions)).by_urn)
    BREAKS[name](registrations)

    assert run(registrations).violations, name
