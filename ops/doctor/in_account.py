"""What a stack needs of its AWS account: credentials, the zone, clusters, names of buckets, certificates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from ops.aws import AwsAccess, calling
from ops.doctor.findings import Finding, found, lacking
from ops.doctor.in_zone import live_records
from ops.stack import Stack
from settings import clusters_of
from settings.models import Identity, Manager

ACCOUNT = "account"

Check = Callable[[Stack, AwsAccess], Iterator[Finding]]


def credentials(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    with calling("asking who these credentials are"):
        told = access.client("sts", stack.regions[0]).get_caller_identity()
    yield found(ACCOUNT, "credentials", f"{told['Arn']} in {told['Account']}")


def hosted_zone(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    settings = stack.settings
    if settings.load_balancing.manager is not Manager.ROUTE53 or settings.hosted_zone_id is None:
        return
    what = f"hosted zone {settings.hosted_zone_id}"
    try:
        zone = access.client("route53", stack.regions[0]).get_hosted_zone(Id=settings.hosted_zone_id)
    except ClientError as error:
        remedy = f"make a zone for {settings.domain} and set hostedZoneId"
        yield lacking(ACCOUNT, what, _code(error), remedy)
        return
    name = str(zone["HostedZone"]["Name"]).rstrip(".")
    if settings.domain != name and not settings.domain.endswith(f".{name}"):
        told = f"it is {name}, which {settings.domain} is not in"
        yield lacking(ACCOUNT, what, told, "set domain or hostedZoneId")
        return
    yield found(ACCOUNT, what, name)


def clusters(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    for plan in clusters_of(stack.settings):
        if plan.eks is None:
            continue
        what = f"EKS cluster {plan.eks}"
        try:
            told = access.client("eks", plan.home).describe_cluster(name=plan.eks)["cluster"]
        except ClientError as error:
            remedy = "make it, or set regions[].cluster"
            yield lacking(plan.home, what, _code(error), remedy)
            continue
        if told["status"] != "ACTIVE":
            yield lacking(plan.home, what, f"it is {told['status']}", "wait until it is ACTIVE")
            continue
        yield found(plan.home, what, f"ACTIVE, {told['version']}")


def identity_provider(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    settings = stack.settings
    if settings.identity is not Identity.IRSA or not settings.replication.enabled:
        return
    for plan in clusters_of(settings):
        if plan.oidc_provider_arn is None:
            continue
        what = "IAM OIDC provider"
        client = access.client("iam", plan.home)
        try:
            client.get_open_id_connect_provider(OpenIDConnectProviderArn=plan.oidc_provider_arn)
        except ClientError as error:
            remedy = "`eksctl utils associate-iam-oidc-provider`, or set cluster.oidcProviderArn"
            yield lacking(plan.folder, what, f"{plan.oidc_provider_arn}: {_code(error)}", remedy)
            continue
        yield found(plan.folder, what, plan.oidc_provider_arn)


def buckets(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    if not stack.settings.replication.enabled:
        return
    for region in stack.settings.regions:
        name = stack.bucket(region.name)
        what = f"bucket {name}"
        try:
            access.client("s3", region.name).head_bucket(Bucket=name)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == 404:
                yield found(region.name, what, "its name is free")
                continue
            remedy = "bucket names are unique in all of AWS: choose another domain or stack name"
            yield lacking(region.name, what, f"the name is another account's ({_code(error)})", remedy)
            continue
        yield found(region.name, what, "it is this account's")


def certificates(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    wanted = f"*.{stack.settings.domain}"
    for region in stack.settings.regions:
        if region.certificate_arn is None:
            continue
        what, remedy = "certificate", f"set regions[].certificateArn to an issued one for {wanted}"
        client = access.client("acm", region.name)
        try:
            told = client.describe_certificate(CertificateArn=region.certificate_arn)["Certificate"]
        except ClientError as error:
            yield lacking(region.name, what, f"{region.certificate_arn}: {_code(error)}", remedy)
            continue
        covered = {told["DomainName"], *told.get("SubjectAlternativeNames", ())}
        if told["Status"] != "ISSUED" or wanted not in covered:
            told_of = f"it is {told['Status']} and covers {', '.join(sorted(covered))}"
            yield lacking(region.name, what, told_of, remedy)
            continue
        yield found(region.name, what, f"issued for {wanted}")


def subnets(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    """Those that a load balancer would be put into: they alone may reach the Agents."""
    settings = stack.settings
    tag = settings.ingress.scheme.subnet_tag
    for plan in clusters_of(settings):
        region = plan.regions[0]
        if plan.eks is None or region.ingress_from or region.endpoint:
            continue
        what = "subnets of the load balancer"
        try:
            told = access.client("eks", plan.home).describe_cluster(name=plan.eks)["cluster"]
        except ClientError:
            continue  # Told by `clusters`.
        ec2: Any = access.client("ec2", plan.home)
        network = told["resourcesVpcConfig"]["vpcId"]
        filters = [{"Name": "vpc-id", "Values": [network]}, {"Name": "tag-key", "Values": [tag]}]
        there = ec2.describe_subnets(Filters=filters)["Subnets"]
        if len({one["AvailabilityZone"] for one in there}) < 2:
            remedy = (
                f"tag two of them or more, in different zones, with {tag}=1, or set regions[].ingressFrom"
            )
            yield lacking(region.name, what, f"{len(there)} in {network} have the tag {tag}", remedy)
            continue
        yield found(region.name, what, ", ".join(sorted(one["CidrBlock"] for one in there)))


def _code(error: ClientError) -> str:
    told = error.response.get("Error", {})
    return f"{told.get('Code', 'no code')}: {told.get('Message', '')}".rstrip(": ")


CHECKS: tuple[Check, ...] = (
    hosted_zone,
    clusters,
    identity_provider,
    buckets,
    certificates,
    subnets,
    live_records,
)
"""Beside `credentials`, without which there is nothing to ask."""
