"""What a rule is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from settings.faults import Fault, Path
from settings.models import Company, Region, Settings


@dataclass(frozen=True)
class Rule:
    """A check of the settings and the stack's name, and the keys that it goes by.

    In `reads`, `regions[*].name` is the name of any region, `companies[=].agent` is that of the very company
    that the check complains about, `regions[]` the list as such: how many there are, not what they hold. When
    one of these keys is at fault itself, what the check says is a guess, and is not said.
    """

    check: Callable[[Settings, str], Iterator[Fault]]
    reads: tuple[str, ...] = ()

    def depends_on(self, doubtful: Path, complaint: Path) -> bool:
        return any(_meet(pattern, doubtful, complaint) for pattern in self._patterns)

    @cached_property
    def _patterns(self) -> list[list[str]]:
        return [re.findall(r"\w+|\[[*=]?\]", key) for key in self.reads]


def _meet(pattern: list[str], doubtful: Path, complaint: Path) -> bool:
    """Whether one of two keys is the other or lies in it."""
    for index, (wanted, part) in enumerate(zip(pattern, doubtful, strict=False)):
        same = complaint[: index + 1] == doubtful[: index + 1]
        if wanted == "[=]" and complaint[:index] == doubtful[:index] and not same:
            return False
        if wanted not in ("[=]", "[*]", part):
            return False
    return True


def known_regions(settings: Settings, company: Company) -> list[Region]:
    """The company's regions that the stack has, each once."""
    regions = {region.name: region for region in settings.regions}
    return [regions[name] for name in dict.fromkeys(company.regions or regions) if name in regions]
