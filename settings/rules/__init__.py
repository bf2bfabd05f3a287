"""What the keys of a stack file must fulfil together. A rule yields a fault for each thing that is wrong."""

from __future__ import annotations

from collections.abc import Iterable

from settings.faults import Fault
from settings.models import Settings
from settings.rules import capacity, clusters, copies, ingress, naming, regions, routing, workloads
from settings.rules.base import Rule
from settings.rules.routing import needs_certificate

__all__ = ["RULES", "faults_of", "needs_certificate"]

RULES: tuple[Rule, ...] = (
    *regions.RULES,
    *clusters.RULES,
    *naming.RULES,
    *workloads.RULES,
    *copies.RULES,
    *ingress.RULES,
    *routing.RULES,
    *capacity.RULES,
)


def faults_of(settings: Settings, stack: str, shape_faults: Iterable[Fault] = ()) -> list[Fault]:
    """The faults that the rules find, but for those that only follow from `shape_faults`."""
    doubtful = [path for fault in shape_faults for path in (fault.path, fault.meant) if path]
    return [
        fault
        for rule in RULES
        for fault in rule.check(settings, stack)
        if not any(rule.depends_on(path, fault.path) for path in doubtful)
    ]
