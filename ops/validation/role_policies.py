"""What a role's deployed policies allow a company's pods in the buckets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ops.aws import calling
from ops.probing.failure import Failure
from ops.validation.pod_target import PodTarget
from ops.validation.results import Verdict, passed
from plan.iam import bucket_arn
from plan.iam_evaluator import Document, Request, allows
from plan.names import region_role_name
from settings.models import Identity

TAG = "aws:PrincipalTag/kubernetes-namespace"
OBJECTS = ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion")
FOLDERS = ("brain", "agent")


def evaluate(target: PodTarget, others: Sequence[PodTarget]) -> Verdict:
    """For an S3 that evaluates no policies. Raises Failure for a request that the policies would allow."""
    role = role_of(target)
    document = deployed(target, role)
    look = f"aws iam get-role-policy --role-name {role} --policy-name replication (plan/iam.py)"
    if not all(_allowed(target, document, request) for request in _own(target)):
        raise Failure(
            f"the role {role} does not let {target.name} read its own prefix, so refusals of others would"
            " prove nothing",
            look,
        )
    foreign = [(other, request) for other in others for request in _foreign(target, other)]
    for other, request in foreign:
        if _allowed(target, document, request):
            raise Failure(
                f"a company can read another's snapshots: the role {role} allows {target.name}"
                f" {request.action} on {request.resource} {dict(request.context)} of {other.company}",
                look,
            )
    return passed(
        f"judged by the deployed policies of the role {role} (the emulator enforces none): they allow none of"
        f" {len(foreign)} requests"
    )


def role_of(target: PodTarget) -> str:
    stack, settings = target.stack, target.stack.settings
    if settings.identity is Identity.IRSA:
        return settings.company_role_name(stack.name, target.region, target.namespace)
    return region_role_name(settings.resource_prefix, stack.name, target.region)


def deployed(target: PodTarget, role: str) -> Document:
    """All statements of a role's policies, inline and attached."""
    iam = target.aws.client("iam", target.region)
    statements: list[Any] = []
    with calling(f"reading the policies of the role {role}"):
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            statements += iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
        for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            arn = attached["PolicyArn"]
            default = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            version = iam.get_policy_version(PolicyArn=arn, VersionId=default)["PolicyVersion"]
            statements += version["Document"]["Statement"]
    return {"Statement": statements}


def _allowed(target: PodTarget, document: Document, request: Request) -> bool:
    """Raises Failure for a policy that the evaluator cannot evaluate."""
    try:
        return allows(document, request)
    except NotImplementedError as error:
        raise Failure(
            f"the policies of {target.name} cannot be judged: {error}", "plan/iam_evaluator.py"
        ) from error


def _own(target: PodTarget) -> Iterator[Request]:
    bucket, prefix = target.stack.bucket(target.region), f"{target.region}/{target.namespace}"
    yield _listing(target, bucket, f"{prefix}/brain/")
    yield _object(target, bucket, f"{prefix}/brain/objects/x", "s3:GetObject")


def _foreign(target: PodTarget, other: PodTarget) -> Iterator[Request]:
    for bucket in map(target.stack.bucket, target.stack.regions):
        # A listing without a prefix, or with a region alone, would show the keys of all companies.
        yield Request(action="s3:ListBucket", resource=bucket_arn(bucket), context={TAG: target.namespace})
        yield _listing(target, bucket, "")
        for writer in target.stack.regions:
            prefix = f"{writer}/{other.namespace}"
            for key in (f"{writer}/", f"{prefix}/", *(f"{prefix}/{folder}/" for folder in FOLDERS)):
                yield _listing(target, bucket, key)
            for folder in FOLDERS:
                for action in OBJECTS:
                    yield _object(target, bucket, f"{prefix}/{folder}/objects/x", action)


def _listing(target: PodTarget, bucket: str, prefix: str) -> Request:
    context = {TAG: target.namespace, "s3:prefix": prefix}
    return Request(action="s3:ListBucket", resource=bucket_arn(bucket), context=context)


def _object(target: PodTarget, bucket: str, key: str, action: str) -> Request:
    return Request(action=action, resource=f"{bucket_arn(bucket)}/{key}", context={TAG: target.namespace})
