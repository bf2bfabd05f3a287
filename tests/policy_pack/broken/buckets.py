"""Buckets that break a promise."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.components.stacks import US
from tests.policy_pack.changes import Registrations, first, inputs, without
from tests.policy_pack.edits import (
    BUCKET_ARN,
    Change,
    another,
    destination,
    first_lifecycle,
    lifecycle,
    replication,
    statements,
)
from tests.recording import (
    BUCKET,
    BUCKET_ENCRYPTION,
    BUCKET_LIFECYCLE,
    BUCKET_OWNERSHIP,
    BUCKET_POLICY,
    BUCKET_PUBLIC_ACCESS,
    BUCKET_REPLICATION,
    BUCKET_VERSIONING,
)


def one_denies_less(registrations: Registrations) -> None:
    """All buckets but one deny something else, too."""
    denied = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::agency-example-com-dev-eu-west-1/a",
        "Condition": {"Null": {"s3:if-none-match": "true"}},
    }
    for region in ("eu-west-1", "us-west-2"):
        statements(BUCKET_POLICY, "policy", region, lambda own: own.append(denied))(registrations)


Statements = list[dict[str, Any]]


def every_policy(change: Callable[[Statements], Statements]) -> Change:
    """A change of the policies of all buckets."""

    def act(registrations: Registrations) -> None:
        for name in [each.name for each in registrations.values() if each.type == BUCKET_POLICY]:
            props = first(registrations, BUCKET_POLICY, name).inputs
            content = json.loads(props["policy"])
            props["policy"] = json.dumps({**content, "Statement": change(content["Statement"])})

    return act


def without_statement(sid: str) -> Callable[[Statements], Statements]:
    return lambda own: [each for each in own if each["Sid"] != sid]


def under(sid: str) -> Callable[[Statements], Statements]:
    """A statement holds only for sessions with a tag."""
    more = {"StringEquals": {"aws:PrincipalTag/team": "memory"}}
    return lambda own: [
        each | ({"Condition": each["Condition"] | more} if each["Sid"] == sid else {}) for each in own
    ]


def denied(action: str) -> Callable[[Statements], Statements]:
    return lambda own: [
        *own,
        {**own[0], "Action": action, "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
    ]


BROKEN: dict[str, Change] = {
    "bucket: objects expire after a day": lifecycle({"filter": {"prefix": ""}, "expiration": {"days": 1}}),
    "bucket: objects expire on a date": lifecycle({"expiration": {"date": "2027-01-01T00:00:00Z"}}),
    "bucket: objects expire in the first rule": first_lifecycle(expiration={"days": 400}),
    "bucket: old versions live a day": first_lifecycle(noncurrentVersionExpiration={"noncurrentDays": 1}),
    "bucket: old versions are never deleted": first_lifecycle(status="Disabled"),
    "bucket: objects go to an archive": lifecycle({"transitions": [{"days": 1, "storageClass": "GLACIER"}]}),
    "bucket: replication is off": replication(status="Disabled"),
    "bucket: a rule of replication is missing": inputs(
        BUCKET_REPLICATION, lambda props: props["rules"].pop()
    ),
    "bucket: replication is missing": without(BUCKET_REPLICATION),
    "bucket: replication of a part": replication(filter={"prefix": f"{US}/acme/"}),
    "bucket: replication of tagged objects": replication(filter={"tag": {"key": "a", "value": "b"}}),
    "bucket: replication to a foreign bucket": destination(bucket="arn:aws:s3:::elsewhere"),
    "bucket: replication to another account": destination(account="999999999999"),
    "bucket: replication with another role": inputs(
        BUCKET_REPLICATION, lambda props: props.update(role="arn:aws:iam::123456789012:role/admin")
    ),
    "bucket: versioning is suspended": inputs(
        BUCKET_VERSIONING, lambda props: props.update(versioningConfiguration={"status": "Suspended"})
    ),
    "bucket: public access": inputs(
        BUCKET_PUBLIC_ACCESS, lambda props: props.update(restrictPublicBuckets=False)
    ),
    "bucket: public by its list": inputs(BUCKET, lambda props: props.update(acl="public-read")),
    "bucket: its own policy": inputs(BUCKET, lambda props: props.update(policy="{}")),
    "bucket: a website": another(
        BUCKET_VERSIONING,
        "aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration",
        lambda props: props.update(indexDocument={"suffix": "index.html"}),
    ),
    "bucket: writers own objects": inputs(
        BUCKET_OWNERSHIP, lambda props: props.update(rule={"objectOwnership": "BucketOwnerPreferred"})
    ),
    "bucket: not encrypted": inputs(BUCKET_ENCRYPTION, lambda props: props.update(rules=[])),
    "bucket: unknown encryption": inputs(
        BUCKET_ENCRYPTION,
        lambda props: props.update(rules=[{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "none"}}]),
    ),
    "bucket: plain HTTP for objects": statements(
        BUCKET_POLICY, "policy", "", lambda own: own[0].update(Resource=[BUCKET_ARN])
    ),
    "bucket: plain HTTP for one action": statements(
        BUCKET_POLICY, "policy", "", lambda own: own[0].update(Action=["s3:*Object"])
    ),
    "bucket: plain HTTP for some": statements(
        BUCKET_POLICY,
        "policy",
        "",
        lambda own: own[0].update(Principal={"AWS": "arn:aws:iam::123456789012:root"}),
    ),
    "bucket: plain HTTP under a condition": statements(
        BUCKET_POLICY,
        "policy",
        "",
        lambda own: own[0]["Condition"].update(StringEquals={"aws:PrincipalTag/x": "y"}),
    ),
    "bucket: its policy allows another account": statements(
        BUCKET_POLICY,
        "policy",
        "",
        lambda own: own.append(
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
                "Action": ["s3:GetObject"],
                "Resource": [f"{BUCKET_ARN}/us-east-1/acme/*"],
            }
        ),
    ),
    "bucket: a second lifecycle": another(
        BUCKET_LIFECYCLE, BUCKET_LIFECYCLE, lambda props: props["rules"].pop()
    ),
    "bucket: a foreign user": another(BUCKET, "aws:iam/user:User", lambda props: props.update(name="x")),
    "bucket: another's key": inputs(
        BUCKET_ENCRYPTION,
        lambda props: props["rules"][0]["applyServerSideEncryptionByDefault"].update(
            sseAlgorithm="aws:kms", kmsMasterKeyId="arn:aws:kms:us-east-1:999999999999:key/a"
        ),
    ),
    "bucket: one denies less": one_denies_less,
    "bucket: no policy but for TLS": every_policy(lambda own: own[:1]),
    "bucket: keys are written again": every_policy(without_statement("GatesWriteOnce")),
    "bucket: gates write requests": every_policy(without_statement("OperatorsWriteRequests")),
    "bucket: gates delete versions": every_policy(without_statement("GatesDoNothingElse")),
    "bucket: keys are written again by some": every_policy(under("GatesWriteOnce")),
    "bucket: nothing is read": every_policy(denied("s3:GetObject")),
    "bucket: nothing is replicated": every_policy(denied("s3:ReplicateObject")),
    "bucket: replication with a gate's role": inputs(
        BUCKET_REPLICATION,
        lambda props: props.update(role="arn:aws:iam::123456789012:role/agent-eu-west-1-54c37a38"),
    ),
}
