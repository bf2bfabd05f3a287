"""A controller's view of each region, and the page on which it publishes its views to the other controllers.

No flag gates a view: it is the result of probes and reads, whatever was decided from them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class RegionView:
    """One region as one cluster sees it."""

    serving: bool
    """In its own cluster: at most half of the sample failed. Elsewhere: its page was read and says so."""
    home: bool = False
    """Whether the region is in the viewing cluster: only that cluster can probe the workloads."""
    reached: bool | None = None
    """Whether the region's edge answered; None when it was not asked."""
    sampled: int = 0
    failed: int = 0
    flagged: bool = False
    """In the flags of the region's own cluster, as far as the viewer knows. Never evidence."""
    companies: Mapping[str, bool] = field(default_factory=dict)
    """Dedicated companies by namespace: whether they serve there."""
    failing: Mapping[str, int] = field(default_factory=dict)
    """For how many rounds in a row its own cluster's probes have failed; by scope, those that do."""

    @property
    def dead(self) -> bool:
        """Nobody of the sample answers."""
        return 0 < self.sampled == self.failed


@dataclass(frozen=True, kw_only=True)
class Page:
    """What `/peer/<region>` answers."""

    cluster: str
    at: int
    """End of the page's round, UTC in milliseconds."""
    regions: Mapping[str, RegionView]


def probed_view(
    answers: Mapping[str, bool], sample: tuple[str, ...], *, reached: bool | None, flagged: bool
) -> RegionView:
    """A region of this cluster, from the companies' answers to this round's probes.

    A company without an answer was not probed (the settings changed under the round) and does not count.
    """
    asked = [name for name in sample if name in answers]
    failed = sum(not answers[name] for name in asked)
    return RegionView(
        serving=failed * 2 <= len(asked),
        home=True,
        reached=reached,
        sampled=len(asked),
        failed=failed,
        flagged=flagged,
        companies={name: answered for name, answered in answers.items() if name not in sample},
    )


def dump(page: Page) -> str:
    regions = {
        name: {
            "serving": view.serving,
            "home": view.home,
            "reached": view.reached,
            "sampled": view.sampled,
            "failed": view.failed,
            "flagged": view.flagged,
            "companies": dict(sorted(view.companies.items())),
            "failing": dict(sorted(view.failing.items())),
        }
        for name, view in sorted(page.regions.items())
    }
    return json.dumps({"cluster": page.cluster, "at": page.at, "regions": regions})


def parse(text: str) -> Page:
    """Keys that this version does not know are ignored. Raises ValueError for what is not a page."""
    content = _typed(json.loads(text), dict, "page")
    return Page(
        cluster=_typed(content.get("cluster"), str, "cluster"),
        at=_typed(content.get("at"), int, "at"),
        regions={
            name: _region(_typed(view, dict, name), name)
            for name, view in _typed(content.get("regions"), dict, "regions").items()
        },
    )


def _region(content: dict[str, Any], name: str) -> RegionView:
    companies = _typed(content.get("companies", {}), dict, f"{name}.companies")
    failing = _typed(content.get("failing", {}), dict, f"{name}.failing")
    reached = content.get("reached")
    return RegionView(
        serving=_typed(content.get("serving"), bool, f"{name}.serving"),
        home=_typed(content.get("home", False), bool, f"{name}.home"),
        reached=None if reached is None else _typed(reached, bool, f"{name}.reached"),
        sampled=_typed(content.get("sampled", 0), int, f"{name}.sampled"),
        failed=_typed(content.get("failed", 0), int, f"{name}.failed"),
        flagged=_typed(content.get("flagged", False), bool, f"{name}.flagged"),
        companies={
            company: _typed(serving, bool, f"{name}.companies.{company}")
            for company, serving in companies.items()
        },
        failing={scope: _typed(rounds, int, f"{name}.failing.{scope}") for scope, rounds in failing.items()},
    )


def _typed(value: Any, wanted: type, where: str) -> Any:
    # `type is`, not `isinstance`: JSON's true is no number.
    if type(value) is not wanted:
        raise ValueError(f"{where}: must be {wanted.__name__}, got {value!r}")
    return value
