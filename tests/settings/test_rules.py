"""The table of rules itself: what it reads exists, and each rule is needed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from settings.problems import Problem
from settings.rules import RULES
from settings.rules.base import Rule
from settings.shape_problems import field_at

READS = sorted({key for rule in RULES for key in rule.reads})
SETTINGS = Path(__file__).resolve().parents[2] / "settings"


@pytest.mark.parametrize("key", READS)
def test_a_key_that_a_rule_reads_is_a_key_of_the_settings(key: str) -> None:
    assert field_at(tuple(re.findall(r"\w+", key))) is not None


def _nothing(*_: object) -> list[Problem]:
    return []


@pytest.mark.parametrize(
    ("reads", "invalid", "problem", "depends"),
    [
        ("failover.enabled", ("failover", "enabled"), ("loadBalancing",), True),
        ("failover.enabled", ("failover",), ("loadBalancing",), True),
        ("failover.enabled", ("failover", "timeoutSeconds"), ("loadBalancing",), False),
        ("replication", ("replication", "metrics"), ("regions",), True),
        ("regions[*].name", ("regions", 3, "name"), ("companies", 0, "regions"), True),
        ("regions[*].name", ("regions", 3), ("companies", 0, "regions"), True),
        ("regions[*].name", ("regions",), ("companies", 0, "regions"), True),
        ("regions[*].name", ("regions", 3, "weight"), ("companies", 0, "regions"), False),
        ("companies[=].agent", ("companies", 3, "agent", "replicas"), ("companies", 3, "agent"), True),
        ("companies[=].agent", ("companies", 2, "agent", "replicas"), ("companies", 3, "agent"), False),
        ("companies[=].agent", ("companies",), ("companies", 3, "agent"), True),
        ("regions[]", ("regions",), ("failover", "enabled"), True),
        ("regions[]", ("regions", 0, "name"), ("failover", "enabled"), False),
    ],
)
def test_a_rule_depends_on_keys_that_meet_those_that_it_reads(
    reads: str, invalid: tuple[str | int, ...], problem: tuple[str | int, ...], depends: bool
) -> None:
    rule = Rule(_nothing, (reads,))  # type: ignore[arg-type]
    assert rule.depends_on(invalid, problem) is depends
