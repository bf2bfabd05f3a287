"""Unknown values of a preview, and the order of resources, change no other message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engine.values import COMPUTED
from policy_pack.running import run
from tests.components.stacks import EU
from tests.policy_pack.breaks import BREAKS, Break
from tests.policy_pack.changes import Registrations, container, first, inputs, opening, pod, whole
from tests.policy_pack.rerun import OF_THE_STACK, findings
from tests.recording import BUCKET, BUCKET_VERSIONING, INGRESS

LATEST = "registry.example.com/agency:latest"


def unknown_image(spec: dict[str, Any]) -> None:
    spec["containers"].insert(0, {**spec["containers"][0], "image": COMPUTED})


UNKNOWN: dict[str, Callable[[Registrations], None]] = {
    "variable OPENAI_API_KEY": container(
        lambda props: props["env"].insert(0, {"name": "A", "value": COMPUTED})
    ),
    LATEST: pod(unknown_image),
    "all senders are admitted": opening("ingress", {"from": COMPUTED}),
    "on every port": opening("egress", {"to": COMPUTED}),
    "a defaultBackend": inputs(
        INGRESS, lambda props: props["spec"].update(rules=COMPUTED), f"acme-agent@{EU}"
    ),
    "old versions are never deleted": inputs(
        BUCKET_VERSIONING, lambda props: props.update(versioningConfiguration=COMPUTED)
    ),
}
"""By a part of a break's message: an unknown value that the policy reads first."""
STACK_POLICIES = {policy.name for policy in OF_THE_STACK}
BREAKS_OF_THE_STACK = [case for case in BREAKS if case.policy in STACK_POLICIES]
BESIDE = [(change, case) for words, change in UNKNOWN.items() for case in BREAKS if words in case.message]


@pytest.mark.parametrize(
    ("unknown", "case"), BESIDE, ids=lambda value: str(value) if type(value) is Break else ""
)
def test_an_unknown_value_hides_no_break_beside_it(
    unknown: Callable[[Registrations], None], case: Break
) -> None:
    registrations = whole()
    case.change(registrations)
    unknown(registrations)

    found = findings(whole(), registrations)

    assert any(case.message in finding.message for finding in found.violations)
    assert any(finding.startswith(case.policy) for finding in found.undecided)


@pytest.mark.parametrize("case", BREAKS_OF_THE_STACK, ids=str)
def test_the_order_of_resources_changes_no_message(case: Break) -> None:
    registrations = whole()
    case.change(registrations)
    turned = dict(reversed(registrations.items()))

    of_turned, violations = (run(each, OF_THE_STACK).violations for each in (turned, registrations))
    assert sorted(map(str, of_turned)) == sorted(map(str, violations)) != []


def test_a_resource_that_the_program_only_reads_is_not_checked_by_itself() -> None:
    registrations = whole()
    bucket = first(registrations, BUCKET)
    bucket.inputs["forceDestroy"] = True
    registrations[bucket.urn] = replace(bucket, external=True)

    assert run(registrations).violations == []
