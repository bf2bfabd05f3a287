"""How a company is brought to its flags: every stage, and what comes next."""

from __future__ import annotations

from itertools import product

import pytest

from runtime.controller.tenant_state import Action, Progress, Stage, may_touch, next_action

NONE = frozenset[str]()
EU, US = frozenset(["eu"]), frozenset(["us"])
BOTH = EU | US


@pytest.mark.parametrize(
    ("present", "wanted", "awaited", "unacknowledged", "action"),
    [
        (NONE, EU, False, False, Action.WRITE),
        (EU, US, False, False, Action.WRITE),
        (EU, NONE, False, False, Action.WRITE),
        (EU, NONE, True, False, Action.WAIT),
        (BOTH, EU, True, False, Action.WAIT),
        (EU, EU, False, False, Action.TOUCH),
        (EU, EU, False, True, Action.REMIND),
        (NONE, NONE, False, False, Action.TOUCH),
    ],
)
def test_what_is_done_with_a_companys_flags(
    present: frozenset[str], wanted: frozenset[str], awaited: bool, unacknowledged: bool, action: Action
) -> None:
    assert (
        next_action(present=present, wanted=wanted, awaited=awaited, unacknowledged=unacknowledged) is action
    )


def test_a_new_flag_never_waits_for_an_acknowledgement() -> None:
    for present, wanted in ((NONE, EU), (EU, US), (EU, BOTH)):
        assert next_action(present=present, wanted=wanted, awaited=True) is Action.WRITE


@pytest.mark.parametrize(("stage", "flags", "wanted"), list(product(Stage, (NONE, EU), (NONE, EU))))
def test_every_stage_says_whether_to_read_to_touch_and_whether_it_is_done(
    stage: Stage, flags: frozenset[str], wanted: frozenset[str]
) -> None:
    progress = Progress(stage=stage, flags=flags)
    same = flags == wanted

    assert progress.is_current(wanted) is (stage is Stage.CURRENT and same)
    assert progress.must_read(wanted) is not (stage is Stage.CURRENT and not same)
    assert may_touch(progress, wanted) is not (stage is Stage.WRITTEN and not same)
