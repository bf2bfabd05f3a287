"""The resource types: a program of each, an update, a drift and a replacement of the resource."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

Values = dict[str, Any]
REGION = "eu-west-1"
ZONE = "Z0PROVIDER"
BUCKET = "aws:s3/bucket:Bucket"
OF_BUCKET = "aws:s3/bucket"
"""The start of the types of a bucket's parts."""
ROLE = "aws:iam/role:Role"
CHECK = "aws:route53/healthCheck:HealthCheck"
CERTIFICATE = "aws:acm/certificate:Certificate"
VALIDATION = "aws:acm/certificateValidation:CertificateValidation"
RECORD = "aws:route53/record:Record"


@dataclass(frozen=True, kw_only=True)
class Case:
    """`drift` is a call of somebody else: service, call, parameters, with `{id}` for the resource's.
    `drifted` is the path of the property that the call changes. `removal` is such a call that deletes.
    """

    program: Values
    update: Values
    drift: tuple[str, str, Values]
    drifted: str
    removal: tuple[str, str, Values]
    replace: Values
    replaced: str = "replace"
    computed: tuple[str, ...] = ()


def policy(action: str, **more: str) -> str:
    statement = {"Effect": "Allow", "Principal": "*", "Action": action, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def access(action: str) -> str:
    return policy(action, Resource="*")


def part(
    name: str, properties: Values, update: Values, drift: tuple[str, Any], drifted: str, removal: str
) -> Case:
    """A part of the buckets `<name>-one` and `<name>-two`."""
    bucket = {"bucket": f"{name}-one", "region": REGION}
    call, parameters = drift
    return Case(
        program=bucket | properties,
        update=bucket | update,
        drift=("s3", call, {"Bucket": f"{name}-one", **parameters}),
        drifted=drifted,
        removal=("s3", removal, {"Bucket": f"{name}-one"}),
        replace={"bucket": f"{name}-two", "region": REGION} | properties,
    )


def lifecycle(days: int) -> Values:
    base = {"status": "Enabled", "filter": {"prefix": ""}}
    old = {
        "noncurrentVersionExpiration": {"noncurrentDays": days},
        "expiration": {"expiredObjectDeleteMarker": True},
    }
    return {
        "rules": [
            {"id": "old-versions", **base, **old},
            {"id": "stalled", **base, "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7}},
        ]
    }


def lock(mode: str, days: int) -> Values:
    return {"objectLockEnabled": "Enabled", "rule": {"defaultRetention": {"mode": mode, "days": days}}}


def replication(name: str, *, deletes: str = "Disabled", timed: bool = False) -> Values:
    minutes = {"minutes": 15}
    timing = {
        "metrics": {"status": "Enabled", "eventThreshold": minutes},
        "replicationTime": {"status": "Enabled", "time": minutes},
    }
    rule = {
        "id": "there",
        "priority": 1,
        "status": "Enabled",
        "filter": {"prefix": "here/"},
        "deleteMarkerReplication": {"status": deletes},
        "destination": {"bucket": f"arn:aws:s3:::{name}-two", **(timing if timed else {})},
    }
    return {"role": "arn:aws:iam::123456789012:role/replication", "rules": [rule]}


def buckets(name: str) -> dict[str, Case]:
    closed = {"blockPublicAcls": True, "blockPublicPolicy": True, "ignorePublicAcls": True}
    encrypted = {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]}
    key = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": "alias/key"}
    kms = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    return {
        f"{OF_BUCKET}Versioning:BucketVersioning": part(
            name,
            {"versioningConfiguration": {"status": "Enabled"}},
            {"versioningConfiguration": {"status": "Suspended"}},
            ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Suspended"}}),
            "versioningConfiguration.status",
            "delete_bucket",
        ),
        f"{OF_BUCKET}ServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": part(
            name,
            encrypted,
            {"rules": [{"applyServerSideEncryptionByDefault": key}]},
            ("put_bucket_encryption", {"ServerSideEncryptionConfiguration": {"Rules": [kms]}}),
            "rules[0].applyServerSideEncryptionByDefault.sseAlgorithm",
            "delete_bucket_encryption",
        ),
        f"{OF_BUCKET}PublicAccessBlock:BucketPublicAccessBlock": part(
            name,
            closed | {"restrictPublicBuckets": True},
            closed,
            ("put_public_access_block", {"PublicAccessBlockConfiguration": {"BlockPublicAcls": False}}),
            "blockPublicAcls",
            "delete_public_access_block",
        ),
        f"{OF_BUCKET}Policy:BucketPolicy": part(
            name,
            {"policy": access("s3:GetObject")},
            {"policy": access("s3:ListBucket")},
            ("put_bucket_policy", {"Policy": access("s3:*")}),
            "policy",
            "delete_bucket_policy",
        ),
    } | bucket_rules(name)


def bucket_rules(name: str) -> dict[str, Case]:
    """The parts of buckets that hold rules."""
    writer = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    rule = {"ID": "other", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    copy = {"ID": "other", "Status": "Enabled", "Prefix": "", "Destination": {"Bucket": "arn:aws:s3:::other"}}
    short = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    return {
        f"{OF_BUCKET}OwnershipControls:BucketOwnershipControls": part(
            name,
            {"rule": {"objectOwnership": "BucketOwnerEnforced"}},
            {"rule": {"objectOwnership": "BucketOwnerPreferred"}},
            ("put_bucket_ownership_controls", {"OwnershipControls": writer}),
            "rule.objectOwnership",
            "delete_bucket_ownership_controls",
        ),
        f"{OF_BUCKET}LifecycleConfiguration:BucketLifecycleConfiguration": part(
            name,
            lifecycle(30),
            lifecycle(60),
            ("put_bucket_lifecycle_configuration", {"LifecycleConfiguration": {"Rules": [rule]}}),
            "rules",
            "delete_bucket_lifecycle",
        ),
        f"{OF_BUCKET}ObjectLockConfiguration:BucketObjectLockConfiguration": part(
            name,
            lock("GOVERNANCE", 30),
            lock("COMPLIANCE", 60),
            ("put_object_lock_configuration", {"ObjectLockConfiguration": short}),
            "rule.defaultRetention.days",
            "delete_bucket",
        ),
        f"{OF_BUCKET}ReplicationConfig:BucketReplicationConfig": part(
            name,
            replication(name),
            replication(name, deletes="Enabled", timed=True),
            ("put_bucket_replication", {"ReplicationConfiguration": {"Role": "other", "Rules": [copy]}}),
            "role",
            "delete_bucket_replication",
        ),
    }


def roles(name: str) -> dict[str, Case]:
    role = {"name": name, "assumeRolePolicy": policy("sts:AssumeRole")}
    own = {"name": "own", "role": f"{name}-role"}
    other = {"RoleName": name, "PolicyDocument": policy("sts:AssumeRoleWithWebIdentity")}
    inline = {"RoleName": f"{name}-role", "PolicyName": "own"}
    return {
        ROLE: Case(
            program=role,
            update=role | {"assumeRolePolicy": policy("sts:TagSession"), "tags": {"team": "one"}},
            drift=("iam", "update_assume_role_policy", other),
            drifted="assumeRolePolicy",
            removal=("iam", "delete_role", {"RoleName": name}),
            replace=role | {"path": "/other/"},
            replaced="replace, deleted first",
            computed=("arn", "uniqueId"),
        ),
        "aws:iam/rolePolicy:RolePolicy": Case(
            program=own | {"policy": access("s3:GetObject")},
            update=own | {"policy": access("s3:PutObject")},
            drift=("iam", "put_role_policy", {**inline, "PolicyDocument": access("s3:*")}),
            drifted="policy",
            removal=("iam", "delete_role_policy", inline),
            replace={"role": f"{name}-role", "name": "another", "policy": access("s3:GetObject")},
        ),
    }


def others(name: str) -> dict[str, Case]:
    check = {
        "type": "HTTPS",
        "fqdn": f"{name}.example.com",
        "port": 443,
        "resourcePath": "/",
        "enableSni": True,
    }
    check |= {"requestInterval": 10, "failureThreshold": 3, "tags": {"Name": name}}
    certificate = {"domainName": f"*.{name}.example.com", "validationMethod": "DNS", "region": REGION}
    tag = {"CertificateArn": "{id}", "Tags": [{"Key": "team", "Value": "other"}]}
    gone = {"CertificateArn": "{id}"}
    return {
        CHECK: Case(
            program=check,
            update=check | {"resourcePath": "/health", "tags": {"Name": name, "team": "one"}},
            drift=("route53", "update_health_check", {"HealthCheckId": "{id}", "ResourcePath": "/other"}),
            drifted="resourcePath",
            removal=("route53", "delete_health_check", {"HealthCheckId": "{id}"}),
            replace=check | {"type": "HTTP"},
            computed=("arn",),
        ),
        CERTIFICATE: Case(
            program=certificate | {"tags": {"team": "one"}},
            update=certificate | {"tags": {"team": "two"}},
            drift=("acm", "add_tags_to_certificate", tag),
            drifted="tags.team",
            removal=("acm", "delete_certificate", gone),
            replace=certificate | {"domainName": f"*.other.{name}.example.com"},
            computed=("arn", "domainValidationOptions"),
        ),
    }
