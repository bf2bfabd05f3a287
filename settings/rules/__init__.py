"""Rules over several keys of a stack file. A rule yields its problems."""

from __future__ import annotations

from collections.abc import Iterable

from settings.models import Settings
from settings.problems import Problem
from settings.rules import (
    accelerators,
    accounts,
    alarms,
    capacity,
    clusters,
    ingress,
    load_balancers,
    naming,
    network,
    regions,
    replication,
    routing,
    workloads,
)
from settings.rules.base import Rule

RULES: tuple[Rule, ...] = (
    *regions.RULES,
    *accounts.RULES,
    *clusters.RULES,
    *naming.RULES,
    *workloads.RULES,
    *replication.RULES,
    *ingress.RULES,
    *load_balancers.RULES,
    *network.RULES,
    *alarms.RULES,
    *routing.RULES,
    *accelerators.RULES,
    *capacity.RULES,
)


def rule_problems(settings: Settings, stack: str, known: Iterable[Problem] = ()) -> list[Problem]:
    """The problems that the rules find, except for consequences of `known` problems."""
    invalid = [path for problem in known for path in (problem.path, problem.meant) if path]
    return [
        problem
        for rule in RULES
        for problem in rule.check(settings, stack)
        if not any(rule.depends_on(path, problem.path) for path in invalid)
    ]
