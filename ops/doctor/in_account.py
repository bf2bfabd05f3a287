"""Checks of the AWS account: credentials, the hosted zone, clusters, names of buckets, certificates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from ops.aws import AwsAccess
from ops.doctor.account_regions import buckets, metadata, regions
from ops.doctor.deployer import access_entries, permissions
from ops.doctor.endpoints import endpoints
from ops.doctor.findings import Finding, is_absent, missing, present, reason_of, unknown
from ops.doctor.hosted_zone import hosted_zone
from ops.doctor.images import images
from ops.doctor.in_zone import live_records
from ops.doctor.keys import kms_keys
from ops.doctor.subnets import subnets
from ops.stack import Stack
from plan.iam import oidc_provider_arn
from settings import ClusterPlan, clusters_of
from settings.load_balancer import IpAddressType
from settings.models import Identity

ACCOUNT = "account"

Check = Callable[[Stack, AwsAccess], Iterator[Finding]]


def credentials(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    yield present(ACCOUNT, "credentials", f"{access.identity['Arn']} in {access.identity['Account']}")


def clusters(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    for plan in clusters_of(stack.settings):
        if plan.eks is None:
            continue
        what = f"EKS cluster {plan.eks}"
        try:
            cluster = access.client("eks", plan.region).describe_cluster(name=plan.eks)["cluster"]
        except ClientError as error:
            yield _absent(
                plan.region, what, error, "create it, or set regions[].cluster", "eks:DescribeCluster"
            )
            continue
        if cluster["status"] != "ACTIVE":
            yield missing(plan.region, what, f"it is {cluster['status']}", "wait until it is ACTIVE")
            continue
        yield present(plan.region, what, f"ACTIVE, {cluster['version']}")
        yield from _address_family(stack, plan, cluster)
        yield from _node_repair(plan, access.client("eks", plan.region))


def _absent(place: str, what: str, error: ClientError, remedy: str, right: str) -> Finding:
    if is_absent(error):
        return missing(place, what, reason_of(error), remedy)
    return unknown(place, what, error, right)


def _address_family(stack: Stack, plan: ClusterPlan, cluster: Mapping[str, Any]) -> Iterator[Finding]:
    """A load balancer with IPv4 addresses alone cannot send requests to IPv6 pods."""
    if (cluster.get("kubernetesNetworkConfig") or {}).get("ipFamily") != "ipv6":
        return
    for region in plan.regions:
        kind = stack.settings.load_balancer_of(region).ip_address_type or IpAddressType.IPV4
        if stack.settings.balanced([region]) and kind is IpAddressType.IPV4:
            problem = f"the pods of {plan.eks} have IPv6 addresses, the load balancers IPv4 addresses alone"
            remedy = "set ingress.loadBalancer.ipAddressType: dualstack, and use subnets with IPv6 networks"
            yield missing(region.name, "address family", problem, remedy)


def _node_repair(plan: ClusterPlan, eks: Any) -> Iterator[Finding]:
    """A pod of a StatefulSet leaves an unreachable node only when the Node object is deleted. Nodes of EKS
    Auto Mode are always repaired; those of Karpenter are not visible here.
    """
    try:
        listed = eks.get_paginator("list_nodegroups").paginate(clusterName=plan.eks)
        groups = [name for page in listed for name in page["nodegroups"]]
        without = [
            name
            for name in groups
            if not eks.describe_nodegroup(clusterName=plan.eks, nodegroupName=name)["nodegroup"]
            .get("nodeRepairConfig", {})
            .get("enabled")
        ]
    except ClientError as error:
        rights = "eks:ListNodegroups and eks:DescribeNodegroup"
        yield unknown(plan.region, "node auto-repair", error, rights)
        return
    if without:
        problem = f"off for {', '.join(without)}: pods stay on a node that is gone until somebody deletes it"
        remedy = (
            f"aws eks update-nodegroup-config --cluster-name {plan.eks} --region {plan.region}"
            " --nodegroup-name <name> --node-repair-config enabled=true"
        )
        yield missing(plan.region, "node auto-repair", problem, remedy)
    elif groups:
        yield present(plan.region, "node auto-repair", f"on for {', '.join(groups)}")


def identity_provider(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    settings = stack.settings
    if settings.identity is not Identity.IRSA or not settings.replication.enabled:
        return
    for plan in clusters_of(settings):
        try:
            arn = plan.oidc_provider_arn or _arn_of_issuer(plan, access)
        except ClientError:
            continue  # `clusters` reports it.
        if arn is None:
            continue
        what = "IAM OIDC provider"
        try:
            access.client("iam", plan.region).get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
        except ClientError as error:
            yield _no_provider(plan, what, arn, error)
            continue
        yield present(plan.id, what, arn)


def _arn_of_issuer(plan: ClusterPlan, access: AwsAccess) -> str | None:
    """As the program derives it; None where it does not ask EKS."""
    if not plan.looked_up:
        return None
    cluster = access.client("eks", plan.region).describe_cluster(name=plan.eks)["cluster"]
    return oidc_provider_arn(access.identity["Account"], cluster["identity"]["oidc"]["issuer"])


def _no_provider(plan: ClusterPlan, what: str, arn: str, error: ClientError) -> Finding:
    if not is_absent(error):
        return unknown(plan.id, what, error, "iam:GetOpenIDConnectProvider")
    create = (
        "run: eksctl utils associate-iam-oidc-provider"
        f" --cluster {plan.eks_name or '<name>'} --region {plan.region} --approve"
    )
    correct = "; or correct cluster.oidcProviderArn" if plan.oidc_provider_arn else ""
    return missing(plan.id, what, f"{reason_of(error)} ({arn})", create + correct)


def certificates(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    wanted = f"*.{stack.settings.domain}"
    for region in stack.settings.regions:
        if region.certificate_arn is None:
            continue
        what, remedy = "certificate", f"set regions[].certificateArn to an issued one for {wanted}"
        client = access.client("acm", region.name)
        try:
            certificate = client.describe_certificate(CertificateArn=region.certificate_arn)["Certificate"]
        except ClientError as error:
            yield _absent(region.name, what, error, remedy, "acm:DescribeCertificate")
            continue
        covered = {certificate["DomainName"], *certificate.get("SubjectAlternativeNames", ())}
        if certificate["Status"] != "ISSUED" or wanted not in covered:
            problem = f"it is {certificate['Status']} and covers {', '.join(sorted(covered))}"
            yield missing(region.name, what, problem, remedy)
            continue
        yield present(region.name, what, f"issued for {wanted}")


def volumes(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    """Of EBS, whatever their StorageClass says."""
    for plan in clusters_of(stack.settings):
        if not (plan.eks or plan.eks_name):
            continue
        ec2: Any = access.client("ec2", plan.region)
        what = "encryption of volumes"
        if ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"]:
            yield present(plan.region, what, "new volumes of EBS are encrypted")
            continue
        remedy = f"run: aws ec2 enable-ebs-encryption-by-default --region {plan.region}"
        yield missing(plan.region, what, "EBS does not encrypt new volumes by default", remedy)


CHECKS: tuple[Check, ...] = (
    permissions,
    regions,
    hosted_zone,
    clusters,
    access_entries,
    identity_provider,
    buckets,
    kms_keys,
    certificates,
    subnets,
    endpoints,
    volumes,
    metadata,
    images,
    live_records,
)
"""Without `credentials`, which all others need."""
