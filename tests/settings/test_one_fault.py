"""Each thing that can be wrong with a stack file ends in one line that names it."""

from __future__ import annotations

import pytest

from settings import SettingsError, from_config, parse
from tests.settings.broken import ALL, KEY_VALUE, Broken
from tests.settings.edits import edited, lines, small_stack
from tests.strategies import config_of

each_broken_stack = pytest.mark.parametrize("broken", ALL, ids=lambda broken: broken.what)


def test_the_stack_that_is_broken_here_is_whole_before() -> None:
    assert lines(small_stack()) == []


def test_no_two_broken_stacks_have_one_name() -> None:
    names = [broken.what for broken in ALL]
    assert len(names) == len(set(names))


@each_broken_stack
def test_one_fault_gives_one_line_with_key_value_and_what_is_accepted(broken: Broken) -> None:
    [line] = lines(edited(broken.edit), broken.stack)
    key, _, rest = line.partition(": got ")
    got, _, accepted = rest.partition("; accepted: ")
    assert key == broken.full_key
    assert broken.got in got
    assert broken.accepted in accepted


@each_broken_stack
def test_no_line_shows_a_secret(broken: Broken) -> None:
    raw = edited(broken.edit)
    with pytest.raises(SettingsError) as raised:
        parse(raw, broken.stack)
    assert KEY_VALUE not in str(raised.value)
    assert KEY_VALUE not in repr(raised.value.faults)


@each_broken_stack
def test_a_fault_is_the_same_when_the_values_come_from_the_pulumi_cli(broken: Broken) -> None:
    raw = edited(broken.edit)
    with pytest.raises(SettingsError) as raised:
        from_config(config_of(raw), broken.stack)
    assert str(raised.value).splitlines() == lines(raw, broken.stack)
