"""The state machine of a region, table by table; every combination that cannot happen is named."""

from __future__ import annotations

from itertools import product

import pytest

from runtime.gate.handover.phases import (
    BUCKET_SECONDS,
    CLAIM_SECONDS,
    HANDOVER_SECONDS,
    SWAP_SECONDS,
    CatchUpStep,
    CatchUpView,
    Phase,
    PrimaryStep,
    PrimaryView,
    StandbyStep,
    catch_up_step,
    next_phase,
    primary_step,
    standby_step,
)
from runtime.gate.handover.roles import Role

P, S = Role.PRIMARY, Role.STANDBY

PHASES = {
    # phase: (as primary, as standby); a region that follows nobody is ACTIVE
    Phase.ACTIVE: (Phase.CATCHING_UP, Phase.STANDBY),
    Phase.STANDBY: (Phase.CATCHING_UP, Phase.STANDBY),
    Phase.CATCHING_UP: (Phase.CATCHING_UP, Phase.STANDBY),
    Phase.PRIMARY: (Phase.PRIMARY, Phase.DEMOTED),
    Phase.DEMOTED: (Phase.CATCHING_UP, Phase.STANDBY),
}


@pytest.mark.parametrize("phase", Phase, ids=lambda phase: phase.value)
def test_every_phase_has_a_next_one_for_each_role(phase: Phase) -> None:
    promoted, demoted = PHASES[phase]

    assert next_phase(phase, role=P, follows=True) is promoted
    assert next_phase(phase, role=S, follows=True) is demoted
    assert {next_phase(phase, role=role, follows=False) for role in Role} == {Phase.ACTIVE}


def test_a_demoted_region_that_is_promoted_again_catches_up() -> None:
    demoted = next_phase(Phase.PRIMARY, role=S, follows=True)

    assert next_phase(demoted, role=P, follows=True) is Phase.CATCHING_UP


def expected_catch_up(view: CatchUpView) -> CatchUpStep:
    """As a list of rules, the first that applies."""
    known = view.state_known
    early = view.waited < HANDOVER_SECONDS
    rules = [
        (known and view.owned, CatchUpStep.KEEP),
        (view.handover_pending and early, CatchUpStep.AWAIT_HANDOVER),
        (known and view.winner, CatchUpStep.RESTORE),
        (known and view.bucket_read, CatchUpStep.SERVE),
        (view.waited < BUCKET_SECONDS, CatchUpStep.AWAIT_BUCKETS),
    ]
    return next((step for applies, step in rules if applies), CatchUpStep.GIVE_UP)


WAITED = (0.0, HANDOVER_SECONDS - 1, HANDOVER_SECONDS, BUCKET_SECONDS - 1, BUCKET_SECONDS)
CATCH_UP_VIEWS = [
    CatchUpView(
        waited=waited,
        state_known=known,
        owned=owned,
        handover_pending=pending,
        winner=winner,
        bucket_read=read,
    )
    for waited, known, owned, pending, winner, read in product(WAITED, *[[True, False]] * 5)
    # Without its state a region knows neither whether it owns the files nor what wins over them.
    if known or not (owned or winner)
]


def test_catching_up_decides_every_combination() -> None:
    for view in CATCH_UP_VIEWS:
        assert catch_up_step(view) is expected_catch_up(view), view
    assert {catch_up_step(view) for view in CATCH_UP_VIEWS} == set(CatchUpStep)


@pytest.mark.parametrize(
    ("view", "step"),
    [
        (CatchUpView(waited=0, owned=True, handover_pending=True, winner=True), CatchUpStep.KEEP),
        (CatchUpView(waited=59, handover_pending=True, winner=True), CatchUpStep.AWAIT_HANDOVER),
        (CatchUpView(waited=60, handover_pending=True, winner=True), CatchUpStep.RESTORE),
        (CatchUpView(waited=0, winner=True, bucket_read=True), CatchUpStep.RESTORE),
        (CatchUpView(waited=0, winner=True), CatchUpStep.RESTORE),
        (CatchUpView(waited=0, bucket_read=True), CatchUpStep.SERVE),
        (CatchUpView(waited=0), CatchUpStep.AWAIT_BUCKETS),
        (CatchUpView(waited=0, state_known=False, bucket_read=True), CatchUpStep.AWAIT_BUCKETS),
        (CatchUpView(waited=120), CatchUpStep.GIVE_UP),
        (CatchUpView(waited=120, state_known=False, bucket_read=True), CatchUpStep.GIVE_UP),
    ],
    ids=str,
)
def test_a_promoted_region_decides(view: CatchUpView, step: CatchUpStep) -> None:
    assert catch_up_step(view) is step


@pytest.mark.parametrize(
    ("view", "step"),
    [
        (PrimaryView(outranked=False, contained=True, higher_priority=True), PrimaryStep.STAY),
        (PrimaryView(outranked=True, contained=True), PrimaryStep.CATCH_UP),
        (PrimaryView(outranked=True, contained=True, since_swap=SWAP_SECONDS), PrimaryStep.CATCH_UP),
        (PrimaryView(outranked=True, contained=True, since_swap=SWAP_SECONDS - 1), PrimaryStep.AWAIT_SWAP),
        (
            PrimaryView(outranked=True, contained=True, higher_priority=True, outranked_for=CLAIM_SECONDS),
            PrimaryStep.CATCH_UP,
        ),
        (PrimaryView(outranked=True, higher_priority=True), PrimaryStep.AWAIT_FLAG),
        (
            PrimaryView(outranked=True, higher_priority=True, outranked_for=CLAIM_SECONDS - 1),
            PrimaryStep.AWAIT_FLAG,
        ),
        (
            PrimaryView(outranked=True, higher_priority=True, outranked_for=CLAIM_SECONDS),
            PrimaryStep.CLAIM,
        ),
        (PrimaryView(outranked=True), PrimaryStep.YIELD),
        (PrimaryView(outranked=True, outranked_for=CLAIM_SECONDS), PrimaryStep.YIELD),
    ],
    ids=str,
)
def test_a_primary_decides(view: PrimaryView, step: PrimaryStep) -> None:
    assert primary_step(view) is step


def test_after_a_clock_was_put_back_a_primary_waits_as_after_a_swap() -> None:
    """Seconds since the last swap may be negative: then the swap waits, as after a recent one."""
    assert primary_step(PrimaryView(outranked=True, contained=True, since_swap=-5)) is PrimaryStep.AWAIT_SWAP


@pytest.mark.parametrize(
    ("written", "since_swap", "step"),
    [
        (False, None, StandbyStep.SWAP),
        (False, SWAP_SECONDS, StandbyStep.SWAP),
        (False, -1.0, StandbyStep.SWAP),
        (False, 0.0, StandbyStep.STAGE),
        (False, SWAP_SECONDS - 1, StandbyStep.STAGE),
        (True, None, StandbyStep.STAGE),
        (True, SWAP_SECONDS, StandbyStep.STAGE),
    ],
)
def test_a_standby_decides(written: bool, since_swap: float | None, step: StandbyStep) -> None:
    assert standby_step(written=written, since_swap=since_swap) is step
