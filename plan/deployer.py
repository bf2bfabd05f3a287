"""What whoever deploys a stack may do in AWS: a table by type of resource, and IAM documents from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from plan.iam import Document

BUCKET, ROLE, ZONE, TOPIC, ALARM, ANY = "bucket", "role", "zone", "topic", "alarm", "any"
SERVICE_ROLE = "serviceRole"
"""What actions are limited to."""

GLOBAL_ACCELERATOR = "globalaccelerator.amazonaws.com"

Needs = Mapping[str, str]
"""Names of actions, separated by spaces, by what they are limited to."""


def _actions(needs: Iterable[Needs], what: str) -> set[str]:
    return {action for each in needs for action in each.get(what, "").split()}


def _s3(names: str) -> Needs:
    return {BUCKET: " ".join(f"s3:{name}" for name in names.split())}


_ACM = (
    "acm:RequestCertificate acm:DescribeCertificate acm:DeleteCertificate acm:ListTagsForCertificate"
    " acm:AddTagsToCertificate acm:RemoveTagsFromCertificate acm:UpdateCertificateOptions"
)
_ROLE = (
    "iam:CreateRole iam:GetRole iam:UpdateRole iam:UpdateRoleDescription iam:UpdateAssumeRolePolicy"
    " iam:DeleteRole iam:ListRolePolicies iam:ListAttachedRolePolicies iam:ListInstanceProfilesForRole"
    " iam:TagRole iam:UntagRole iam:PutRolePermissionsBoundary"
)
_BUCKET = (
    "CreateBucket DeleteBucket ListBucket GetBucketLocation GetBucketAcl GetBucketCORS GetBucketWebsite"
    " GetBucketLogging GetBucketRequestPayment GetAccelerateConfiguration GetBucketTagging PutBucketTagging"
    " GetBucketVersioning GetBucketPolicy GetEncryptionConfiguration GetLifecycleConfiguration"
    " GetReplicationConfiguration GetBucketObjectLockConfiguration ListTagsForResource TagResource"
    " UntagResource"
)
_HEALTH_CHECK = (
    "route53:CreateHealthCheck route53:GetHealthCheck route53:UpdateHealthCheck route53:DeleteHealthCheck"
    " route53:ChangeTagsForResource route53:ListTagsForResource"
)
_ASSOCIATION = (
    "eks:CreatePodIdentityAssociation eks:DescribePodIdentityAssociation eks:UpdatePodIdentityAssociation"
    " eks:DeletePodIdentityAssociation eks:ListPodIdentityAssociations eks:TagResource eks:UntagResource"
)
_RECORD = "route53:ChangeResourceRecordSets route53:ListResourceRecordSets route53:GetHostedZone"

_TOPIC = (
    "sns:CreateTopic sns:DeleteTopic sns:GetTopicAttributes sns:SetTopicAttributes sns:TagResource"
    " sns:UntagResource sns:ListTagsForResource"
)
_ALARM = (
    "cloudwatch:PutMetricAlarm cloudwatch:DeleteAlarms cloudwatch:DescribeAlarms cloudwatch:TagResource"
    " cloudwatch:UntagResource cloudwatch:ListTagsForResource"
)


def _global_accelerator(names: str) -> str:
    return " ".join(f"globalaccelerator:{name}" for name in names.split())


_ACCELERATOR = _global_accelerator(
    "CreateAccelerator DescribeAccelerator UpdateAccelerator DeleteAccelerator DescribeAcceleratorAttributes"
    " UpdateAcceleratorAttributes ListTagsForResource TagResource UntagResource"
)
_ENDPOINT_GROUP = (
    _global_accelerator("CreateEndpointGroup DescribeEndpointGroup UpdateEndpointGroup DeleteEndpointGroup")
    + " elasticloadbalancing:DescribeLoadBalancers"
    " ec2:DescribeInstances ec2:DescribeInternetGateways ec2:DescribeRegions ec2:DescribeSubnets"
)
"""What Global Accelerator looks up with the caller's rights: those of AWS's GlobalAcceleratorFullAccess."""
_LISTENER = _global_accelerator("CreateListener DescribeListener UpdateListener DeleteListener")
_FIRST_ACCELERATOR = "iam:CreateServiceLinkedRole"

NEEDS: Mapping[str, Needs] = {
    "aws:acm/certificate:Certificate": {ANY: _ACM},
    "aws:acm/certificateValidation:CertificateValidation": {ANY: "acm:DescribeCertificate"},
    "aws:cloudwatch/metricAlarm:MetricAlarm": {ALARM: _ALARM},
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": {
        ANY: _ASSOCIATION,
        ROLE: "iam:GetRole iam:PassRole",
    },
    "aws:globalaccelerator/accelerator:Accelerator": {ANY: _ACCELERATOR, SERVICE_ROLE: _FIRST_ACCELERATOR},
    "aws:globalaccelerator/endpointGroup:EndpointGroup": {ANY: _ENDPOINT_GROUP},
    "aws:globalaccelerator/listener:Listener": {ANY: _LISTENER},
    "aws:iam/role:Role": {ROLE: _ROLE},
    "aws:iam/rolePolicy:RolePolicy": {ROLE: "iam:PutRolePolicy iam:GetRolePolicy iam:DeleteRolePolicy"},
    "aws:route53/healthCheck:HealthCheck": {ANY: _HEALTH_CHECK},
    "aws:route53/record:Record": {ZONE: _RECORD, ANY: "route53:GetChange"},
    "aws:s3/bucket:Bucket": _s3(_BUCKET),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _s3(
        "GetLifecycleConfiguration PutLifecycleConfiguration"
    ),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": _s3(
        "GetBucketObjectLockConfiguration PutBucketObjectLockConfiguration"
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _s3(
        "GetBucketOwnershipControls PutBucketOwnershipControls"
    ),
    "aws:s3/bucketPolicy:BucketPolicy": _s3("GetBucketPolicy PutBucketPolicy DeleteBucketPolicy"),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _s3(
        "GetBucketPublicAccessBlock PutBucketPublicAccessBlock"
    ),
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": {
        BUCKET: "s3:GetReplicationConfiguration s3:PutReplicationConfiguration",
        ROLE: "iam:PassRole",
    },
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _s3(
        "GetEncryptionConfiguration PutEncryptionConfiguration"
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _s3("GetBucketVersioning PutBucketVersioning"),
    "aws:sns/topic:Topic": {TOPIC: _TOPIC},
    "aws:sns/topicSubscription:TopicSubscription": {
        TOPIC: "sns:Subscribe sns:Unsubscribe sns:GetSubscriptionAttributes sns:SetSubscriptionAttributes"
    },
}
"""By type of resource; what the provider of AWS calls to create, read, change and delete one, and what the
program's hooks call to wait for one.
"""
LOOKUPS: Mapping[str, Needs] = {
    "aws:ec2/getSubnet:getSubnet": {ANY: "ec2:DescribeSubnets"},
    "aws:ec2/getSubnets:getSubnets": {ANY: "ec2:DescribeSubnets"},
    "aws:eks/getCluster:getCluster": {ANY: "eks:DescribeCluster"},
    "aws:index/getCallerIdentity:getCallerIdentity": {},  # Everybody may.
    "aws:lb/getLoadBalancer:getLoadBalancer": {
        ANY: "elasticloadbalancing:DescribeLoadBalancers elasticloadbalancing:DescribeLoadBalancerAttributes"
        " elasticloadbalancing:DescribeTags"
    },
}
"""By function of the provider."""
DOCTOR: Needs = {
    ANY: "acm:DescribeCertificate ec2:DescribeInstances ec2:DescribeRegions ec2:DescribeSubnets"
    " ec2:GetEbsEncryptionByDefault ecr:DescribeImages eks:DescribeAccessEntry eks:DescribeCluster"
    " eks:DescribeNodegroup eks:ListNodegroups elasticloadbalancing:DescribeListeners"
    " elasticloadbalancing:DescribeTargetGroups iam:GetOpenIDConnectProvider iam:GetRole"
    " iam:SimulatePrincipalPolicy kms:DescribeKey kms:GetKeyPolicy route53:ListHostedZones"
}
"""What `ops doctor` reads besides."""
IN_ANOTHER_ACCOUNT = ("aws:route53/record:Record",)
"""Resources that `hostedZoneRoleArn` writes."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """A stack's AWS resources."""

    types: Collection[str]
    functions: Collection[str]
    buckets: Collection[str]
    roles: Collection[str]
    """ARNs, or patterns of them."""
    zones: Collection[str]
    prefix: str
    """Begins the names of topics and alarms."""
    boundary: str | None = None
    zone_role: str | None = None


