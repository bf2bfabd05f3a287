"""Every situation in which clusters see different things ends as told, and docs/splitbrain.md tells it."""

from __future__ import annotations

import pytest

from tests.controller.situations import Situation
from tests.controller.splitbrain import CHAPTERS, PAGE, SEEDS, expected_answers, page, play

EVERY = [
    pytest.param(situation, id=f"{chapter.partition(':')[0]} – {situation.title}")
    for chapter, situations in CHAPTERS.items()
    for situation in situations
]


@pytest.mark.parametrize("situation", EVERY)
def test_a_situation_ends_as_it_must(situation: Situation) -> None:
    for seed in SEEDS:
        outcome = play(situation, seed)
        flags = {cluster: set(regions) for cluster, regions in outcome.flags.items() if regions}
        assert flags == situation.flags, f"seed {seed}"
        assert outcome.answering == expected_answers(situation), f"seed {seed}"
        assert outcome.gap <= situation.gap, f"seed {seed}: a client was without an answer for too long"
        assert outcome.lost_again == 0, f"seed {seed}: healing took a client's answer away"
        assert outcome.heals <= situation.heals, f"seed {seed}: not as before in time"


def test_the_page_tells_what_the_simulation_gives() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.controller.splitbrain"
