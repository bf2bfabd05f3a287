"""For drawn stacks: a valid stack is accepted, and the error of a broken stack names the key."""

from __future__ import annotations

import copy
import re

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis.strategies import DataObject, data, sampled_from

from plan.names import namespace_of
from settings import SettingsError, from_config, parse
from settings.routes import record_plan
from settings.warnings import warnings_of
from tests import company_strategies
from tests.settings.breakers import BREAKERS, Breaker
from tests.settings.edits import key_of
from tests.strategies import Raw, config_of, valid_stacks

Drawn = tuple[Raw, str]

thoroughly = hypothesis.settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
quickly = hypothesis.settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))


@thoroughly
@given(valid_stacks())
def test_a_valid_stack_is_accepted_and_planned(drawn: Drawn) -> None:
    raw, stack = drawn
    settings = parse(raw, stack)
    assert len(settings.regions) == len(raw["regions"])
    assert len(settings.companies) == len(raw["companies"])
    # A plan accepts whatever the settings accept.
    record_plan(settings)
    assert all(isinstance(warning, str) for warning in warnings_of(settings))


@thoroughly
@given(valid_stacks())
def test_values_of_the_pulumi_cli_have_the_same_meaning_as_in_the_file(drawn: Drawn) -> None:
    raw, stack = drawn
    before = copy.deepcopy(raw)
    assert from_config(config_of(raw), stack) == parse(raw, stack)
    assert raw == before


@pytest.mark.parametrize("breaker", BREAKERS, ids=lambda breaker: breaker.__name__)
@quickly
@given(drawn=valid_stacks(), drawing=data())
def test_the_error_of_a_broken_stack_names_the_key(
    breaker: Breaker, drawn: Drawn, drawing: DataObject
) -> None:
    raw, stack = copy.deepcopy(drawn[0]), drawn[1].replace("local", "prod")
    raw["images"] = raw.get("images", {}) | {"agency": "registry.example.com/agency:1.4.2"}
    key = breaker(raw, lambda choices: drawing.draw(sampled_from(choices)))
    with pytest.raises(SettingsError) as raised:
        from_config(config_of(raw), stack)
    lines = str(raised.value).splitlines()
    assert f"digital-agency:{key}" in map(key_of, lines)
    assert len(lines) == len(raised.value.problems)
    assert all(re.search(": (must|missing|unknown) ", line) for line in lines)
    assert "hunter2" not in str(raised.value)


@quickly
@given(valid_stacks(policy="failover", max_regions=2, max_companies=1))
def test_a_strategy_can_be_narrowed(drawn: Drawn) -> None:
    raw, _ = drawn
    assert raw["loadBalancing"]["policy"] == "failover"
    assert len(raw["regions"]) <= 2
    assert len(raw["companies"]) <= 1


def test_the_strategy_and_the_program_agree_on_what_a_namespace_is() -> None:
    names = (*company_strategies.HOSTILE_NAMES, company_strategies.LONGEST_NAME)
    assert [company_strategies.namespace_of(name) for name in names] == [namespace_of(name) for name in names]
