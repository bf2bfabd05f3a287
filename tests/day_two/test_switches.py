"""Whole parts switched over: manager of names, identity, replication. Nothing that holds data goes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.day_two.plans import Plan, registered
from tests.day_two.running import Running
from tests.day_two.stacks import BASE, edited
from tests.day_two.test_routing import ACTIVE
from tests.recording import (
    ASSOCIATION,
    BUCKET,
    BUCKET_REPLICATION,
    DEPLOYMENT,
    INGRESS,
    KUBERNETES_PROVIDER,
    NAMESPACE,
    NETWORK_POLICY,
    RECORD,
    ROLE,
    ROLE_POLICY,
    SAFE_BUCKET,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    VOLUME_CLAIM,
)

MANAGER: dict[str, Any] = {"loadBalancing": {"policy": "latency", "manager": "external-dns"}}
"""external-dns knows no passive region under the policy `latency`: so all are active here."""
IDENTITY: dict[str, Any] = {"identity": "irsa"}
BOTH = edited(ACTIVE, **MANAGER, **IDENTITY)
NO_FAILOVER = edited(BASE, failover={"enabled": False})
NO_REPLICATION = edited(ACTIVE, replication={"enabled": False})


def assert_data_stays(change: Plan) -> None:
    data = {NAMESPACE, VOLUME_CLAIM, STATEFUL_SET, KUBERNETES_PROVIDER} | SAFE_BUCKET
    assert change.names("replace") == []
    assert change.names("delete", kinds=tuple(data)) == []


@pytest.mark.parametrize(
    ("settings", "touched"),
    [
        (MANAGER, {RECORD, INGRESS}),
        (IDENTITY, {ROLE, ROLE_POLICY, ASSOCIATION, SERVICE_ACCOUNT, NETWORK_POLICY}),
    ],
    ids=["manager", "identity"],
)
def test_a_switch_and_back_touches_no_data_and_rolls_no_pod(
    settings: dict[str, Any], touched: set[str]
) -> None:
    switched = edited(ACTIVE, **settings)
    for change in (registered(ACTIVE, switched), registered(switched, ACTIVE)):
        assert change.kinds == touched, str(change)
        assert_data_stays(change)


@pytest.mark.slow
def test_the_engine_switches_manager_and_identity_and_back_in_place(running: Running) -> None:
    touched = {RECORD, INGRESS, ROLE, ROLE_POLICY, ASSOCIATION, SERVICE_ACCOUNT, NETWORK_POLICY}
    there = running.deploy(ACTIVE, BOTH)
    assert running.plan(BOTH, BOTH).actions == {}
    back = running.deploy(BOTH, ACTIVE)
    for change in (there, back):
        assert change.kinds == touched, str(change)
        assert set(change.names("update", kinds=(INGRESS, SERVICE_ACCOUNT))) == set(
            change.names(kinds=(INGRESS, SERVICE_ACCOUNT))
        )
        assert_data_stays(change)


@pytest.mark.slow
def test_replication_switched_off_and_on_rolls_the_pods_and_touches_no_data(running: Running) -> None:
    """Their init containers restore from snapshots. Every bucket is kept, and taken back with `adopt`."""
    off = running.deploy(ACTIVE, NO_REPLICATION)
    assert {step.type for step in off.where("keep")} == SAFE_BUCKET
    assert len(off.names("keep")) == 3 * len(SAFE_BUCKET)
    on = running.deploy(NO_REPLICATION, running.adopting(ACTIVE))
    touched = SAFE_BUCKET | {BUCKET_REPLICATION, ROLE, ROLE_POLICY, ASSOCIATION, STATEFUL_SET}
    for change in (off, on):
        assert change.rest.kinds == touched, str(change)
        assert {change.actions[name] for name in change.names(kinds=(STATEFUL_SET,))} == {"update"}
        assert len(change.names(kinds=(STATEFUL_SET,))) == 10
        assert len(change.learned) == 10
        assert_data_stays(change)
    assert {on.actions[name] for name in on.names(kinds=(BUCKET,))} == {"import"}


def test_failover_switched_off_takes_the_controllers_away_and_rolls_no_pod(running: Running) -> None:
    gone = running.plan(BASE, NO_FAILOVER)
    assert gone.actions == registered(BASE, NO_FAILOVER).actions
    back = registered(NO_FAILOVER, BASE)
    for change in (gone, back):
        # Edges answer by themselves again, and pods close to the controller.
        assert {step.type for step in change.where("update")} == {INGRESS, NETWORK_POLICY}, str(change)
        assert change.names(kinds=(STATEFUL_SET,)) == change.names("replace", "keep") == []
        assert_data_stays(change)
    assert gone.names("delete") == back.names("create")
    assert all("-failover" in name or "-flags@" in name for name in gone.names("delete"))
    assert len(gone.names("delete", kinds=(DEPLOYMENT,))) == 3
