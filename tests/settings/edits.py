"""A small valid stack, and edits by path that break it."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

from settings import SettingsError, parse
from tests.strategies import Raw

Edit = Callable[[Raw], None]

US, EU, WEST = "us-east-1", "eu-west-1", "us-west-2"


def small_stack() -> Raw:
    """Two active regions and three companies, with required keys only."""
    return {
        "domain": "agency.example.com",
        "hostedZoneId": "Z0123456789ABCDEFGHIJ",
        "images": {"agency": "registry.example.com/agency:1.4.2"},
        "regions": [{"name": US}, {"name": EU}],
        "ingress": {"className": "nginx"},
        "companies": [{"name": "client-a"}, {"name": "client-b"}, {"name": "client-c"}],
    }


def on_eks(raw: Raw) -> None:
    """Clusters of EKS behind load balancers of AWS, whose subnets are looked up."""
    raw["ingress"] = {"className": "alb"}
    for region in raw["regions"]:
        region["cluster"] = {"eks": "prod-blue"}


def put(path: str, value: Any) -> Edit:
    """Set the value at a path such as `regions[1].weight`, and create missing mappings on the way."""
    *way, last = _parts(path)

    def edit(raw: Raw) -> None:
        node: Any = raw
        for part in way:
            node = node.setdefault(part, {}) if isinstance(node, dict) else node[part]
        node[last] = value

    return edit


def drop(path: str) -> Edit:
    """Remove the value at a path."""
    *way, last = _parts(path)

    def edit(raw: Raw) -> None:
        node: Any = raw
        for part in way:
            node = node[part]
        del node[last]

    return edit


def both(*edits: Edit) -> Edit:
    def edit(raw: Raw) -> None:
        for change in edits:
            change(raw)

    return edit


def _parts(path: str) -> list[str | int]:
    return [int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", path)]


def edited(*edits: Edit, base: Raw | None = None) -> Raw:
    raw = copy.deepcopy(base or small_stack())
    both(*edits)(raw)
    return raw


def lines(raw: Raw, stack: str = "prod") -> list[str]:
    """The lines of the error of a stack; none if it is valid."""
    try:
        parse(raw, stack)
    except SettingsError as error:
        return str(error).splitlines()
    return []


def key_of(line: str) -> str:
    """The key that a line names."""
    return line.partition(": ")[0]
