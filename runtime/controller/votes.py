"""Votes: from the probes of a cluster and its peers' pages to one answer for each region: does it serve?

Two questions, and who can answer them:

- Do the region's workloads answer? Only its own cluster can probe them: its vote alone counts, and it says
  for how many rounds they have failed. Where its page cannot be read, the clusters that could read it repeat
  its vote.
- Can the region be reached? Every cluster votes: yes for a region whose edge gave it that region's page, no
  for one whose edge did not. The region's own cluster votes yes, unless it too fails to reach that edge from
  outside; then it abstains. More noes than yeses mean that the region does not serve: one cut link
  takes nothing down.

A cluster has one vote, however many regions it has. Who does not vote: a peer that cannot be read, one whose
page has not changed for STALE_ROUNDS, one that sees nothing serving at all, and one that reaches no edge, its
own (which it did reach before) included: it has lost its connection, and knows nothing of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from runtime.controller.config import ControllerConfig
from runtime.controller.survey import NOTHING_FOUND, Findings, most_fail
from runtime.controller.views import Page, RegionView, probed_view

REGION_WIDE = ""
"""The scope of flags that concern a region; the other scopes are dedicated companies' namespaces."""
STALE_ROUNDS = 3

Answers = Mapping[str, Mapping[str, bool]]
"""For each region of this cluster the companies that were probed, and whether they answered."""
Flags = Mapping[str, frozenset[str]]
"""For each scope the regions that count as failed."""


class Workloads(Enum):
    """Do the region's workloads answer?"""

    ANSWER = "answer"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Reach(Enum):
    """Can the region be reached?"""

    REACHED = "reached"
    CUT_OFF = "cut off"
    UNKNOWN = "unknown"


SERVING: Mapping[tuple[Workloads, Reach], bool | None] = {
    (Workloads.ANSWER, Reach.REACHED): True,
    (Workloads.ANSWER, Reach.UNKNOWN): True,
    (Workloads.ANSWER, Reach.CUT_OFF): False,
    (Workloads.FAIL, Reach.REACHED): False,
    (Workloads.FAIL, Reach.UNKNOWN): False,
    (Workloads.FAIL, Reach.CUT_OFF): False,
    (Workloads.UNKNOWN, Reach.REACHED): None,
    (Workloads.UNKNOWN, Reach.UNKNOWN): None,
    (Workloads.UNKNOWN, Reach.CUT_OFF): False,
}
"""Whether a region serves. None: unknown."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Of one round, one region and one scope."""

    serving: bool | None
    """None: unknown."""
    reached: bool = True
    """This cluster itself got its page from its edge; of an own region: its edge is not known to be dead."""
    flagged_by_its_cluster: bool = False
    """Its own cluster has taken it out. Restrains from relying on it; never a reason to fail it."""
    alive: bool = False
    """It is in this cluster and its workloads answer."""
    dead: bool = False
    """It is in this cluster and none of its workloads answers."""
    failing: int | None = None
    """For how many rounds the cluster that probes its workloads says that they fail; None where that is this
    one, or where it is not the workloads that keep the region from serving.
    """
    open: bool = False
    """It is in this cluster, its workloads answer, and its edge is not known to be dead: it has clients."""


@dataclass(frozen=True, kw_only=True)
class PageHistory:
    """Of a region's page, from one round to the next."""

    at: int | None = None
    """Of the page that its edge returned last; None before the first."""
    unchanged: int = 0
    """Rounds since that page last changed."""
    failing: Mapping[str, int] = field(default_factory=dict)
    """As on a page; of this cluster's regions."""


PageHistories = Mapping[str, PageHistory]


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """What one round found."""

    views: Mapping[str, RegionView]
    """This cluster's own: they go onto its page. Regions that it cannot judge are not in it."""
    evidence: Mapping[str, Mapping[str, Evidence]]
    """By scope, then by region."""
    histories: PageHistories


@dataclass(frozen=True, kw_only=True)
class _ClusterViews:
    """One cluster's views. A cluster that sees nothing serving votes only about its own workloads."""

    views: Mapping[str, RegionView]
    votes: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "votes", any(view.serving for view in self.views.values()))


def assess(
    config: ControllerConfig,
    answers: Answers,
    pages: Mapping[str, Page],
    flags: Flags,
    histories: PageHistories,
    findings: Findings = NOTHING_FOUND,
) -> Assessment:
    """One round. `answers` are those of the samples and of dedicated companies, `findings` what else the
    survey says of regions of this cluster.

    `pages` are those read in this round, by the region of the edge; unreadable pages are not in it.
    `flags` are those of this cluster, `histories` those that the last round returned.
    """
    pages = {region: page for region, page in pages.items() if _is_of(config, page, region)}
    seen = dict(histories) | {
        region: _history(histories.get(region, PageHistory()), page) for region, page in pages.items()
    }
    stale = frozenset(region for region in pages if seen[region].unchanged >= STALE_ROUNDS)
    views = dict(_own_views(config, answers, pages, flags, seen, findings))
    seen |= {
        region: replace(seen.get(region, PageHistory()), failing=view.failing)
        for region, view in views.items()
    }
    if pages or not any(seen[region].at is not None for region in config.regions):
        views |= _views_of_others(config, pages, stale)
    fresh = (page for region, page in pages.items() if region not in stale)
    clusters = [_ClusterViews(views=views), *_peers((config.cluster, config.alias), fresh)]
    wide = {region: _evidence(clusters, REGION_WIDE, region) for region in sorted(config.all)}
    regions_of = {name: sorted(config.companies[name].regions) for name in config.dedicated}
    dedicated = {
        name: {region: _evidence(clusters, name, region) for region in regions}
        for name, regions in regions_of.items()
    }
    return Assessment(views=views, evidence={REGION_WIDE: wide, **dedicated}, histories=seen)


