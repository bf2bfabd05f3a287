"""Changes of a running stack: the real controller makes of them what the new plan promises."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.components.stacks import EU, US, WEST, eks, stack
from tests.day_two.stacks import company, edited, region, without
from tests.load_balancers.judge import Judge
from tests.recording import record
from tests.services import until
from tests.strategies import Raw

ACME, GLOBEX, INITECH = "acme", "globex", "initech"
BASE = stack(
    regions=[eks(US), eks(EU), eks(WEST, "green", active=False)],
    companies=[{"name": ACME}, {"name": GLOBEX, "regions": [US, EU]}, {"name": INITECH, "edge": 2}],
)


def joined(raw: Raw) -> None:
    """A company whose rule comes between those of the others."""
    raw["companies"].append({"name": "barnes", "dedicatedHealthChecks": True})


CHANGES: dict[str, Callable[[Raw], object]] = {
    "a company joins in the middle": joined,
    "a company leaves": without(GLOBEX),
    "a region leaves": without(WEST),
    "two regions swap their roles": lambda raw: (
        region(US, active=False)(raw),
        region(WEST, active=True)(raw),
    ),
    "another policy": lambda raw: raw.update(loadBalancing={"policy": "failover"}),
    "names are external-dns's": lambda raw: (
        without(WEST)(raw),
        raw.update(loadBalancing={"manager": "external-dns"}),
    ),
    "a company moves to an edge that is there": company(ACME, edge=2),
    "a company moves to an edge of its own": company(GLOBEX, edge=3),
    "an edge loses its last company": company(INITECH, edge=1),
    "load balancers become internal": lambda raw: raw.update(ingress={"scheme": "internal"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_there_and_back_gives_what_the_plan_promises(judge: Judge, change: str) -> None:
    judge.check(record(BASE))
    judge.check(record(edited(BASE, CHANGES[change])))


def test_a_stack_without_load_balancers_leaves_none(judge: Judge) -> None:
    judge.check(record(BASE))
    judge.check(record(edited(BASE, ingress={"className": "nginx"})))
    until(lambda: judge.elbv2.describe_target_groups()["TargetGroups"] == [], "target groups are gone")
