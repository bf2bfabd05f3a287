"""What a role lets a company's pods do in the buckets, judged by its policies as they are deployed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ops.aws import calling
from ops.validation.run import who
from ops.validation.verdicts import Failure, Verdict, passed
from plan.iam import bucket_arn
from plan.iam_evaluator import Document, Request, allows
from plan.names import company_role_name, region_role_name
from settings.models import Identity

if TYPE_CHECKING:
    from ops.validation.pod_sites import PodSite

TAG = "aws:PrincipalTag/kubernetes-namespace"
OBJECTS = ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion")
FOLDERS = ("brain", "agent")


def judge(site: PodSite, others: Sequence[PodSite]) -> Verdict:
    """For a target whose S3 evaluates no policies. Raises Failure for a request that they would allow."""
    role = role_of(site)
    document = deployed(site, role)
    if not all(_allowed(site, document, request) for request in _own(site)):
        raise Failure(
            f"the role {role} does not let {who(site)} read its own prefix: that it opens no other's would"
            " say nothing",
            _look(role),
        )
    requests = 0
    for other in others:
        for request in _forbidden(site, other):
            requests += 1
            if _allowed(site, document, request):
                raise Failure(
                    f"a company reads another's copies: the role {role} lets {who(site)} do"
                    f" {request.action} on {request.resource} {dict(request.context)} of {other.company}",
                    _look(role),
                )
    return passed(
        f"judged by the deployed policies of the role {role} (the emulator enforces none): they allow none of"
        f" {requests} requests"
    )


def _look(role: str) -> str:
    return f"aws iam get-role-policy --role-name {role} --policy-name replication (plan/iam.py)"


def role_of(site: PodSite) -> str:
    settings = site.stack.settings
    if settings.identity is Identity.IRSA:
        return company_role_name(settings.domain, site.stack.name, site.region, site.namespace)
    return region_role_name(settings.domain, site.stack.name, site.region)


def deployed(site: PodSite, role: str) -> Document:
    """All statements of a role's policies, inline and attached."""
    iam = site.aws.client("iam", site.region)
    statements: list[Any] = []
    with calling(f"reading the policies of the role {role}"):
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            statements += iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
        for one in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            policy = iam.get_policy(PolicyArn=one["PolicyArn"])["Policy"]
            version = iam.get_policy_version(PolicyArn=one["PolicyArn"], VersionId=policy["DefaultVersionId"])
            statements += version["PolicyVersion"]["Document"]["Statement"]
    return {"Statement": statements}


def _allowed(site: PodSite, document: Document, request: Request) -> bool:
    """Raises Failure for a policy that the evaluator does not know how to judge."""
    try:
        return allows(document, request)
    except NotImplementedError as error:
        raise Failure(
            f"the policies of {who(site)} cannot be judged: {error}", "plan/iam_evaluator.py"
        ) from error


def _own(site: PodSite) -> Iterator[Request]:
    bucket, prefix = site.stack.bucket(site.region), f"{site.region}/{site.namespace}"
    yield _listing(site, bucket, f"{prefix}/brain/")
    yield _object(site, bucket, f"{prefix}/brain/objects/x", "s3:GetObject")


def _forbidden(site: PodSite, other: PodSite) -> Iterator[Request]:
    for bucket in map(site.stack.bucket, site.stack.regions):
        # What a listing without a prefix, or with half of one, would show is everybody's.
        yield Request(action="s3:ListBucket", resource=bucket_arn(bucket), context={TAG: site.namespace})
        yield _listing(site, bucket, "")
        for writer in site.stack.regions:
            yield _listing(site, bucket, f"{writer}/")
            for folder in ("", *(f"{one}/" for one in FOLDERS)):
                yield _listing(site, bucket, f"{writer}/{other.namespace}/{folder}")
            for folder in FOLDERS:
                for action in OBJECTS:
                    yield _object(site, bucket, f"{writer}/{other.namespace}/{folder}/objects/x", action)


def _listing(site: PodSite, bucket: str, prefix: str) -> Request:
    context = {TAG: site.namespace, "s3:prefix": prefix}
    return Request(action="s3:ListBucket", resource=bucket_arn(bucket), context=context)


def _object(site: PodSite, bucket: str, key: str, action: str) -> Request:
    return Request(action=action, resource=f"{bucket_arn(bucket)}/{key}", context={TAG: site.namespace})
