"""Geo codes are those of Route53."""

from __future__ import annotations

import pytest

from plan.geo import CONTINENTS, is_geo_code


@pytest.mark.parametrize("code", ["default", "EU", "AN", "country:TR", "country:NA", "country:XK"])
def test_route53_s_places_are_geo_codes(code: str) -> None:
    assert is_geo_code(code)


@pytest.mark.parametrize(
    "code", ["", "eu", "XX", "TR", "country:", "country:tr", "country:EU", "country:AN", "country:EH", "*"]
)
def test_what_route53_cannot_tell_apart_is_no_geo_code(code: str) -> None:
    assert not is_geo_code(code)


def test_there_are_seven_continents() -> None:
    assert len(CONTINENTS) == 7
    assert all(map(is_geo_code, CONTINENTS))
