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
    DEPLOYMENT,
    INGRESS,
    KUBERNETES_PROVIDER,
    NAMESPACE,
    NETWORK_POLICY,
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


def test_replication_switched_off_and_on_rolls_the_pods_and_touches_no_data() -> None:
    """Their init containers restore from copies."""
    off = edited(ACTIVE, replication={"enabled": False})
    touched = SAFE_BUCKET | {BUCKET_REPLICATION, ROLE, ROLE_POLICY, ASSOCIATION, STATEFUL_SET}
    for change in (plan(ACTIVE, off), plan(off, ACTIVE)):
        assert change.rest.kinds == touched, str(change)
        assert {change.actions[name] for name in change.names(kinds=(STATEFUL_SET,))} == {"update"}
        assert len(change.learned) == 10
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


def test_failover_switched_off_takes_the_controllers_away_and_rolls_no_pod() -> None:
    off = edited(BASE, failover={"enabled": False})
    gone, back = plan(BASE, off), plan(off, BASE)
    for change in (gone, back):
        # Edges answer by themselves again, and pods close to the controller.
        assert {step.entry["type"] for step in change.where("update")} == {INGRESS, NETWORK_POLICY}, str(
            change
        )
        assert change.names(kinds=(STATEFUL_SET,)) == change.names("replace", "keep") == []
        assert_data_stays(change)
    assert gone.names("delete") == back.names("create")
    assert all("-failover" in name or "-flags@" in name for name in gone.names("delete"))
    assert len(gone.names("delete", kinds=(DEPLOYMENT,))) == 3
