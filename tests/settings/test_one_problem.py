"""Each problem of a stack file is reported in a line of its own."""

from __future__ import annotations

import pytest

from settings import SettingsError, from_config, parse
from tests.settings.broken import ALL, KEY_VALUE, Broken
from tests.settings.edits import edited, lines, small_stack
from tests.strategies import config_of

each_broken_stack = pytest.mark.parametrize("broken", ALL, ids=lambda broken: broken.what)


def test_the_stack_is_valid_before_it_is_broken() -> None:
    assert lines(small_stack()) == []


def test_no_two_broken_stacks_have_one_name() -> None:
    names = [broken.what for broken in ALL]
    assert len(names) == len(set(names))


@each_broken_stack
def test_a_problem_is_a_line_with_key_requirement_and_value(broken: Broken) -> None:
    [line] = lines(edited(broken.edit), broken.stack)
    key, _, rest = line.partition(": ")
    requirement, got, value = rest.partition(", got ")
    assert key == broken.full_key
    assert requirement.startswith("must " if broken.value else ("missing (required", "unknown key"))
    assert bool(got) is bool(broken.value)
    assert value.startswith(broken.value)
    assert broken.text in rest


@each_broken_stack
def test_no_line_shows_a_secret(broken: Broken) -> None:
    raw = edited(broken.edit)
    with pytest.raises(SettingsError) as raised:
        parse(raw, broken.stack)
    assert KEY_VALUE not in str(raised.value)
    assert KEY_VALUE not in repr(raised.value.problems)


@each_broken_stack
def test_a_problem_is_the_same_when_the_values_come_from_the_pulumi_cli(broken: Broken) -> None:
    raw = edited(broken.edit)
    with pytest.raises(SettingsError) as raised:
        from_config(config_of(raw), broken.stack)
    assert str(raised.value).splitlines() == lines(raw, broken.stack)
