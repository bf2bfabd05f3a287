"""Broken stack files, one for each possible problem: the edit that breaks it, and its line."""

from tests.settings.broken import (
    accelerators,
    clusters,
    companies,
    ingresses,
    names,
    networks,
    regions,
    rest,
    routing,
    unknown,
)
from tests.settings.broken.base import KEY_VALUE, Broken

__all__ = ["ALL", "KEY_VALUE", "Broken"]

ALL: list[Broken] = [
    *regions.REGIONS,
    *clusters.CLUSTERS,
    *companies.COMPANIES,
    *names.NAMES,
    *routing.FAILOVER,
    *routing.BALANCING,
    *accelerators.ACCELERATED,
    *routing.GEO,
    *ingresses.EDGES,
    *networks.OPENINGS,
    *rest.IMAGES,
    *rest.REST,
    *unknown.UNKNOWN,
]
