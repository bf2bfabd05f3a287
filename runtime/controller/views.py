"""A controller's view of each region, and the page on which it publishes its views to the other controllers.

No flag gates a view: it is the result of probes and reads, whatever was decided from them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from runtime import documents
from runtime.documents import Document

LARGEST = 1 << 20
"""Bytes of a page: 500 dedicated companies in 5 regions take 200 kB."""
LONGEST_NAME = 253
SCHEME = "Bearer"
"""Of the header `Authorization` that opens a page."""
PUBLIC_BYTES = 256
"""Of every public page."""


@dataclass(frozen=True, kw_only=True)
class RegionView:
    """One region as one cluster sees it."""

    serving: bool
    """In its own cluster: what the probes say together (see `survey`). Elsewhere: its page was read and says
    so."""
    known: bool = True
    """Whether that is evidence: a controller that has just started knows nothing of workloads that have not
    answered it yet."""
    in_own_cluster: bool = False
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
        return not self.serving and 0 < self.sampled == self.failed


@dataclass(frozen=True, kw_only=True)
class Page:
    """What `/peer/<region>` answers to other controllers of the stack."""

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
        in_own_cluster=True,
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
            "known": view.known,
            "home": view.in_own_cluster,
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


def dump_public(page: Page, region: str, alias: str) -> str:
    """What everybody may read of a page: whether the region serves, which its health path says too. Without
    names, and always of one size. A controller that does not know the Secret, or an older one, takes it for
    a page that says nothing of companies and of other regions.
    """
    view = page.regions[region]
    regions = {region: {"serving": view.serving, "known": view.known, "home": True}}
    return json.dumps({"cluster": alias, "at": page.at, "regions": regions}).ljust(PUBLIC_BYTES)


def parse(data: bytes) -> Page:
    """Keys that this version does not know are ignored. Raises ValueError for what is not a page."""
    content = documents.parse(data, "page", limit=LARGEST)
    regions = content.object("regions")
    return Page(
        cluster=content.text("cluster", longest=LONGEST_NAME),
        at=content.number("at"),
        regions={name: _region(regions.object(name)) for name in regions.names()},
    )


def _region(content: Document) -> RegionView:
    companies = content.object("companies") if content.has("companies") else None
    failing = content.object("failing") if content.has("failing") else None
    return RegionView(
        serving=content.flag("serving"),
        known=content.flag("known", default=True),
        in_own_cluster=content.flag("home", default=False),
        reached=content.flag("reached") if content.has("reached") else None,
        sampled=content.number("sampled", default=0),
        failed=content.number("failed", default=0),
        flagged=content.flag("flagged", default=False),
        companies={name: companies.flag(name) for name in companies.names()} if companies else {},
        failing={scope: failing.number(scope) for scope in failing.names()} if failing else {},
    )
