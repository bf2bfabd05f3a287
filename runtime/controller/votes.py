"""From what a cluster saw itself and what its peers' pages say to one answer a region: does it serve?

Two questions, and who can answer them:

- Do the region's workloads answer? Only its own cluster can ask them: it has the only word, and says for how
  many rounds it has been so. Where its page cannot be read, those who could read it are asked for that word.
- Can the region be reached? Every cluster votes: yes for a region whose edge gave it that region's page, no
  for one whose edge did not. The region's own cluster votes yes, unless it too fails to reach that edge from
  outside; then it abstains. More noes than yeses mean that the region does not serve: one cut link takes
  nothing down.

A cluster has one vote, however many regions it has. Who does not vote: a peer that cannot be read, one whose
page has not moved for STALE_ROUNDS, one that sees nothing serving at all, and one that reaches no edge, its
own (which it did reach before) included: it has lost its way out, and knows nothing of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from runtime.controller.settings import ControllerSettings
from runtime.controller.views import Page, RegionView, probed_view

REGION_WIDE = ""
"""The scope of flags that concern a region; the other scopes are dedicated companies' namespaces."""
STALE_ROUNDS = 3

Answers = Mapping[str, Mapping[str, bool]]
"""For each region of this cluster the companies that were probed, and whether they answered."""
Flags = Mapping[str, frozenset[str]]
"""For each scope the regions that count as failed."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What one round says of one region in one scope."""

    serving: bool | None
    """None: nobody could tell."""
    reached: bool = True
    """This cluster itself got its page from its edge; of an own region: its edge is not known to be dead."""
    flagged_at_home: bool = False
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
class Sighting:
    """What is remembered of a region from one round to the next."""

    at: int | None = None
    """Of the page that its edge gave last; None when it never gave one."""
    unmoved: int = 0
    """Rounds since that page was a new one."""
    failing: Mapping[str, int] = field(default_factory=dict)
    """As on a page; of this cluster's regions."""


Sightings = Mapping[str, Sighting]


@dataclass(frozen=True, kw_only=True)
class Look:
    """One round's looking around."""

    views: Mapping[str, RegionView]
    """What this cluster saw itself: goes onto its own page. Regions that it cannot judge are not in it."""
    evidence: Mapping[str, Mapping[str, Evidence]]
    """By scope, then by region."""
    sightings: Sightings


@dataclass(frozen=True, kw_only=True)
class _Vantage:
    """One cluster's views. One that sees nothing serving speaks only for its own workloads."""

    views: Mapping[str, RegionView]
    votes: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "votes", any(view.serving for view in self.views.values()))


def look(
    settings: ControllerSettings,
    answers: Answers,
    pages: Mapping[str, Page],
    flags: Flags,
    sightings: Sightings,
) -> Look:
    """Take this round together.

    `pages` are those read this round, by the region at whose edge; one that could not be read is not in it.
    `flags` are those in force in this cluster, `sightings` those that the last round returned.
    """
    pages = {region: page for region, page in pages.items() if _is_of(settings, page, region)}
    seen = dict(sightings) | {
        region: _sighting(sightings.get(region, Sighting()), page) for region, page in pages.items()
    }
    stale = frozenset(region for region in pages if seen[region].unmoved >= STALE_ROUNDS)
    views = dict(_own_views(settings, answers, pages, flags, seen))
    seen |= {
        region: replace(seen.get(region, Sighting()), failing=view.failing) for region, view in views.items()
    }
    if pages or not any(seen[region].at is not None for region in settings.regions):
        views |= _views_of_others(settings, pages, stale)
    fresh = (page for region, page in pages.items() if region not in stale)
    vantages = [_Vantage(views=views), *_peers(settings.cluster, fresh)]
    wide = {region: _evidence(vantages, REGION_WIDE, region) for region in sorted(settings.all)}
    regions_of = {name: sorted(settings.companies[name].regions) for name in settings.dedicated}
    dedicated = {
        name: {region: _evidence(vantages, name, region) for region in regions}
        for name, regions in regions_of.items()
    }
    return Look(views=views, evidence={REGION_WIDE: wide, **dedicated}, sightings=seen)