def _is_of(config: ControllerConfig, page: Page, region: str) -> bool:
    """Whether the region's edge returned the page of the region's own cluster, not of some other backend."""
    view = page.regions.get(region)
    ours = page.cluster in (config.cluster, config.alias)
    return view is not None and view.in_own_cluster and ours == (region in config.regions)


def _history(last: PageHistory, page: Page) -> PageHistory:
    # Any other time counts as a change, an earlier one too: two replicas take turns.
    return replace(last, at=page.at, unchanged=last.unchanged + 1 if last.at == page.at else 0)


def _own_views(
    config: ControllerConfig,
    answers: Answers,
    pages: Mapping[str, Page],
    flags: Flags,
    seen: PageHistories,
    findings: Findings,
) -> Iterable[tuple[str, RegionView]]:
    for region in config.regions:
        last, asked = seen.get(region, PageHistory()), answers.get(region, {})
        # An edge that never answered from here may be one that cannot be asked from here: no evidence.
        view = probed_view(
            asked,
            config.samples[region],
            reached=region in pages if region in config.peers and last.at is not None else None,
            flagged=region in flags.get(REGION_WIDE, frozenset()),
        )
        known = region not in findings.unknown
        sample = [asked[name] for name in config.samples[region] if name in asked]
        fails = most_fail(sample) and region not in findings.refuted
        view = replace(view, known=known, serving=not (fails if known else view.flagged))
        yield region, replace(view, failing=_failing(view, last.failing))


def _failing(view: RegionView, before: Mapping[str, int]) -> dict[str, int]:
    verdicts = {REGION_WIDE: view.serving or not view.known, **view.companies}
    return {scope: before.get(scope, 0) + 1 for scope, serving in verdicts.items() if not serving}


def _views_of_others(
    config: ControllerConfig, pages: Mapping[str, Page], stale: frozenset[str]
) -> dict[str, RegionView]:
    views = {}
    for region in config.all:
        if region in config.regions or region not in config.peers or region in stale:
            continue
        if region in pages:
            views[region] = replace(pages[region].regions[region], in_own_cluster=False, reached=True)
        else:
            views[region] = RegionView(serving=False, reached=False)
    return views


def _peers(own: tuple[str, str], pages: Iterable[Page]) -> Iterable[_ClusterViews]:
    newest: dict[str, Page] = {}
    for page in pages:
        known = newest.get(page.cluster)
        if page.cluster not in own and (known is None or page.at > known.at):
            newest[page.cluster] = page
    for _, page in sorted(newest.items()):
        yield _ClusterViews(views=page.regions)


def _evidence(clusters: list[_ClusterViews], scope: str, region: str) -> Evidence:
    """`clusters` begin with this cluster's own."""
    views = [cluster.views[region] for cluster in clusters if region in cluster.views]
    own = clusters[0].views.get(region)
    mine = own if own and own.in_own_cluster else None
    workloads = _workloads(views, scope)
    reach = _reach([each.views[region] for each in clusters if each.votes and region in each.views])
    failing = [view.failing[scope] for view in views if scope in view.failing]
    answer = workloads is Workloads.ANSWER
    return Evidence(
        serving=SERVING[workloads, reach],
        reached=own is not None and (own.reached is True or (own.in_own_cluster and own.reached is None)),
        flagged_by_its_cluster=scope == REGION_WIDE and any(view.flagged for view in views),
        alive=mine is not None and answer,
        dead=mine is not None and (mine.dead if scope == REGION_WIDE else workloads is Workloads.FAIL),
        failing=max(failing) if failing and mine is None and reach is not Reach.CUT_OFF else None,
        open=mine is not None and answer and mine.reached is not False,
    )


def _workloads(views: list[RegionView], scope: str) -> Workloads:
    """By the region's own cluster, or by those who could read its page."""
    votes = [
        (view.in_own_cluster, verdict)
        for view in views
        if (view.in_own_cluster or view.reached) and (verdict := _verdict(view, scope)) is not None
    ]
    own = [verdict for own, verdict in votes if own][:1]
    counted = own or [verdict for _, verdict in votes]
    if not counted:
        return Workloads.UNKNOWN
    return Workloads.ANSWER if counted.count(True) >= counted.count(False) else Workloads.FAIL


def _verdict(view: RegionView, scope: str) -> bool | None:
    if scope == REGION_WIDE:
        return view.serving if view.known else None
    return view.companies.get(scope)


def _reach(views: list[RegionView]) -> Reach:
    """A region's own cluster abstains when it too fails to reach the edge from outside."""
    votes = [
        view.in_own_cluster or view.reached
        for view in views
        if not (view.in_own_cluster and view.reached is False)
    ]
    if not votes:
        return Reach.UNKNOWN
    return Reach.REACHED if votes.count(True) >= votes.count(False) else Reach.CUT_OFF
