"""A region that returns is closed to DNS until its gates let clients in."""

from __future__ import annotations

from runtime.contracts.controller import Company
from runtime.controller.config import ControllerConfig
from runtime.controller.reopening import (
    LIMIT_SECONDS,
    READY_SECONDS,
    Closed,
    regions_of,
    reopen,
    returning,
)
from runtime.controller.votes import REGION_WIDE

US, EU, OTHER = "us-east-1", "eu-west-1", "ap-south-1"
NAMES = ("client-a", "client-b", "client-c")
OWN = "client-own"
SETTINGS = ControllerConfig(
    cluster="context-shared",
    regions=(US, EU),
    all=(US, EU, OTHER),
    peers={},
    companies={name: Company(regions=(US, EU), dedicated=name == OWN) for name in (*NAMES, OWN)},
)
FLAGGED = {REGION_WIDE: frozenset({US})}
READY = {US: dict.fromkeys((*NAMES, OWN), True)}
UNREADY = {US: dict.fromkeys((*NAMES, OWN), False)}


def flagged() -> Closed:
    return reopen(SETTINGS, {}, FLAGGED, {}, 0.0)


def test_a_region_that_was_never_flagged_is_open() -> None:
    assert reopen(SETTINGS, {}, {}, UNREADY, 0.0) == {}


def test_while_the_flag_stands_it_is_closed_and_its_gates_are_not_asked() -> None:
    closed = reopen(SETTINGS, flagged(), FLAGGED, READY, 1000.0)

    assert regions_of(closed, REGION_WIDE) == {US}
    assert returning(closed) == frozenset()


def test_without_its_flag_it_stays_closed_until_its_gates_were_ready_for_a_while() -> None:
    closed = reopen(SETTINGS, flagged(), {}, {}, 10.0)
    assert returning(closed) == {US}
    closed = reopen(SETTINGS, closed, {}, UNREADY, 15.0)
    closed = reopen(SETTINGS, closed, {}, READY, 20.0)
    closed = reopen(SETTINGS, closed, {}, READY, 20.0 + READY_SECONDS - 0.1)
    assert regions_of(closed, REGION_WIDE) == {US}
    assert reopen(SETTINGS, closed, {}, READY, 20.0 + READY_SECONDS) == {}


def test_a_gate_that_is_unready_again_starts_the_wait_anew() -> None:
    closed = reopen(SETTINGS, flagged(), {}, READY, 10.0)
    closed = reopen(SETTINGS, closed, {}, UNREADY, 15.0)
    closed = reopen(SETTINGS, closed, {}, READY, 20.0)
    still = reopen(SETTINGS, closed, {}, READY, 10.0 + READY_SECONDS)
    assert regions_of(still, REGION_WIDE) == {US}


def test_half_of_the_companies_open_it_and_less_do_not() -> None:
    def open_with(*names: str) -> bool:
        ready = {US: {name: name in names for name in (*NAMES, OWN)}}
        closed = reopen(SETTINGS, flagged(), {}, ready, 10.0)
        return not reopen(SETTINGS, closed, {}, ready, 10.0 + READY_SECONDS)

    assert open_with(*NAMES[:2])
    assert not open_with(NAMES[0], OWN)


def test_what_never_gets_ready_opens_in_the_end() -> None:
    closed = reopen(SETTINGS, flagged(), {}, UNREADY, 10.0)
    closed = reopen(SETTINGS, closed, {}, UNREADY, 10.0 + LIMIT_SECONDS - 1)
    assert regions_of(closed, REGION_WIDE) == {US}
    assert reopen(SETTINGS, closed, {}, UNREADY, 10.0 + LIMIT_SECONDS) == {}


def test_a_new_flag_closes_it_again() -> None:
    closed = reopen(SETTINGS, flagged(), {}, READY, 10.0)
    closed = reopen(SETTINGS, closed, FLAGGED, READY, 12.0)
    assert returning(closed) == frozenset()
    closed = reopen(SETTINGS, closed, {}, READY, 50.0)
    assert regions_of(closed, REGION_WIDE) == {US}, "what was ready before the second flag does not count"


def test_a_company_with_checks_of_its_own_waits_for_its_own_gates() -> None:
    closed = reopen(SETTINGS, {}, {OWN: frozenset({US})}, {}, 0.0)
    ready = {US: {**dict.fromkeys(NAMES, False), OWN: True}}
    closed = reopen(SETTINGS, closed, {}, ready, 10.0)
    assert regions_of(closed, OWN) == {US}
    assert regions_of(closed, REGION_WIDE) == frozenset()
    assert reopen(SETTINGS, closed, {}, ready, 10.0 + READY_SECONDS) == {}


def test_regions_of_other_clusters_are_theirs_to_close() -> None:
    assert reopen(SETTINGS, {}, {REGION_WIDE: frozenset({OTHER})}, {}, 0.0) == {}
