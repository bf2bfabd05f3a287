"""Rules about clusters that regions share."""

from __future__ import annotations

from collections.abc import Iterator

from plan.names import context_cluster_id
from settings.models import Settings
from settings.problems import Problem
from settings.rules.base import Rule


def _ids(settings: Settings, _: str) -> Iterator[Problem]:
    """Contexts that differ only in characters that a cluster id cannot have."""
    owners: dict[str, str] = {}
    for index, region in enumerate(settings.regions):
        if region.cluster and region.cluster.context:
            context = region.cluster.context
            other = owners.setdefault(context_cluster_id(context), context)
            if other != context:
                path = ("regions", index, "cluster", "context")
                yield Problem(path, context, f"must differ from {other} in letters or digits")


def _facts(settings: Settings, _: str) -> Iterator[Problem]:
    """Contradictions between regions that share a cluster."""
    facts: dict[tuple[str, str], str] = {}
    for index, region in enumerate(settings.regions):
        if region.cluster is None or region.cluster.context is None:
            continue
        context = region.cluster.context
        own = {"eksName": region.cluster.eks_name, "oidcProviderArn": region.cluster.oidc_provider_arn}
        for key, value in own.items():
            if value and facts.setdefault((context, key), value) != value:
                requirement = f"must be {facts[context, key]}, as in another region with context {context}"
                yield Problem(("regions", index, "cluster", key), value, requirement, "Or remove the key.")


RULES = (Rule(_ids), Rule(_facts))
