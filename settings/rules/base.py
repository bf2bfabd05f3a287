"""The type of a rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from settings.companies import Company
from settings.models import Settings
from settings.problems import Path, Problem
from settings.regions import Region


@dataclass(frozen=True)
class Rule:
    """A check of the settings and the stack's name, and the keys that it depends on.

    In `reads`, `regions[*].name` is the name of any region, `companies[=].agent` the agent of the company
    with the problem, `regions[]` the number of regions, whatever their content. When one of these keys is
    invalid, the check's result is a guess, and is not reported.
    """

    check: Callable[[Settings, str], Iterator[Problem]]
    reads: tuple[str, ...] = ()

    def depends_on(self, invalid: Path, problem: Path) -> bool:
        return any(_meet(pattern, invalid, problem) for pattern in self._patterns)

    @cached_property
    def _patterns(self) -> list[list[str]]:
        return [re.findall(r"\w+|\[[*=]?\]", key) for key in self.reads]


def _meet(pattern: list[str], invalid: Path, problem: Path) -> bool:
    """Whether a key that the rule reads is the invalid key, contains it or lies in it."""
    for index, (wanted, part) in enumerate(zip(pattern, invalid, strict=False)):
        same = problem[: index + 1] == invalid[: index + 1]
        if wanted == "[=]" and problem[:index] == invalid[:index] and not same:
            return False
        if wanted not in ("[=]", "[*]", part):
            return False
    return True


def known_regions(settings: Settings, company: Company) -> list[Region]:
    """The company's regions that exist in the stack, each once."""
    regions = {region.name: region for region in settings.regions}
    return [regions[name] for name in dict.fromkeys(company.regions or regions) if name in regions]
