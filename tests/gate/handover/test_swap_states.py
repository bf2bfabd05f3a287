"""The states of a swap: every combination of files on the disk, and what each action leads to."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from runtime.gate.lineage.ancestry import Ancestry
from runtime.gate.lineage.state import LineageState, StateFiles
from runtime.gate.restore.swap import Swap
from runtime.gate.restore.swap_state import (
    TRANSITIONS,
    DiskFiles,
    Journal,
    SwapAction,
    SwapState,
    is_swapping,
    read_state,
    state_of,
)
from tests.gate.handover.kills import die, every_point
from tests.gate.handover.memories import NEW, OLD, checkpoint, stand_by, write
from tests.gate.handover.test_swap import AFTER, BEFORE, swap_of

WINNER = checkpoint(NEW)
NOTHING = Ancestry(known=None, diverged=None)

STATES = {
    # journal, next_state, incoming, staged
    (True, True, False, True): SwapState.PREPARED,
    (True, True, True, False): SwapState.IN_PROGRESS,
    (True, False, True, False): SwapState.IN_PROGRESS,
    (True, True, False, False): SwapState.STAGING_LOST,
    (True, False, False, False): SwapState.DONE,
}
IMPOSSIBLE = {
    (True, True, True, True): "the staged snapshot becomes the incoming one by a rename",
    (True, False, True, True): "the staged snapshot becomes the incoming one by a rename",
    (True, False, False, True): "nothing is staged while a swap is unfinished",
}


@pytest.mark.parametrize("found", list(product([True, False], repeat=4)), ids=str)
def test_every_combination_of_files_is_a_state_or_impossible(found: tuple[bool, ...]) -> None:
    journal, next_state, incoming, staged = found
    files = DiskFiles(journal=journal, next_state=next_state, incoming=incoming, staged=staged)

    if not journal:
        assert state_of(files) is SwapState.NONE
    elif found in IMPOSSIBLE:
        assert found not in STATES
    else:
        assert state_of(files) is STATES[found]  # type: ignore[index]


def test_every_state_but_none_has_one_transition() -> None:
    assert set(TRANSITIONS) == set(SwapState) - {SwapState.NONE}
    assert {transition.action for transition in TRANSITIONS.values()} == set(SwapAction)
    assert TRANSITIONS[SwapState.PREPARED].stopped and TRANSITIONS[SwapState.IN_PROGRESS].stopped


def start(root: Path) -> Swap:
    write(root, OLD)
    StateFiles(root).save(BEFORE)
    stand_by(root, WINNER, NEW)
    swap = swap_of(root)
    swap.prepare(WINNER, before=BEFORE, after=AFTER, ancestry=NOTHING)
    return swap


@pytest.mark.parametrize("state", TRANSITIONS, ids=lambda state: state.value)
def test_each_action_leads_to_its_state(tmp_path: Path, state: SwapState) -> None:
    swap = start(tmp_path)
    if state is SwapState.STAGING_LOST:
        (tmp_path / ".standby").rename(tmp_path / "gone")
    while swap.state is not state:
        act(swap)
    act(swap)

    assert swap.state is TRANSITIONS[state].to


def act(swap: Swap) -> None:
    journal = Journal(id="1", at=1_700_000_000_000, snapshot=WINNER.ref)
    swap._actions[TRANSITIONS[swap.state].action](journal)


@pytest.mark.services
def test_killed_anywhere_it_is_in_a_state_that_can_happen(tmp_path: Path) -> None:
    """And the active files are incomplete in exactly the states in which no pod serves."""
    seen = set()

    def run(root: Path) -> None:
        swap = start(root)
        swap.activate()
        swap.finish()

    for number, when in every_point(lambda: run(tmp_path / "counted")):
        root = tmp_path / f"{number}-{when}"
        die(lambda root=root: run(root), number, when)
        state = read_state(root)
        seen.add(state)
        assert is_swapping(root) is (state in (SwapState.PREPARED, SwapState.IN_PROGRESS))
        restored = StateFiles(root).load() or LineageState()
        assert (restored.generation == AFTER.generation) or state is not SwapState.DONE

    assert seen == set(SwapState) - {SwapState.STAGING_LOST}
