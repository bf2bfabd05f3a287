"""Everything that can be wrong with a stack file, one fault each: how to break it, what the line says."""

from tests.settings.broken import clusters, companies, ingresses, names, regions, rest, routing
from tests.settings.broken.base import KEY_VALUE, Broken

__all__ = ["ALL", "KEY_VALUE", "Broken"]

ALL: list[Broken] = [
    *regions.REGIONS,
    *clusters.CLUSTERS,
    *companies.COMPANIES,
    *names.NAMES,
    *routing.FAILOVER,
    *routing.BALANCING,
    *routing.GEO,
    *ingresses.EDGES,
    *rest.IMAGES,
    *rest.REST,
    *rest.UNKNOWN,
]
