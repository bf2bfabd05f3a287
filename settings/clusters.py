"""Which Kubernetes clusters a stack has: the regions' `cluster` keys, grouped.

An EKS cluster never spans regions, so `{eks: x}` of two regions are two clusters. A context, or the
ambient kubeconfig, is one cluster however many regions name it.
"""

from __future__ import annotations

from dataclasses import dataclass

from plan.names import AMBIENT_FOLDER, context_folder, eks_folder
from settings.models import ClusterRef, Region, Settings


@dataclass(frozen=True, kw_only=True)
class ClusterPlan:
    """A cluster and the regions it hosts. `folder` names it everywhere: in renders, in resource names."""

    folder: str
    regions: tuple[Region, ...]
    context: str | None = None
    eks: str | None = None
    endpoint: str | None = None
    certificate_authority: str | None = None
    eks_name: str | None = None
    oidc_provider_arn: str | None = None
    home: str
    """The AWS region where EKS knows the cluster: of a shared one, the first by name that gives `eksName`."""

    @property
    def looked_up(self) -> bool:
        return self.eks is not None and self.endpoint is None


def folder_of(ref: ClusterRef | None, region: str) -> str:
    if ref is None:
        return AMBIENT_FOLDER
    return eks_folder(region, ref.eks) if ref.eks else context_folder(ref.context or "")


def clusters_of(settings: Settings) -> tuple[ClusterPlan, ...]:
    """The stack's clusters in the order of their folders' names; their regions in the order of theirs."""
    groups: dict[str, list[Region]] = {}
    for region in sorted(settings.regions, key=lambda region: region.name):
        groups.setdefault(folder_of(region.cluster, region.name), []).append(region)
    return tuple(_cluster(folder, tuple(regions)) for folder, regions in sorted(groups.items()))


def _cluster(folder: str, regions: tuple[Region, ...]) -> ClusterPlan:
    refs = [(region.name, region.cluster) for region in regions if region.cluster]
    named = [(region, ref) for region, ref in refs if ref.eks_name]
    first = regions[0].cluster
    return ClusterPlan(
        folder=folder,
        regions=regions,
        context=first.context if first else None,
        eks=first.eks if first else None,
        endpoint=first.endpoint if first else None,
        certificate_authority=first.certificate_authority if first else None,
        eks_name=next((ref.eks or ref.eks_name for _, ref in refs if ref.eks or ref.eks_name), None),
        oidc_provider_arn=next((ref.oidc_provider_arn for _, ref in refs if ref.oidc_provider_arn), None),
        home=named[0][0] if named else regions[0].name,
    )