def unknown(made: Made) -> list[str]:
    """Types and functions without an entry in the tables."""
    return sorted({*made.types} - NEEDS.keys()) + sorted({*made.functions} - LOOKUPS.keys())


def deployer_policy(made: Made) -> Document:
    """Of whoever deploys."""
    types = {each for each in made.types if not (made.zone_role and each in IN_ANOTHER_ACCOUNT)}
    needs = [*(NEEDS[each] for each in types), *(LOOKUPS[each] for each in made.functions), DOCTOR]
    document = _document(needs, made)
    if made.zone_role:
        document["Statement"].append(_allow("ZoneRole", {"sts:AssumeRole"}, [made.zone_role]))
    return document


def zone_policy(made: Made) -> Document:
    """Of the role in the zone's account."""
    return _document([NEEDS[each] for each in IN_ANOTHER_ACCOUNT], made)


def _document(needs: Iterable[Needs], made: Made) -> Document:
    needs = list(needs)
    resources = {
        BUCKET: [f"arn:aws:s3:::{name}" for name in sorted(made.buckets)],
        ROLE: sorted(made.roles),
        ZONE: [f"arn:aws:route53:::hostedzone/{id}" for id in sorted(made.zones)],
        TOPIC: [f"arn:aws:sns:*:*:{made.prefix}-*"],
        ALARM: [f"arn:aws:cloudwatch:*:*:alarm:{made.prefix}-*"],
        SERVICE_ROLE: [f"arn:aws:iam::*:role/aws-service-role/{GLOBAL_ACCELERATOR}/*"],
        ANY: ["*"],
    }
    statements = []
    for what, arns in resources.items():
        actions = _actions(needs, what)
        limited = actions & {"iam:CreateRole", "iam:PutRolePermissionsBoundary"}
        if made.boundary and limited:
            condition = {"StringEquals": {"iam:PermissionsBoundary": made.boundary}}
            statements.append(_allow("LimitedRole", limited, arns) | {"Condition": condition})
            actions -= limited
        if actions:
            statements.append(_allow(what[0].upper() + what[1:], actions, arns))
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(sid: str, actions: Collection[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": resources}
