"""What single checks make of a target, and where requests then go."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from local.cluster.alb.elb_api import DRAINING, TargetGroup
from local.cluster.alb.health import HEALTHY, INITIAL, SHARES, UNHEALTHY, Pool, Target

GROUP = TargetGroup(
    arn="arn",
    port=None,
    tls=False,
    path="/health",
    interval=60,
    timeout=2,
    healthy=2,
    unhealthy=3,
    matcher="200,302-304",
    deregistration_delay=30,
    slow_start=0,
)
A, B = "127.1.1.1:1", "127.1.1.2:1"


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Targets whose checks are the test's."""
    monkeypatch.setattr(Target, "start", lambda self: None)


def of(pool: Pool, address: str) -> Target:
    targets: Any = pool._targets
    target: Target = targets[address]
    return target


@pytest.mark.parametrize(
    ("checks", "state"),
    [
        ("+", INITIAL),
        ("++", HEALTHY),
        ("+-+", INITIAL),
        ("--", INITIAL),
        ("---", UNHEALTHY),
        ("++--+--", HEALTHY),
        ("++---+", UNHEALTHY),
        ("---++", HEALTHY),
    ],
)
def test_so_many_checks_in_a_row_change_a_state(checks: str, state: str) -> None:
    target = Target(A, GROUP, lambda: None)
    for each in checks:
        target.record(each == "+")
    assert target.state == state


@pytest.mark.parametrize(
    ("status", "matches"), [(200, True), (201, False), (302, True), (303, True), (305, False)]
)
def test_a_matcher_lists_codes_and_ranges(status: int, matches: bool) -> None:
    assert GROUP.matches(status) is matches


def test_requests_go_to_healthy_targets_and_without_any_to_all_that_are_registered(unasked: None) -> None:
    pool = Pool(GROUP, lambda: None)
    pool.register({A, B}, GROUP)
    assert pool.in_service() == [A, B]
    for _ in range(2):
        of(pool, B).record(True)
    assert pool.in_service() == [B]
    for _ in range(3):
        of(pool, B).record(False)
    assert pool.in_service() == [A, B]

    pool.register({A}, GROUP)
    assert pool.in_service() == [A]
    assert pool.health()[B] == (DRAINING, "Target.DeregistrationInProgress")

    pool.register({A, B}, GROUP)
    assert pool.health()[B] == (INITIAL, "Elb.InitialHealthChecking")
    pool.register(set(), replace(GROUP, deregistration_delay=0))
    pool.register(set(), GROUP)
    assert pool.in_service() == []
    assert pool.health() == {}


def test_a_target_that_starts_slowly_gets_a_growing_share(unasked: None) -> None:
    slow = replace(GROUP, slow_start=100)
    pool = Pool(slow, lambda: None)
    pool.register({A, B}, slow)
    for address, since in ((A, 1000), (B, 0)):
        for _ in range(2):
            of(pool, address).record(True)
        of(pool, address).since = time.monotonic() - since
    shares = [pool.in_service().count(each) for each in (A, B)]
    of(pool, B).since -= 50
    later = [pool.in_service().count(each) for each in (A, B)]
    of(pool, B).since -= 50
    assert (shares, later, pool.in_service()) == ([SHARES, 1], [SHARES, 5], [A, B])
