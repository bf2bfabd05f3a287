"""What a breaker is, and what breakers do to any stack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tests.strategies import Raw


class Pick(Protocol):
    def __call__(self, choices: Sequence[Any]) -> Any: ...


Breaker = Callable[[Raw, Pick], str]
"""Changes a stack in place, asks where there is a choice, and returns the path of the key to be named."""


def long_form(raw: Raw, key: str) -> list[Raw]:
    """The items of a list, each as a mapping."""
    raw[key] = [item if isinstance(item, dict) else {"name": item} for item in raw[key]]
    items: list[Raw] = raw[key]
    return items


def any_region(raw: Raw, pick: Pick) -> tuple[str, Raw]:
    regions = long_form(raw, "regions")
    index = pick(range(len(regions)))
    return f"regions[{index}]", regions[index]


def new_region(raw: Raw, **keys: Any) -> tuple[str, Raw]:
    """One region more, which breaks nothing of the others."""
    regions = long_form(raw, "regions")
    used = {region["name"] for region in regions}
    name = next(name for name in ("eu-north-1", "ca-central-1", "ap-south-1") if name not in used)
    if any("kmsKeyArn" in region for region in regions):
        keys["kmsKeyArn"] = f"arn:aws:kms:{name}:123456789012:key/0123"
    regions.append({"name": name, "ingressFrom": ["10.99.0.0/24"], **keys})
    return f"regions[{len(regions) - 1}]", regions[-1]


def new_company(raw: Raw, **keys: Any) -> tuple[str, Raw]:
    companies = long_form(raw, "companies")
    companies.append({"name": f"newcomer-{len(companies)}", **keys})
    return f"companies[{len(companies) - 1}]", companies[-1]


def an_active_region(raw: Raw) -> str:
    return next(str(region["name"]) for region in long_form(raw, "regions") if region.get("active", True))
