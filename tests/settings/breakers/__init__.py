"""Ways to break any valid stack, each with the key that the error must name."""

from tests.settings.breakers.base import Breaker
from tests.settings.breakers.companies import COMPANIES
from tests.settings.breakers.regions import REGIONS
from tests.settings.breakers.rest import REST

__all__ = ["BREAKERS", "Breaker"]

BREAKERS: tuple[Breaker, ...] = (*REGIONS, *COMPANIES, *REST)
