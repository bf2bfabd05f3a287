"""What is not wrong with a stack, but what its owner should know before it is deployed."""

from __future__ import annotations

from collections.abc import Iterator

from settings.clusters import ClusterPlan, clusters_of
from settings.ingress import ANSWERING
from settings.models import Identity, Scheme, Settings
from settings.usage import usage_of


def warnings_of(settings: Settings) -> Iterator[str]:
    for cluster in clusters_of(settings):
        yield from _shared(cluster)
        yield from _identity(settings, cluster)
    yield from _health(settings)
    yield from _certificates(settings)
    for limit, count in usage_of(settings).items():
        if count > limit.most:
            yield (
                f"the stack needs {count} {limit.what}; the default is {limit.most}: raise it first"
                f" ({limit.source})"
            )


def lacks_identity(settings: Settings, cluster: ClusterPlan) -> bool:
    """Whether the settings don't say enough of a cluster to give its pods their role."""
    if not settings.replication.enabled:
        return False
    if settings.identity is Identity.POD_IDENTITY:
        return cluster.eks is None and cluster.eks_name is None
    return cluster.oidc_provider_arn is None and not cluster.looked_up


def _shared(cluster: ClusterPlan) -> Iterator[str]:
    names = ", ".join(region.name for region in cluster.regions)
    if len(cluster.regions) > 1 and any(region.endpoint is None for region in cluster.regions):
        yield (
            f"{cluster.folder}: {names} share one cluster without an endpoint each: its controllers make all"
            " load balancers in one place, so an outage there is an outage of all; set regions[].endpoint"
        )
    if sum(1 for region in cluster.regions if region.cluster and region.cluster.eks_name) > 1:
        yield (
            f"{cluster.folder}: several regions give eksName; Pod Identity associations are made in"
            f" {cluster.home}: give it only on the region where EKS has the cluster"
        )


def _identity(settings: Settings, cluster: ClusterPlan) -> Iterator[str]:
    if not lacks_identity(settings, cluster):
        return
    if settings.identity is Identity.POD_IDENTITY:
        yield (
            f"{cluster.folder}: no Pod Identity associations are made, for its name in EKS is unknown: set"
            " cluster.eksName, or create those that the output identityToCreate lists"
        )
    else:
        yield (
            f"{cluster.folder}: its roles trust nobody yet, for its OIDC provider is unknown: set"
            " cluster.oidcProviderArn; the output identityToCreate lists the roles"
        )


def _certificates(settings: Settings) -> Iterator[str]:
    without = [region.name for region in settings.regions if not (region.certificate_arn or region.endpoint)]
    if settings.hosted_zone_id is None and settings.ingress.makes_load_balancers and without:
        yield (
            f"{', '.join(without)}: no certificate is made, for without hostedZoneId none can be"
            f" validated: the account must have one for *.{settings.domain} in ACM there, or set"
            " regions[].certificateArn"
        )


def _health(settings: Settings) -> Iterator[str]:
    if settings.ingress.scheme is Scheme.INTERNAL:
        yield (
            "ingress.scheme is internal: Route53 checks health from the public internet, sees no region"
            " as healthy and so moves no traffic, unless regions[].endpoint leads to an address that it can"
            " reach"
        )
    ingresses = {one.class_name: one for one in map(settings.ingress_of, settings.regions)}
    for name, ingress in sorted(ingresses.items()):
        if ingress.served_by not in ANSWERING and not settings.failover_enabled:
            key = "ingress.className" if name == settings.ingress.class_name else "regions[].ingressClass"
            yield (
                f"{key} is {name}: what answers /healthz/<region> with 200 on its load balancer"
                " is yours to configure"
            )
