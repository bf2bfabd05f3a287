"""Warnings about a valid stack, for its owner to read before the deployment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from plan.accelerators import LONGEST_SILENCE_SECONDS, REGIONS
from plan.records import RoutingPolicy
from settings.clusters import ClusterPlan, clusters_of
from settings.ingress import ANSWERING, Scheme
from settings.load_balancer import IDLE_TIMEOUT
from settings.models import ClientAffinity, Identity, Manager, Settings
from settings.usage import usage_of

FIRST_RCLONE = (1, 72)
"""The first version that sends `If-None-Match` with each kind of upload."""


def warnings_of(settings: Settings) -> Iterator[str]:
    for cluster in clusters_of(settings):
        yield from _shared(cluster)
        yield from _identity(settings, cluster)
    yield from _without_effect(settings)
    yield from _accelerated_regions(settings)
    yield from _long_answers(settings)
    yield from _health(settings)
    yield from _rclone(settings)
    yield from _certificates(settings)
    for limit, count in usage_of(settings).items():
        if count > limit.most:
            yield (
                f"the stack needs {count} {limit.what}, and the default limit is {limit.most}. Raise the"
                f" limit first ({limit.source})."
            )


def lacks_identity(settings: Settings, cluster: ClusterPlan) -> bool:
    """Whether the settings lack what links a cluster's pods to their roles."""
    if not settings.replication.enabled:
        return False
    if settings.identity is Identity.POD_IDENTITY:
        return cluster.eks is None and cluster.eks_name is None
    return cluster.oidc_provider_arn is None and not cluster.looked_up


def _shared(cluster: ClusterPlan) -> Iterator[str]:
    names = ", ".join(region.name for region in cluster.regions)
    if len(cluster.regions) > 1 and any(region.endpoint is None for region in cluster.regions):
        yield (
            f"{cluster.id}: {names} share a cluster, and not all have an endpoint. The cluster's ingress"
            " controller creates all load balancers in the same AWS region, so an outage of that region is an"
            " outage of all. Set regions[].endpoint."
        )
    if sum(1 for region in cluster.regions if region.cluster and region.cluster.eks_name) > 1:
        yield (
            f"{cluster.id}: several regions set eksName, and Pod Identity associations are created in"
            f" {cluster.region}. Set eksName only in the region of the EKS cluster."
        )


def _identity(settings: Settings, cluster: ClusterPlan) -> Iterator[str]:
    if not lacks_identity(settings, cluster):
        return
    if settings.identity is Identity.POD_IDENTITY:
        yield (
            f"{cluster.id}: no Pod Identity associations are created, because the cluster's name in EKS"
            " is unknown. Set cluster.eksName, or create the associations in the output identityToCreate."
        )
    else:
        yield (
            f"{cluster.id}: the roles cannot be assumed, because the cluster's OIDC provider is unknown."
            " Set cluster.oidcProviderArn; the output identityToCreate lists the roles."
        )


def _certificates(settings: Settings) -> Iterator[str]:
    without = [region.name for region in settings.regions if not (region.certificate_arn or region.endpoint)]
    if settings.hosted_zone_id is None and settings.ingress.makes_load_balancers and without:
        yield (
            f"{', '.join(without)}: no certificate is created, because it cannot be validated without"
            f" hostedZoneId. Create one for *.{settings.domain} in ACM in these regions, or set"
            " regions[].certificateArn."
        )


def _rclone(settings: Settings) -> Iterator[str]:
    version = re.search(r"rclone:v?(\d+)\.(\d+)", settings.images.rclone)
    if settings.replication.enabled and version and tuple(map(int, version.groups())) < FIRST_RCLONE:
        yield (
            f"images.rclone is {settings.images.rclone}: the buckets refuse its uploads, because it cannot"
            f" send If-None-Match. Use rclone {FIRST_RCLONE[0]}.{FIRST_RCLONE[1]} or later."
        )


