"""Whole parts switched over: manager of names, identity, replication. Nothing that holds data goes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.day_two.paper import Plan, edited, plan
from tests.day_two.stacks import BASE
from tests.day_two.test_regions import SAFE_BUCKET
from tests.recording import (
    ASSOCIATION,
    BUCKET_REPLICATION,
    INGRESS,
    KUBERNETES_PROVIDER,
    NAMESPACE,
    RECORD,
    ROLE,
    ROLE_POLICY,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    VOLUME_CLAIM,
)
from tests.strategies import Raw

ACTIVE: Raw = edited(BASE, lambda raw: raw["regions"][2].pop("active"))
"""external-dns knows no passive region under the policy `latency`."""

SWITCHES: list[tuple[str, dict[str, Any], set[str]]] = [
    ("manager", {"loadBalancing": {"manager": "external-dns"}}, {RECORD, INGRESS}),
    ("identity", {"identity": "irsa"}, {ROLE, ROLE_POLICY, ASSOCIATION, SERVICE_ACCOUNT}),
    (
        "replication",
        {"replication": {"enabled": False}},
        SAFE_BUCKET | {BUCKET_REPLICATION, ROLE, ROLE_POLICY, ASSOCIATION},
    ),
]


@pytest.mark.parametrize(
    ("settings", "touched"), [row[1:] for row in SWITCHES], ids=[row[0] for row in SWITCHES]
)
def test_a_switch_and_back_touches_no_data_and_rolls_no_pod(
    settings: dict[str, Any], touched: set[str]
) -> None:
    switched = edited(ACTIVE, **settings)
    for change in (plan(ACTIVE, switched), plan(switched, ACTIVE)):
        assert change.kinds == touched, str(change)
        assert_data_stays(change)


def assert_data_stays(change: Plan) -> None:
    data = {NAMESPACE, VOLUME_CLAIM, STATEFUL_SET, KUBERNETES_PROVIDER} | SAFE_BUCKET
    assert change.refusals == []
    assert change.names("replace") == []
    assert change.names("delete", kinds=tuple(data)) == []


def test_replication_switched_off_keeps_every_bucket_and_says_so() -> None:
    change = plan(BASE, edited(BASE, replication={"enabled": False}))
    assert {step.entry["type"] for step in change.where("keep")} == SAFE_BUCKET
    assert len(change.names("keep")) == 3 * len(SAFE_BUCKET)
    assert change.names("delete", kinds=tuple(SAFE_BUCKET)) == []


def test_failover_switched_off_changes_nothing_that_exists_already() -> None:
    assert plan(BASE, edited(BASE, failover={"enabled": False})).actions == {}
