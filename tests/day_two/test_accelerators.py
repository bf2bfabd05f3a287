"""From route53 to global-accelerator and back: names move in place, from what still serves."""

from __future__ import annotations

import asyncio

import boto3
import pytest

from components import provisioning
from tests.components.stacks import EU, US, WEST
from tests.day_two.plans import Plan, registered
from tests.day_two.running import Running
from tests.day_two.stacks import ACME, GLOBEX, edited
from tests.day_two.test_routing import ACTIVE
from tests.day_two.test_switches import assert_data_stays
from tests.recording import ACCELERATOR, ENDPOINT_GROUP, HEALTH_CHECK, INGRESS, LISTENER, RECORD
from tests.strategies import Raw

ACCELERATED = edited(ACTIVE, loadBalancing={"policy": "latency", "manager": "global-accelerator"})
NAMES = [f"{ACME}-name", f"{GLOBEX}-name"]
MADE = {ACCELERATOR, ENDPOINT_GROUP, LISTENER}
WAIT_SECONDS = 3.25


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the program waited. No DNS has the emulator's accelerators; clients forget soon."""
    found, sleep = list[float](), asyncio.sleep

    async def noted(seconds: float) -> None:
        found.append(seconds)
        await sleep(seconds)

    monkeypatch.setattr(provisioning, "LIMIT_SECONDS", 0.0)
    monkeypatch.setattr(provisioning, "DRAIN_SECONDS", WAIT_SECONDS)
    monkeypatch.setattr(provisioning.asyncio, "sleep", noted)
    return found


def have_load_balancers(running: Running) -> None:
    """What the load balancer controller would make of the edges' second Ingresses."""
    for name in (US, EU, WEST):
        ec2, elbv2 = (
            boto3.client(service, region_name=name, **running.aws.credentials())
            for service in ("ec2", "elbv2")
        )
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
        elbv2.create_load_balancer(Name=f"front-{name}-nlb", Subnets=[subnet], Type="network")


def assert_names_move_in_place(done: Plan, before: Raw, after: Raw) -> None:
    """A name always has exactly its one record; the new target stands before, the old one until the end."""
    assert_data_stays(done)
    assert done.kinds <= {RECORD, HEALTH_CHECK, INGRESS} | MADE, str(done)
    assert done.names("update") == NAMES
    for name in NAMES:
        assert done.changed(name).keys() == {"aliases.0.name"}
    steps = list(done)
    moved = [index for index, step in enumerate(steps) if step.name in NAMES]
    made = [index for index, step in enumerate(steps) if step.op == "create"]
    gone = [index for index, step in enumerate(steps) if step.op == "delete"]
    assert max(made) < min(moved) < max(moved) < min(gone)


@pytest.mark.parametrize(("before", "after"), [(ACTIVE, ACCELERATED), (ACCELERATED, ACTIVE)])
def test_what_is_registered_otherwise_is_the_way_of_the_names(before: Raw, after: Raw) -> None:
    change = registered(before, after)
    assert change.names("update") == NAMES
    assert_data_stays(change)
    assert change.names("replace") == []


@pytest.mark.slow
def test_the_engine_switches_to_global_accelerator_and_back_and_no_name_is_without_an_answer(
    running: Running, waited: list[float]
) -> None:
    running.at(ACTIVE)
    have_load_balancers(running)
    assert_names_move_in_place(running.deploy(ACTIVE, ACCELERATED), ACTIVE, ACCELERATED)
    assert WAIT_SECONDS not in waited, "load balancers stay, so clients lose nothing"
    assert running.plan(ACCELERATED, ACCELERATED).actions == {}
    assert running.drift(ACCELERATED) == []
    assert_names_move_in_place(running.deploy(ACCELERATED, ACTIVE), ACCELERATED, ACTIVE)
    assert WAIT_SECONDS in waited, "clients still knew the accelerators' addresses"
    client = boto3.client("globalaccelerator", region_name="us-west-2", **running.aws.credentials())
    assert client.list_accelerators()["Accelerators"] == []
