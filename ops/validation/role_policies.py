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
from runtime.contracts.gate import COMPONENTS
from settings.models import Identity

TAG = "aws:PrincipalTag/kubernetes-namespace"
OBJECTS = ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion")


def evaluate(target: PodTarget, others: Sequence[PodTarget]) -> Verdict:
    """For an S3 that evaluates no policies. Raises Failure for a request that the policies would allow."""
    judged = [_judge(target, component, others) for component in COMPONENTS]
    roles = " and ".join(role_of(target, component) for component in COMPONENTS)
    return passed(
        f"judged by the deployed policies of the roles {roles} (the emulator enforces none): they"
        f" allow none of {sum(judged)} requests"
    )


def _judge(target: PodTarget, component: str, others: Sequence[PodTarget]) -> int:
    """The number of requests that a component's role was judged by."""
    role = role_of(target, component)
    document = deployed(target, role)
    look = f"aws iam get-role-policy --role-name {role} --policy-name replication (plan/iam.py)"
    if not all(_allowed(target, document, request) for request in _own(target, component)):
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
    other_component = next(each for each in COMPONENTS if each != component)
    siblings = [*_objects(target, target.namespace, other_component)]
    for request in siblings:
        if _allowed(target, document, request):
            raise Failure(
                f"the {component} can reach snapshots of the {other_component}: the role {role} allows"
                f" {request.action} on {request.resource}",
                look,
            )
    return len(foreign) + len(siblings)


def role_of(target: PodTarget, component: str) -> str:
    settings, roles = target.stack.settings, target.stack.settings.role_names(target.stack.name)
    if settings.identity is Identity.IRSA:
        return roles.company_gate(target.region, component, target.namespace)
    return roles.gate(target.region, component)


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


def _own(target: PodTarget, component: str) -> Iterator[Request]:
    bucket, prefix = target.stack.bucket(target.region), f"{target.region}/{target.namespace}/{component}"
    yield _listing(target, bucket, f"{prefix}/")
    yield _object(target, bucket, f"{prefix}/objects/x", "s3:GetObject")


def _foreign(target: PodTarget, other: PodTarget) -> Iterator[Request]:
    for bucket in map(target.stack.bucket, target.stack.regions):
        # A listing without a prefix, or with a region alone, would show the keys of all companies.
        yield Request(action="s3:ListBucket", resource=bucket_arn(bucket), context={TAG: target.namespace})
        yield _listing(target, bucket, "")
        for writer in target.stack.regions:
            prefix = f"{writer}/{other.namespace}"
            for key in (f"{writer}/", f"{prefix}/", *(f"{prefix}/{each}/" for each in COMPONENTS)):
                yield _listing(target, bucket, key)
    for component in COMPONENTS:
        yield from _objects(target, other.namespace, component)


def _objects(target: PodTarget, namespace: str, component: str) -> Iterator[Request]:
    for bucket in map(target.stack.bucket, target.stack.regions):
        for writer in target.stack.regions:
            for action in OBJECTS:
                yield _object(target, bucket, f"{writer}/{namespace}/{component}/objects/x", action)


def _listing(target: PodTarget, bucket: str, prefix: str) -> Request:
    context = {TAG: target.namespace, "s3:prefix": prefix}
    return Request(action="s3:ListBucket", resource=bucket_arn(bucket), context=context)


def _object(target: PodTarget, bucket: str, key: str, action: str) -> Request:
    return Request(action=action, resource=f"{bucket_arn(bucket)}/{key}", context={TAG: target.namespace})
