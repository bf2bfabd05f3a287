"""What `decide` does in the cases that its rules name."""

from __future__ import annotations

from runtime.controller.config import ControllerConfig
from runtime.controller.decide import DRAIN_SECONDS, Counters, apply, decide
from runtime.controller.votes import REGION_WIDE, Evidence
from tests.controller.histories import Cluster, evidence, settings_of

US, EU = "us-east-1", "eu-west-1"
CONFIG = settings_of((US,), (US, EU))


def both(
    us: bool | None, eu: bool | None, config: ControllerConfig = CONFIG
) -> dict[str, dict[str, Evidence]]:
    return {REGION_WIDE: {US: evidence(config, US, us), EU: evidence(config, EU, eu)}}


def flag_rounds(cluster: Cluster) -> int:
    """Rounds of serving until the region is cleared that is now flagged."""
    for number in range(1, 200):
        cluster.play(both(True, True))
        if not cluster.flags:
            return number
    raise AssertionError("never cleared")


def test_each_flap_within_the_window_doubles_the_wait_up_to_eight_times() -> None:
    cluster = Cluster(settings_of((US,), (US, EU), recovery=1))
    waits = []
    for _ in range(6):
        while not cluster.flags:
            cluster.play(both(False, True))
        waits.append(flag_rounds(cluster))
    assert waits == [1, 2, 4, 8, 8, 8]


def test_a_flap_of_long_ago_is_forgotten() -> None:
    cluster = Cluster(CONFIG)
    for calm in (0, 60):
        for _ in range(calm):
            cluster.play(both(True, True))
        while not cluster.flags:
            cluster.play(both(False, True))
        assert flag_rounds(cluster) == 3


def test_a_failure_that_leaves_the_window_shortens_the_wait_and_the_reason_says_what_was_asked() -> None:
    cluster = Cluster(CONFIG)
    for calm in (0, 60 - 3 - 3 - 4):
        for _ in range(calm):
            cluster.play(both(True, True))
        while not cluster.flags:
            cluster.play(both(False, True))
        rounds = flag_rounds(cluster)
    (_, cleared, _) = cluster.log[-1]
    assert 3 < rounds < 6
    assert cleared.reason == f"it served for {rounds} rounds in a row, {rounds} were asked for"


def test_the_own_region_is_cleared_at_once_when_no_other_is_there() -> None:
    cluster = Cluster(CONFIG, flags={REGION_WIDE: frozenset({US})})
    cluster.play(both(True, False))
    assert cluster.flags
    cluster.play(both(True, False))
    assert not cluster.flags


def test_a_region_that_was_flagged_by_its_own_cluster_is_nobody_to_rely_on() -> None:
    cluster = Cluster(CONFIG)
    out = Evidence(serving=True, flagged_by_its_cluster=True)
    for _ in range(20):
        cluster.play({REGION_WIDE: {US: evidence(CONFIG, US, False), EU: out}})
    assert not cluster.flags


def test_a_region_that_this_cluster_does_not_reach_itself_is_nobody_to_rely_on() -> None:
    cluster = Cluster(CONFIG)
    for _ in range(20):
        cluster.play(
            {REGION_WIDE: {US: evidence(CONFIG, US, False), EU: Evidence(serving=True, reached=False)}}
        )
    assert not cluster.flags


def test_a_region_is_not_failed_before_its_own_cluster_has_counted_as_far() -> None:
    cluster = Cluster(CONFIG)
    for failing in (1, 1, 2, 2, 2, 2):
        cluster.play(
            {REGION_WIDE: {US: Evidence(serving=True), EU: Evidence(serving=False, failing=failing)}}
        )
        assert not cluster.flags
    cluster.play({REGION_WIDE: {US: Evidence(serving=True), EU: Evidence(serving=False, failing=3)}})
    assert cluster.flags == {REGION_WIDE: frozenset({EU})}


def test_a_region_in_which_nothing_answers_says_so_though_it_is_not_flagged() -> None:
    cluster = Cluster(CONFIG)
    unhealthy = [bool(cluster.play(both(False, None)).unhealthy[REGION_WIDE]) for _ in range(4)]
    assert unhealthy == [False, False, True, True]
    assert not cluster.flags
    assert not cluster.play(both(True, None)).unhealthy[REGION_WIDE]


def test_a_living_region_that_others_cannot_reach_is_drained_before_it_is_flagged() -> None:
    cluster = Cluster(CONFIG)
    cut_off = {REGION_WIDE: {US: Evidence(serving=False, alive=True, open=True), EU: Evidence(serving=True)}}
    unhealthy = [bool(cluster.play(cut_off).unhealthy[REGION_WIDE]) for _ in range(3)]
    assert unhealthy == [False, False, True]
    flagged = 3
    while not cluster.flags:
        cluster.play(cut_off)
        flagged += 1
    assert (flagged - 3) * CONFIG.interval_seconds == DRAIN_SECONDS


def test_flags_of_regions_and_companies_that_are_no_more_are_cleared() -> None:
    cluster = Cluster(CONFIG, flags={REGION_WIDE: frozenset({"sa-east-1"}), "gone": frozenset({US})})
    cluster.play(both(True, True))
    assert cluster.flags == {}


def test_a_change_that_is_not_in_force_yet_comes_again() -> None:
    counters = Counters()
    for _ in range(5):
        decision = decide(CONFIG, counters, both(False, True), {})
        counters = decision.counters
    assert [change.region for change in decision.changes] == [US]
    assert decision.flags == {REGION_WIDE: frozenset({US})} == apply({}, decision.changes)


def test_a_region_that_is_flagged_here_is_nobody_to_rely_on() -> None:
    cluster = Cluster(settings_of((US,), (US, EU), recovery=6), flags={REGION_WIDE: frozenset({EU})})
    flags = []
    for _ in range(8):
        cluster.play(both(False, True))
        flags.append(cluster.flags.get(REGION_WIDE))
    assert flags == [{EU}] * 5 + [None, None, {US}]


def test_rounds_in_which_nothing_serves_anywhere_do_not_count() -> None:
    cluster = Cluster(CONFIG)
    for seen in (both(False, False), both(False, None), both(None, False), both(None, None)) * 3:
        cluster.play(seen)
    for _ in range(2):
        cluster.play(both(False, True))
        assert not cluster.flags
    cluster.play(both(False, True))
    assert cluster.flags == {REGION_WIDE: frozenset({US})}


def test_a_region_that_was_cleared_is_failed_again_only_on_new_evidence() -> None:
    cluster = Cluster(CONFIG)
    unreached = Evidence(serving=False, alive=True)
    for other, flagged in (
        *[(Evidence(serving=True), None)] * 2,
        *[(Evidence(serving=True), {US})] * 5,
        (Evidence(serving=True, flagged_by_its_cluster=True), {US}),
        (Evidence(serving=True, flagged_by_its_cluster=True), None),
        *[(Evidence(serving=True), None)] * 2,
        (Evidence(serving=True), {US}),
    ):
        cluster.play({REGION_WIDE: {US: unreached, EU: other}})
        assert cluster.flags.get(REGION_WIDE) == flagged
