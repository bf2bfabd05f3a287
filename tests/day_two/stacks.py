"""The stack that is changed here: three regions in three clusters, two companies."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from tests.components.stacks import EU, US, WEST, eks, stack
from tests.strategies import Raw

ACME, GLOBEX, INITECH = "acme", "globex", "initech"
"""acme lives everywhere and globex in two regions, so that each has a tree of records of its own."""

CLUSTERS = {EU: f"eks-{EU}-green", US: f"eks-{US}-blue", WEST: f"eks-{WEST}-green"}

BASE: Raw = stack(
    loadBalancing={"policy": "latency"},
    regions=[
        eks(US, "blue", geo=["default"], storageClass="gp3"),
        eks(EU, "green", geo=["EU", "country:TR"], storageClass="gp3"),
        eks(WEST, "green", active=False, storageClass="gp3"),
    ],
    companies=[
        {"name": ACME},
        {"name": GLOBEX, "regions": [US, EU], "apiKeys": {"OPENAI_API_KEY": {"secure": "sk-first"}}},
    ],
)


def edited(raw: Raw, edit: Callable[[Raw], object] | None = None, **settings: Any) -> Raw:
    """A copy of a stack with some settings of its own; `edit` changes the copy in place."""
    copied = copy.deepcopy(raw) | settings
    if edit:
        edit(copied)
    return copied


def policy(name: str, **settings: Any) -> Raw:
    """The stack under another load balancing policy."""
    return edited(BASE, loadBalancing={"policy": name}, **settings)


def region(name: str, **changes: Any) -> Callable[[Raw], object]:
    """An edit that changes keys of a region."""
    return lambda raw: _named(raw["regions"], name).update(changes)


def company(name: str, **changes: Any) -> Callable[[Raw], object]:
    """An edit that changes keys of a company; mappings are merged."""

    def edit(raw: Raw) -> None:
        found = _named(raw["companies"], name)
        for key, value in changes.items():
            found[key] = {**found.get(key, {}), **value} if isinstance(value, dict) else value

    return edit


def without(name: str) -> Callable[[Raw], object]:
    """An edit that takes a region or a company out of its list."""

    def edit(raw: Raw) -> None:
        for key in ("regions", "companies"):
            raw[key] = [one for one in raw[key] if one["name"] != name]

    return edit


def _named(items: list[Raw], name: str) -> Raw:
    return next(item for item in items if item["name"] == name)
