"""Geo codes of the policy `geo`: `default`, a continent (`EU`) or a country (`country:TR`).

The countries, and the continent of each, are those of Route53 (developer guide, "Values specific for
geolocation records"). The table is here because the library that has it takes 180 MB.
"""

from __future__ import annotations

DEFAULT = "default"
COUNTRY_PREFIX = "country:"

_COUNTRIES = {
    "AF": (
        "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG ER ET GA GH GM GN GQ GW KE KM LR LS LY MA MG ML MR MU "
        "MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW"
    ),
    "AN": "AQ GS TF",
    "AS": (
        "AE AF AM AZ BD BH BN BT CC CN GE HK ID IL IN IO IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM MN MO "
        "MV MY NP OM PH PK PS QA SA SG SY TH TJ TM TW UZ VN YE"
    ),
    "EU": (
        "AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU "
        "LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM TR UA VA XK"
    ),
    "NA": (
        "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX NI PA PM "
        "PR SV SX TC TT US VC VG VI"
    ),
    "OC": "AS AU CK FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TL TO TV UM VU WF WS",
    "SA": "AR BO BR CL CO EC FK GF GY PE PY SR UY VE",
}

CONTINENTS = frozenset(_COUNTRIES)
_CONTINENT_OF = {
    country: continent for continent, countries in _COUNTRIES.items() for country in countries.split()
}


def is_geo_code(code: str) -> bool:
    """Whether Route53 can route by this code. Codes are case-sensitive."""
    if code.startswith(COUNTRY_PREFIX):
        return code.removeprefix(COUNTRY_PREFIX) in _CONTINENT_OF
    return code == DEFAULT or code in CONTINENTS


def continent_of(code: str) -> str | None:
    """The continent of a country's code; None for any other text."""
    if not code.startswith(COUNTRY_PREFIX):
        return None
    return _CONTINENT_OF.get(code.removeprefix(COUNTRY_PREFIX))
