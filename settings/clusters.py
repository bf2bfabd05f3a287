"""The Kubernetes clusters of a stack: the regions' `cluster` keys, grouped.

An EKS cluster never spans regions, so `{eks: x}` in two regions are two clusters. A context, or the ambient
kubeconfig, is a single cluster for all regions that name it.
"""

from __future__ import annotations

from dataclasses import dataclass

from plan.names import AMBIENT_CLUSTER_ID, context_cluster_id, eks_cluster_id
from settings.models import Settings
from settings.regions import ClusterRef, Region


@dataclass(frozen=True, kw_only=True)
class ClusterPlan:
    """A cluster and the regions that it hosts. `id` is its name in renders and in resource names."""

    id: str
    regions: tuple[Region, ...]
    context: str | None = None
    eks: str | None = None
    endpoint: str | None = None
    certificate_authority: str | None = None
    eks_name: str | None = None
    oidc_provider_arn: str | None = None
    region: str
    """The cluster's AWS region in EKS. Of a shared cluster, the first region by name with an `eksName`."""

    @property
    def looked_up(self) -> bool:
        return self.eks is not None and self.endpoint is None


def cluster_id_of(ref: ClusterRef | None, region: str) -> str:
    if ref is None:
        return AMBIENT_CLUSTER_ID
    return eks_cluster_id(region, ref.eks) if ref.eks else context_cluster_id(ref.context or "")


def clusters_of(settings: Settings) -> tuple[ClusterPlan, ...]:
    """The stack's clusters and their regions, both sorted by name."""
    groups: dict[str, list[Region]] = {}
    for region in sorted(settings.regions, key=lambda region: region.name):
        groups.setdefault(cluster_id_of(region.cluster, region.name), []).append(region)
    return tuple(_cluster(id, tuple(regions)) for id, regions in sorted(groups.items()))


def _cluster(id: str, regions: tuple[Region, ...]) -> ClusterPlan:
    refs = [(region.name, region.cluster) for region in regions if region.cluster]
    named = [(region, ref) for region, ref in refs if ref.eks_name]
    first = regions[0].cluster
    return ClusterPlan(
        id=id,
        regions=regions,
        context=first.context if first else None,
        eks=first.eks if first else None,
        endpoint=first.endpoint if first else None,
        certificate_authority=first.certificate_authority if first else None,
        eks_name=next((ref.eks or ref.eks_name for _, ref in refs if ref.eks or ref.eks_name), None),
        oidc_provider_arn=next((ref.oidc_provider_arn for _, ref in refs if ref.oidc_provider_arn), None),
        region=named[0][0] if named else regions[0].name,
    )
