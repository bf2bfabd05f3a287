"""Who is asked whether a region serves, and who is believed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from runtime.contracts.controller import Company
from runtime.controller.config import ControllerConfig
from runtime.controller.views import Page, RegionView
from runtime.controller.votes import (
    REGION_WIDE,
    SERVING,
    STALE_ROUNDS,
    Assessment,
    Evidence,
    Flags,
    Reach,
    Workloads,
    assess,
)
from tests.controller.histories import untimed

US, WEST, EU, AP = "us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2"
EVERYWHERE = (US, WEST, EU, AP)
HOMES = {US: "us", WEST: "us", EU: "eu", AP: "ap"}
ANSWERS = {region: {f"company-{number}": True for number in range(4)} for region in (US, WEST)}


def settings(*, own_edges: bool = True, own: tuple[str, ...] = (US, WEST)) -> ControllerConfig:
    return ControllerConfig(
        cluster="us",
        regions=own,
        all=EVERYWHERE,
        peers={region: f"https://{region}" for region in EVERYWHERE if own_edges or region not in own},
        companies={
            **{f"company-{number}": Company(regions=EVERYWHERE) for number in range(4)},
            "big": Company(regions=EVERYWHERE, dedicated=True),
        },
    )


def page(cluster: str, *, at: int = 1, big: bool = True, **serving: bool | None) -> Page:
    """A page on which everything serves, but for `us_east_1=False` (seen so) or `None` (no view)."""
    views = {}
    for region in EVERYWHERE:
        serves = serving.get(region.replace("-", "_"), True)
        if serves is not None:
            mine = HOMES[region] == cluster
            view = RegionView(
                serving=serves, in_own_cluster=mine, reached=serves or mine, companies={"big": big and serves}
            )
            views[region] = view
    return Page(cluster=cluster, at=at, regions=views)


def pages(**changed: Page | None) -> dict[str, Page]:
    """What all edges answer, but for `eu=page(…)`, or None where nothing can be read."""
    read = {cluster: changed.get(cluster, page(cluster)) for cluster in HOMES.values()}
    return {region: found for region, cluster in HOMES.items() if (found := read[cluster]) is not None}


def looked(
    read: Mapping[str, Page],
    answers: Mapping[str, Mapping[str, bool]] = ANSWERS,
    flags: Flags | None = None,
    config: ControllerConfig | None = None,
    before: Assessment | None = None,
) -> Assessment:
    histories = (before or assess(config or settings(), ANSWERS, pages(), {}, {})).histories
    return assess(config or settings(), answers, read, flags or {}, histories)


def serving(seen: Assessment, scope: str = REGION_WIDE) -> dict[str, bool | None]:
    return {region: each.serving for region, each in seen.evidence[scope].items()}


def dead(region: str, companies: int) -> dict[str, dict[str, bool]]:
    answers = {f"company-{number}": number >= companies for number in range(4)}
    return {**ANSWERS, region: answers}


def test_everything_serves_where_nothing_is_wrong() -> None:
    assert serving(looked(pages())) == dict.fromkeys(EVERYWHERE, True)


def test_a_region_fails_when_more_than_half_of_its_sample_fails() -> None:
    assert serving(looked(pages(), dead(US, 2)))[US] is True
    assert serving(looked(pages(), dead(US, 3)))[US] is False


def test_of_its_own_workloads_a_cluster_has_the_last_word() -> None:
    seen = looked(pages(), dead(US, 4))
    assert serving(seen)[US] is False
    assert seen.evidence[REGION_WIDE][US].dead and not seen.evidence[REGION_WIDE][US].alive
    theirs = looked(pages(eu=page("eu", eu_west_1=False)))
    assert serving(theirs)[EU] is False


def test_one_cluster_that_does_not_reach_a_region_takes_nothing_down() -> None:
    assert serving(looked(pages(eu=page("eu", us_east_1=False))))[US] is True
    assert serving(looked({name: each for name, each in pages().items() if name != EU}))[EU] is True


def test_a_majority_that_does_not_reach_a_region_takes_it_down() -> None:
    both = pages(eu=page("eu", us_east_1=False), ap=page("ap", us_east_1=False))
    assert serving(looked(both)) == {US: False, WEST: True, EU: True, AP: True}
    assert looked(both).evidence[REGION_WIDE][US].open


def test_a_region_whose_page_nobody_reads_does_not_serve() -> None:
    gone = pages(eu=None, ap=page("ap", eu_west_1=False))
    assert serving(looked(gone))[EU] is False


def test_a_cluster_whose_own_edge_is_dead_leaves_the_vote_to_those_who_ask_from_outside() -> None:
    read = pages(eu=page("eu", us_east_1=False), ap=None)
    del read[US]
    assert serving(looked(read))[US] is False
    assert not looked(read).evidence[REGION_WIDE][US].open
    unasked = looked(read, config=settings(own_edges=False))
    assert serving(unasked)[US] is True


def test_an_edge_that_never_answered_from_here_is_no_evidence() -> None:
    read = pages(eu=page("eu", us_east_1=False), ap=None)
    del read[US]
    fresh = assess(settings(), ANSWERS, read, {}, {})
    assert serving(fresh)[US] is True


def test_a_cluster_that_lost_its_egress_says_nothing_of_the_others() -> None:
    seen = looked({})
    assert serving(seen) == {US: True, WEST: True, EU: None, AP: None}
    assert set(seen.views) == {US, WEST}


def test_a_cluster_that_cannot_tell_whether_it_lost_its_egress_says_what_it_sees() -> None:
    seen = looked(
        {}, config=settings(own_edges=False), before=assess(settings(own_edges=False), ANSWERS, {}, {}, {})
    )
    assert serving(seen) == {US: True, WEST: True, EU: False, AP: False}


def test_a_page_that_stands_still_does_not_vote() -> None:
    config, histories = settings(), {}
    results = []
    for at in range(STALE_ROUNDS + 3):
        read = pages(us=page("us", at=at), ap=page("ap", at=at))
        seen = assess(config, ANSWERS, read, {}, histories)
        histories = seen.histories
        results.append((EU in seen.views, serving(seen)[EU]))
    assert results == [(True, True)] * STALE_ROUNDS + [(False, True)] * 3, "ap still reaches it"
    alone = {name: each for name, each in read.items() if name != AP}
    assert serving(assess(config, ANSWERS, alone, {}, histories))[EU] is None


def test_two_replicas_that_take_turns_are_no_page_that_stands_still() -> None:
    histories = {}
    for turn in range(10):
        seen = assess(settings(), ANSWERS, pages(eu=page("eu", at=100 + turn % 2)), {}, histories)
        histories = seen.histories
    assert EU in seen.views


def test_echoes_of_an_own_word_that_was_taken_back_are_no_votes() -> None:
    late = pages(eu=page("eu"), ap=page("ap"))
    echo = RegionView(serving=False, reached=True, failing={REGION_WIDE: 2})
    late = {
        name: replace(each, regions={**each.regions, US: echo}) if name in (EU, AP) else each
        for name, each in late.items()
    }
    assert serving(looked(late))[US] is True


def test_a_word_that_cannot_be_asked_for_is_taken_from_those_who_read_it() -> None:
    echo = RegionView(serving=False, reached=True, failing={REGION_WIDE: 2})
    read = pages(eu=None)
    read[AP] = replace(read[AP], regions={**read[AP].regions, EU: echo})
    assert looked(read).evidence[REGION_WIDE][EU] == Evidence(serving=False, reached=False, failing=2)


def test_a_cluster_counts_for_how_many_rounds_its_workloads_have_failed() -> None:
    seen = looked(pages())
    counted = []
    for answers in (dead(US, 4), dead(US, 3), dead(US, 2), dead(US, 4)):
        seen = assess(settings(), answers, pages(), {}, seen.histories)
        counted.append(dict(seen.views[US].failing))
    assert counted == [{REGION_WIDE: 1}, {REGION_WIDE: 2}, {}, {REGION_WIDE: 1}]
    theirs = page("eu", eu_west_1=False)
    theirs.regions[EU].failing[REGION_WIDE] = 7  # type: ignore[index]
    assert looked(pages(eu=theirs)).evidence[REGION_WIDE][EU].failing == 7


def test_a_cluster_with_two_regions_has_one_vote() -> None:
    config = replace(settings(), cluster="eu", regions=(EU,))
    says_no = page("us", eu_west_1=False)
    seen = assess(config, {EU: {}}, {US: says_no, WEST: says_no, EU: page("eu")}, {}, {})
    assert serving(seen)[EU] is True, "a no and a yes, though the no came from two edges"


def test_a_peer_that_sees_nothing_does_not_vote_on_others() -> None:
    blind = page("eu", us_east_1=False, us_west_2=False, eu_west_1=False, ap_southeast_2=False)
    seen = looked({name: each for name, each in pages(eu=blind).items() if name != AP})
    assert serving(seen) == {US: True, WEST: True, EU: False, AP: False}
    also = looked(pages(eu=blind, ap=page("ap", us_east_1=False)))
    assert serving(also)[US] is True


def test_what_another_backend_answers_at_a_region_s_edge_is_not_its_page() -> None:
    seen = looked({**pages(), EU: page("ap")})
    assert seen.views[EU] == RegionView(serving=False, reached=False)
    assert looked({**pages(), US: page("eu")}).views[US].reached is False


def test_a_dedicated_company_is_judged_by_itself() -> None:
    answers = {**ANSWERS, US: {**ANSWERS[US], "big": False}, WEST: {**ANSWERS[WEST], "big": True}}
    seen = looked(pages(eu=page("eu", big=False)), answers)
    assert serving(seen) == dict.fromkeys(EVERYWHERE, True)
    assert serving(seen, "big") == {US: False, WEST: True, EU: False, AP: True}
    assert seen.evidence["big"][US].dead
    others = looked(pages(), {**dead(US, 4), US: {**dead(US, 4)[US], "big": True}, WEST: {"big": True}})
    assert serving(others)[US] is False
    assert serving(others, "big")[US] is True


def test_a_dedicated_company_of_which_no_page_says_anything_is_unknown() -> None:
    silent = page("eu")
    silent = replace(
        silent, regions={name: replace(view, companies={}) for name, view in silent.regions.items()}
    )
    seen = looked(pages(eu=silent, ap=None), {US: {"big": True}, WEST: {"big": True}})
    assert serving(seen, "big") == {US: True, WEST: True, EU: None, AP: None}


views = st.builds(
    RegionView,
    serving=st.booleans(),
    in_own_cluster=st.booleans(),
    reached=st.sampled_from((True, False, None)),
    flagged=st.booleans(),
    companies=st.dictionaries(st.just("big"), st.booleans()),
)


@st.composite
def random_pages(draw: st.DrawFn) -> dict[str, Page]:
    read = {}
    for region in draw(st.sets(st.sampled_from(EVERYWHERE))):
        regions = draw(st.dictionaries(st.sampled_from(EVERYWHERE), views))
        regions[region] = replace(draw(views), in_own_cluster=True)
        read[region] = Page(cluster=HOMES[region], at=draw(st.integers(0, 3)), regions=regions)
    return read


def without_restraint(seen: Assessment) -> dict[str, dict[str, Evidence]]:
    return {
        scope: {region: replace(each, flagged_by_its_cluster=False) for region, each in regions.items()}
        for scope, regions in seen.evidence.items()
    }


@untimed
@given(random_pages(), st.data())
def test_flags_are_never_evidence(read: dict[str, Page], data: st.DataObject) -> None:
    sets = st.frozensets(st.sampled_from(EVERYWHERE))
    flags = {REGION_WIDE: data.draw(sets), "big": data.draw(sets)}
    unflagged = {
        region: replace(
            each, regions={name: replace(view, flagged=False) for name, view in each.regions.items()}
        )
        for region, each in read.items()
    }
    assert without_restraint(looked(read, flags=flags)) == without_restraint(looked(unflagged))


@untimed
@given(random_pages(), st.integers(0, 99))
def test_the_order_in_which_pages_came_does_not_matter(read: dict[str, Page], seed: int) -> None:
    items = list(read.items())
    random.Random(seed).shuffle(items)
    shuffled = {region: replace(each, regions=dict(reversed(each.regions.items()))) for region, each in items}
    assert looked(read) == looked(shuffled)


def test_every_combination_of_workloads_and_reach_has_an_answer() -> None:
    assert set(SERVING) == {(workloads, reach) for workloads in Workloads for reach in Reach}
    for (workloads, reach), serving in SERVING.items():
        if reach is Reach.CUT_OFF or workloads is Workloads.FAIL:
            assert serving is False
        else:
            assert serving is (True if workloads is Workloads.ANSWER else None)
