"""Rules about clusters that regions share."""

from __future__ import annotations

from collections.abc import Iterator

from plan.names import context_folder
from settings.faults import Fault
from settings.models import Settings
from settings.rules.base import Rule


def _folders(settings: Settings, _: str) -> Iterator[Fault]:
    """Contexts that differ only in characters that a folder's name has not."""
    owners: dict[str, str] = {}
    for index, region in enumerate(settings.regions):
        if region.cluster and region.cluster.context:
            context = region.cluster.context
            other = owners.setdefault(context_folder(context), context)
            if other != context:
                path = ("regions", index, "cluster", "context")
                yield Fault(path, context, f"a context whose name differs from {other} in letters or digits")


def _facts(settings: Settings, _: str) -> Iterator[Fault]:
    """What two regions say about the cluster that they share."""
    facts: dict[tuple[str, str], str] = {}
    for index, region in enumerate(settings.regions):
        if region.cluster is None or region.cluster.context is None:
            continue
        context = region.cluster.context
        given = {"eksName": region.cluster.eks_name, "oidcProviderArn": region.cluster.oidc_provider_arn}
        for key, value in given.items():
            if value and facts.setdefault((context, key), value) != value:
                accepted = (
                    f"{facts[context, key]}, as another region with context {context} says, or no such key"
                )
                yield Fault(("regions", index, "cluster", key), value, accepted)


RULES = (Rule(_folders), Rule(_facts))
