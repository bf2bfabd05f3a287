"""What `decide` promises, over random histories of evidence, restarts and changes of leader."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from runtime.controller.decide import Counters, Decision, decide, recovery_bound, tenant_flags
from runtime.controller.votes import REGION_WIDE, Evidence
from tests.controller.histories import NAMES, Cluster, evidence, histories, settings, settings_of, untimed


@st.composite
def played(draw: st.DrawFn) -> Cluster:
    """A cluster after a random history, with its replicas, restarts and leaders."""
    config = draw(settings())
    cluster = Cluster(config, replicas=draw(st.integers(1, 3)))
    history = draw(histories(config))
    happens = draw(st.binary(min_size=len(history), max_size=len(history)))
    for seen, byte in zip(history, happens, strict=True):
        if byte > 240:
            cluster.restart(byte % cluster.replicas)
        cluster.play(seen, leader=byte % cluster.replicas if byte % 2 else 0)
    return cluster


def step_by_step(data: st.DataObject) -> tuple[Cluster, Decision]:
    """A random history, and one round more whose decision is looked at."""
    cluster = data.draw(played())
    more = data.draw(histories(cluster.config, most=1))[0]
    return cluster, cluster.play(more, leader=data.draw(st.integers(0, cluster.replicas - 1)))


@untimed
@given(st.data())
def test_nothing_is_failed_but_in_favour_of_a_region_that_served_twice_and_is_not_flagged(
    data: st.DataObject,
) -> None:
    cluster, decision = step_by_step(data)
    for change in decision.changes:
        if change.failed:
            others = [region for region in cluster.config.all if region != change.region]
            assert any(cluster.availability(change.scope, region) == [True, True] for region in others)


@untimed
@given(st.data())
def test_a_region_that_serves_is_never_failed(data: st.DataObject) -> None:
    cluster, decision = step_by_step(data)
    for change in decision.changes:
        if change.failed:
            assert cluster.seen[-1][change.scope][change.region].serving is False


@untimed
@given(st.data())
def test_a_region_is_failed_only_after_the_threshold_s_rounds_in_a_row(data: st.DataObject) -> None:
    cluster, decision = step_by_step(data)
    for change in decision.changes:
        if change.failed:
            last = cluster.last(change.scope, change.region, decision.counters.round)
            needed = cluster.config.failure_threshold
            assert len(last) >= needed and not any(last[:needed])


@untimed
@given(st.data())
def test_a_region_is_cleared_only_after_the_threshold_s_rounds_or_when_it_is_the_last_one_here(
    data: st.DataObject,
) -> None:
    check_what_is_cleared(*step_by_step(data))


def test_a_region_is_cleared_at_once_when_the_only_other_one_that_serves_is_still_flagged() -> None:
    config = settings_of(own=NAMES[:1], everywhere=NAMES[:3], failure=1, recovery=4)
    cluster = Cluster(config)
    for serving in [(False, False, True)] * 2 + [(True, True, False)] * 2:
        seen = {
            region: evidence(config, region, each) for region, each in zip(config.all, serving, strict=True)
        }
        decision = cluster.play({REGION_WIDE: seen})
    assert [(change.region, change.failed) for change in decision.changes] == [(NAMES[0], False)]
    check_what_is_cleared(cluster, decision)


def check_what_is_cleared(cluster: Cluster, decision: Decision) -> None:
    for change in decision.changes:
        if not change.failed:
            last = cluster.last(change.scope, change.region, decision.counters.round)
            needed = cluster.config.recovery_threshold
            enough = len(last) >= needed and all(last[:needed])
            assert enough or is_last_here(cluster, change.scope, change.region)


def is_last_here(cluster: Cluster, scope: str, region: str) -> bool:
    others = [name for name in cluster.config.all if name != region]
    return cluster.seen[-1][scope][region].alive and not any(
        available for name in others for available in cluster.availability(scope, name)
    )


@untimed
@given(st.data())
def test_blips_below_the_threshold_change_nothing(data: st.DataObject) -> None:
    config = data.draw(settings().filter(lambda one: one.failure_threshold > 1))
    cluster = Cluster(config)
    left = dict.fromkeys(config.all, config.failure_threshold - 1)
    for _ in range(30):
        serving = {}
        for region in config.all:
            serving[region] = not left[region] or data.draw(st.booleans())
            left[region] = config.failure_threshold - 1 if serving[region] else left[region] - 1
        seen = {region: evidence(config, region, serving[region]) for region in config.all}
        assert cluster.play({REGION_WIDE: seen}).changes == ()


@untimed
@given(st.data())
def test_a_prober_that_sees_nothing_changes_nothing_whatever_was_before(data: st.DataObject) -> None:
    cluster = data.draw(played())
    for _ in range(10):
        config = cluster.config
        dark = {
            region: evidence(config, region, data.draw(st.sampled_from((False, None))))
            for region in config.all
        }
        dark = {region: Evidence(serving=seen.serving, dead=seen.dead) for region, seen in dark.items()}
        assert cluster.play({REGION_WIDE: dark, "big": dark}).changes == ()


@untimed
@given(st.data())
def test_a_region_that_serves_long_enough_is_cleared_and_stays_so(data: st.DataObject) -> None:
    cluster = data.draw(played())
    config = cluster.config
    healthy = data.draw(st.sampled_from(config.all))
    bound = recovery_bound(config)
    for number in range(bound + 5):
        seen = {
            region: evidence(config, region, True if region == healthy else data.draw(st.booleans()))
            for region in config.all
        }
        cluster.play({REGION_WIDE: seen, "big": seen}, leader=0)
        if number + 1 >= bound:
            assert healthy not in cluster.flags.get(REGION_WIDE, frozenset())
            assert healthy not in cluster.flags.get("big", frozenset())


@untimed
@given(st.data())
def test_replicas_with_one_history_decide_alike_whatever_the_order_of_what_they_hold(
    data: st.DataObject,
) -> None:
    config = data.draw(settings())
    shuffled = random.Random(data.draw(st.integers(0, 99)))
    one, other, flags = Counters(), Counters(), {}
    for seen in data.draw(histories(config)):
        first = decide(config, one, seen, flags)
        second = decide(config, mixed(other, shuffled), mixed_evidence(seen, shuffled), flags)
        assert first == second
        assert list(first.flags) == list(second.flags)
        one, other, flags = first.counters, second.counters, first.flags


def mixed(counters: Counters, by: random.Random) -> Counters:
    items = list(counters.tracks.items())
    by.shuffle(items)
    return Counters(round=counters.round, tracks=dict(items))


def mixed_evidence(seen: dict[str, dict[str, Evidence]], by: random.Random) -> dict[str, dict[str, Evidence]]:
    scopes = list(seen.items())
    by.shuffle(scopes)
    return {scope: dict(by.sample(sorted(regions.items()), len(regions))) for scope, regions in scopes}


@untimed
@given(st.data())
def test_what_becomes_of_one_scope_does_not_depend_on_any_other(data: st.DataObject) -> None:
    config = data.draw(settings())
    history = data.draw(histories(config))
    others = data.draw(histories(config, most=len(history)))
    others += others[-1:] * (len(history) - len(others))
    for scope, other in ((REGION_WIDE, "big"), ("big", REGION_WIDE)):
        alone, beside = Cluster(config), Cluster(config)
        for seen, foreign in zip(history, others, strict=True):
            alone.play(seen)
            beside.play({scope: seen[scope], other: foreign[other]})
            assert alone.flags.get(scope) == beside.flags.get(scope)


@untimed
@given(st.data())
def test_a_company_never_has_all_of_its_regions_flagged(data: st.DataObject) -> None:
    config = data.draw(settings())
    sets = st.frozensets(st.sampled_from(config.all))
    flags = {REGION_WIDE: data.draw(sets), "big": data.draw(sets)}
    for namespace, scope in (("big", "big"), ("small", REGION_WIDE)):
        flagged = tenant_flags(config, namespace, flags)
        assert flagged < set(config.all)
        assert flagged == flags[scope] or flags[scope] == set(config.all)


@untimed
@given(st.data())
def test_changes_of_leader_do_not_make_a_region_flap(data: st.DataObject) -> None:
    """Between two changes of one region lie a threshold's rounds, whoever led; but for the last one here."""
    cluster = data.draw(played())
    changed: dict[tuple[str, str], tuple[int, bool]] = {}
    for at, change, _ in cluster.log:
        key = (change.scope, change.region)
        if key in changed:
            before, failed = changed[key]
            assert failed is not change.failed
            if change.failed:
                assert at - before >= cluster.config.failure_threshold
            elif "no other region" not in change.reason:
                assert at - before >= cluster.config.recovery_threshold
        changed[key] = (at, change.failed)
