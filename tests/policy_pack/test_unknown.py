"""What a preview does not know yet, and the order of resources, change nothing of what else is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pulumi_policy import StackValidationPolicy

from engine.values import COMPUTED
from policy_pack.pack import POLICIES
from policy_pack.running import run
from tests.components.stacks import EU
from tests.policy_pack.breaks import BREAKS, Break
from tests.policy_pack.changes import Registrations, container, first, inputs, opening, pod, whole
from tests.recording import BUCKET, BUCKET_VERSIONING, INGRESS

LATEST = "registry.example.com/agency:latest"


def unknown_image(spec: dict[str, Any]) -> None:
    spec["containers"].insert(0, {**spec["containers"][0], "image": COMPUTED})


UNKNOWN: dict[str, Callable[[Registrations], None]] = {
    "variable OPENAI_API_KEY": container(lambda one: one["env"].insert(0, {"name": "A", "value": COMPUTED})),
    LATEST: pod(unknown_image),
    "everybody is let in": opening("ingress", {"from": COMPUTED}),
    "on every port": opening("egress", {"to": COMPUTED}),
    "a defaultBackend": inputs(INGRESS, lambda one: one["spec"].update(rules=COMPUTED), f"acme-agent@{EU}"),
    "old versions stay": inputs(BUCKET_VERSIONING, lambda one: one.update(versioningConfiguration=COMPUTED)),
}
"""By what a break says: an unknown value that its policy reads before."""
STACK_POLICIES = {one.name for one in POLICIES if isinstance(one, StackValidationPolicy)}
OF_THE_STACK = [one for one in BREAKS if one.policy in STACK_POLICIES]
BESIDE = [(change, one) for words, change in UNKNOWN.items() for one in BREAKS if words in one.told]


@pytest.mark.parametrize(
    ("unknown", "one"), BESIDE, ids=lambda each: str(each) if type(each) is Break else ""
)
def test_an_unknown_value_hides_no_break_beside_it(
    unknown: Callable[[Registrations], None], one: Break
) -> None:
    registrations = whole("acme", "data", "a")
    one.change(registrations)
    unknown(registrations)

    findings = run(registrations)

    assert any(one.told in each.message for each in findings.violations)
    assert any(each.startswith(one.policy) for each in findings.undecided)


@pytest.mark.parametrize("one", OF_THE_STACK, ids=str)
def test_the_order_of_resources_changes_no_message(one: Break) -> None:
    registrations = whole("acme", "data", "a")
    one.change(registrations)
    turned = dict(reversed(registrations.items()))

    assert sorted(map(str, run(turned).violations)) == sorted(map(str, run(registrations).violations))


def test_a_resource_that_the_program_only_reads_is_not_checked_by_itself() -> None:
    registrations = whole("acme")
    bucket = first(registrations, BUCKET)
    bucket.inputs["forceDestroy"] = True
    registrations[bucket.urn] = replace(bucket, external=True)

    assert run(registrations).violations == []