def _without_effect(settings: Settings) -> Iterator[str]:
    balancing, regions = settings.load_balancing, settings.regions
    of_policies = (
        (RoutingPolicy.WEIGHTED, "weight", any("weight" in region.model_fields_set for region in regions)),
        (RoutingPolicy.GEO, "geo", any(region.geo for region in regions)),
    )
    for policy, key, given in of_policies:
        if given and balancing.policy is not policy:
            yield f"regions[].{key} has no effect unless loadBalancing.policy is {policy}."
    of_accelerators = (
        ("regions[].endpointArn", any(region.endpoint_arn for region in regions)),
        ("loadBalancing.clientAffinity", balancing.client_affinity is not ClientAffinity.NONE),
    )
    for key, given in of_accelerators:
        if given and balancing.manager is not Manager.GLOBAL_ACCELERATOR:
            yield f"{key} has no effect unless loadBalancing.manager is {Manager.GLOBAL_ACCELERATOR}."


def _accelerated_regions(settings: Settings) -> Iterator[str]:
    """An endpoint group that AWS refuses stops the deployment when everything else is there."""
    unlisted = [region.name for region in settings.regions if region.name not in REGIONS]
    if unlisted and settings.load_balancing.manager is Manager.GLOBAL_ACCELERATOR:
        yield (
            f"{', '.join(unlisted)}: not in AWS's list of regions with endpoint groups of Global Accelerator"
            " when this version was made. Unless https://docs.aws.amazon.com/global-accelerator/latest/dg/"
            "preserve-client-ip-address.regions.html has it now, set loadBalancing.manager: route53."
        )


def _long_answers(settings: Settings) -> Iterator[str]:
    long = [
        region.name
        for region in settings.regions
        if int(settings.load_balancer_of(region).attributes[IDLE_TIMEOUT]) > LONGEST_SILENCE_SECONDS
    ]
    if long and settings.load_balancing.manager is Manager.GLOBAL_ACCELERATOR:
        yield (
            f"{', '.join(long)}: {IDLE_TIMEOUT} is more than {LONGEST_SILENCE_SECONDS}, after which Global"
            " Accelerator ends a connection without data: an answer must begin before, or be sent in parts."
        )


def _health(settings: Settings) -> Iterator[str]:
    accelerated = settings.load_balancing.manager is Manager.GLOBAL_ACCELERATOR
    internal = settings.ingress.scheme is Scheme.INTERNAL
    if internal and accelerated:
        yield (
            "ingress.scheme is internal: the accelerator's addresses are public all the same, and lead the"
            " internet's clients to these load balancers. Each VPC needs an internet gateway."
        )
    elif internal:
        yield (
            "ingress.scheme is internal: Route53's health checkers are in the public internet, find no region"
            " healthy and move no traffic, unless they can reach regions[].endpoint."
        )
    balancers = {region.name: settings.load_balancer_of(region) for region in settings.regions}
    limited = [name for name, each in balancers.items() if each.inbound_cidrs or each.security_groups]
    if limited and (accelerated or not internal):
        checkers = (
            "the networks of the load balancers, whose Network Load Balancer checks the region,"
            if accelerated
            else "the networks of Route53's health checkers"
            " (ROUTE53_HEALTHCHECKS in https://ip-ranges.amazonaws.com/ip-ranges.json)"
        )
        who = "Global Accelerator" if accelerated else "Route53"
        yield (
            f"{', '.join(limited)}: inboundCidrs or securityGroups must let in {checkers} and of the other"
            f" clusters: otherwise {who} finds no region healthy."
        )
    ingresses = {each.class_name: each for each in map(settings.ingress_of, settings.regions)}
    for name, ingress in sorted(ingresses.items()):
        if ingress.served_by not in ANSWERING and not settings.failover_enabled:
            key = "ingress.className" if name == settings.ingress.class_name else "regions[].ingressClass"
            yield (f"{key} is {name}: configure its load balancer to answer /healthz/<region> with 200.")