def _is_of(settings: ControllerSettings, page: Page, region: str) -> bool:
    """Whether the region's edge gave the page of the region's own cluster, and not some other backend's."""
    view = page.regions.get(region)
    ours = page.cluster == settings.cluster
    return view is not None and view.home and ours == (region in settings.regions)


def _sighting(last: Sighting, page: Page) -> Sighting:
    # Any other time counts as moved, an earlier one too: two replicas take turns in answering.
    return replace(last, at=page.at, unmoved=last.unmoved + 1 if last.at == page.at else 0)


def _own_views(
    settings: ControllerSettings,
    answers: Answers,
    pages: Mapping[str, Page],
    flags: Flags,
    seen: Sightings,
) -> Iterable[tuple[str, RegionView]]:
    for region in settings.regions:
        last = seen.get(region, Sighting())
        # An edge that never answered from here may be one that cannot be asked from here: no evidence.
        view = probed_view(
            answers.get(region, {}),
            settings.samples[region],
            reached=region in pages if region in settings.peers and last.at is not None else None,
            flagged=region in flags.get(REGION_WIDE, frozenset()),
        )
        yield region, replace(view, failing=_failing(view, last.failing))


def _failing(view: RegionView, before: Mapping[str, int]) -> dict[str, int]:
    verdicts = {REGION_WIDE: view.serving, **view.companies}
    return {scope: before.get(scope, 0) + 1 for scope, serving in verdicts.items() if not serving}


def _views_of_others(
    settings: ControllerSettings, pages: Mapping[str, Page], stale: frozenset[str]
) -> dict[str, RegionView]:
    views = {}
    for region in settings.all:
        if region in settings.regions or region not in settings.peers or region in stale:
            continue
        if region in pages:
            views[region] = replace(pages[region].regions[region], home=False, reached=True)
        else:
            views[region] = RegionView(serving=False, reached=False)
    return views


def _peers(own_cluster: str, pages: Iterable[Page]) -> Iterable[_Vantage]:
    newest: dict[str, Page] = {}
    for page in pages:
        known = newest.get(page.cluster)
        if page.cluster != own_cluster and (known is None or page.at > known.at):
            newest[page.cluster] = page
    for _, page in sorted(newest.items()):
        yield _Vantage(views=page.regions)


def _evidence(vantages: list[_Vantage], scope: str, region: str) -> Evidence:
    """`vantages` begin with this cluster's own."""
    views = [vantage.views[region] for vantage in vantages if region in vantage.views]
    own = vantages[0].views.get(region)
    mine = own if own and own.home else None
    word = _word(views, scope)
    reached = _is_reached([each.views[region] for each in vantages if each.votes and region in each.views])
    failing = [view.failing[scope] for view in views if scope in view.failing]
    return Evidence(
        serving=False if word is False or reached is False else word,
        reached=own is not None and (own.reached is True or (own.home and own.reached is None)),
        flagged_at_home=scope == REGION_WIDE and any(view.flagged for view in views),
        alive=mine is not None and word is True,
        dead=mine is not None and (mine.dead if scope == REGION_WIDE else word is False),
        failing=max(failing) if failing and mine is None and reached is not False else None,
        open=mine is not None and word is True and mine.reached is not False,
    )


def _word(views: list[RegionView], scope: str) -> bool | None:
    """What the region's own cluster says of its workloads: itself, or through those who read its page."""
    said = [
        (view.home, verdict)
        for view in views
        if (view.home or view.reached)
        and (verdict := view.serving if scope == REGION_WIDE else view.companies.get(scope)) is not None
    ]
    for home, verdict in said:
        if home:
            return verdict
    repeated = [verdict for _, verdict in said]
    return repeated.count(True) >= repeated.count(False) if repeated else None


def _is_reached(views: list[RegionView]) -> bool | None:
    abstain = [view.home and view.reached is False for view in views]
    votes = [view.home or view.reached for view, silent in zip(views, abstain, strict=True) if not silent]
    yes, no = votes.count(True), votes.count(False)
    return yes >= no if votes else None
