"""From route53 to global-accelerator and back: names move in place, from what still serves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import pulumi
import pytest

from components import drain, provisioning
from local.machine.files import LocalError
from plan.accelerators import ACCELERATORS
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
STASH = "pulumi:index:Stash"


@dataclass
class Waits:
    """What the program waited for. `interrupted`: the next wait for clients ends the deployment."""

    messages: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    interrupted: bool = False


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    """No DNS has the emulator's accelerators, and no client keeps their addresses."""
    found, log, wait = Waits(), pulumi.log.info, drain._wait

    def info(message: str) -> None:
        found.messages.append(message)
        log(message)

    async def noted(seconds: float) -> None:
        if found.interrupted:
            found.interrupted = False
            raise InterruptedError("interrupted")
        found.seconds.append(seconds)
        await wait(min(seconds, 0.5))

    monkeypatch.setattr(provisioning, "is_aws_alias_target", lambda name: False)
    monkeypatch.setattr(provisioning, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(drain, "_wait", noted)
    monkeypatch.setattr(pulumi.log, "info", info)
    return found


def client(running: Running, service: str, region: str) -> Any:
    return boto3.client(service, region_name=region, **running.aws.credentials())


@pytest.fixture(scope="module")
def accelerable(running: Running) -> Running:
    """With what the load balancer controller would make of the edges' second Ingresses."""
    for name in (US, EU, WEST):
        ec2, elbv2 = (client(running, service, name) for service in ("ec2", "elbv2"))
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
        elbv2.create_load_balancer(Name=f"front-{name}-nlb", Subnets=[subnet], Type="network")
    return running


def assert_names_move_in_place(done: Plan, before: Raw, after: Raw) -> None:
    """A name always has exactly its one record; the new target stands before, the old one until the end."""
    assert_data_stays(done)
    assert done.kinds <= {RECORD, HEALTH_CHECK, INGRESS, STASH} | MADE, str(done)
    assert done.names("update") == [*NAMES, "names-moves"]
    steps = list(done)
    moved = {step.name: index for index, step in enumerate(steps) if step.name in NAMES}
    gone = [index for index, step in enumerate(steps) if step.op == "delete"]
    assert max(moved.values()) < min(gone)
    for name in NAMES:
        [(key, (_, target))] = done.changed(name).items()
        assert key == "aliases.0.name"
        made = [index for index, step in enumerate(steps) if step.new.get("name") == target]
        assert made and max(made) < moved[name], f"{name} before {target}"


@pytest.mark.parametrize(("before", "after"), [(ACTIVE, ACCELERATED), (ACCELERATED, ACTIVE)])
def test_what_is_registered_otherwise_is_the_way_of_the_names(before: Raw, after: Raw) -> None:
    change = registered(before, after)
    assert change.names("update") == [*NAMES, "names-moves"]
    assert_data_stays(change)
    assert change.names("replace") == []


def clients_waited_for(waits: Waits) -> float:
    """Seconds of the last deployment's waits for clients."""
    found = sum(seconds for seconds in waits.seconds if seconds > 0)
    waits.seconds.clear()
    return found


@pytest.mark.slow
def test_the_engine_switches_to_global_accelerator_and_back_and_no_name_is_without_an_answer(
    accelerable: Running, waits: Waits
) -> None:
    accelerable.at(ACTIVE)
    assert_names_move_in_place(accelerable.deploy(ACTIVE, ACCELERATED), ACTIVE, ACCELERATED)
    assert [message for message in waits.messages if "INITIAL" in message], "endpoints were waited for"
    assert clients_waited_for(waits) == 0, "load balancers stay, so clients lose nothing"
    assert accelerable.plan(ACCELERATED, ACCELERATED).actions == {}
    assert accelerable.drift(ACCELERATED) == []
    assert_names_move_in_place(accelerable.deploy(ACCELERATED, ACTIVE), ACCELERATED, ACTIVE)
    assert 315 < clients_waited_for(waits) <= 320, "clients knew the addresses"
    assert accelerators(accelerable) == []


@pytest.mark.slow
def test_without_a_healthy_endpoint_names_stay_where_they_answer(accelerable: Running, waits: Waits) -> None:
    accelerable.at(ACTIVE)
    with pytest.MonkeyPatch.context() as patch, nothing_behind_load_balancers(accelerable):
        patch.setattr(provisioning, "LIMIT_SECONDS", 2.0)
        with pytest.raises(LocalError, match="no endpoint is healthy after"):
            accelerable.up(ACCELERATED)
    found = {step["urn"].rpartition("::")[2]: step.get("inputs", {}) for step in accelerable.resources()}
    assert not any(ACCELERATORS in found[name]["aliases"][0]["name"] for name in NAMES)
    assert accelerable.up(ACCELERATED).names("update") == [*NAMES, "names-moves"]


@contextmanager
def nothing_behind_load_balancers(running: Running) -> Iterator[None]:
    """Meanwhile they forward to target groups without a target."""
    listeners = list[tuple[Any, str]]()
    for name in (US, EU, WEST):
        elbv2 = client(running, "elbv2", name)
        (balancer,) = elbv2.describe_load_balancers(Names=[f"front-{name}-nlb"])["LoadBalancers"]
        group = elbv2.create_target_group(
            Name=f"{name}-tg", Protocol="TCP", Port=443, VpcId=balancer["VpcId"], TargetType="alb"
        )["TargetGroups"][0]["TargetGroupArn"]
        forward = {"Type": "forward", "TargetGroupArn": group}
        made = elbv2.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="TCP", Port=443, DefaultActions=[forward]
        )
        listeners.append((elbv2, made["Listeners"][0]["ListenerArn"]))
    yield
    for elbv2, listener in listeners:
        elbv2.delete_listener(ListenerArn=listener)


@pytest.mark.slow
def test_an_interrupted_deployment_leaves_the_rest_of_the_wait_to_the_next_one(
    accelerable: Running, waits: Waits
) -> None:
    accelerable.at(ACTIVE)
    accelerable.at(ACCELERATED)
    waits.interrupted = True
    with pytest.raises(LocalError, match="interrupted"):
        accelerable.up(ACTIVE)
    assert accelerators(accelerable) != []
    waits.seconds.clear()
    done = accelerable.up(ACTIVE)
    assert done.names("update") == [], "names have moved before"
    assert 100 < clients_waited_for(waits) < 320
    assert accelerators(accelerable) == []


@pytest.mark.slow
def test_a_deployment_that_ends_before_it_remembers_that_names_moved_leaves_the_whole_wait(
    accelerable: Running, waits: Waits
) -> None:
    accelerable.at(ACTIVE)
    accelerable.at(ACCELERATED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drain.pulumi, "Stash", fails)
        with pytest.raises(LocalError, match="interrupted"):
            accelerable.up(ACTIVE)
    assert accelerators(accelerable) != []
    waits.seconds.clear()
    done = accelerable.up(ACTIVE)
    assert done.names("update") == ["names-moves"], "names have moved before"
    assert waits.seconds[0] == 320
    assert accelerators(accelerable) == []
    assert accelerable.up(ACTIVE).actions == {}


def fails(*args: object, **more: object) -> None:
    raise InterruptedError("interrupted")


def accelerators(running: Running) -> list[str]:
    listed = client(running, "globalaccelerator", "us-west-2").list_accelerators()
    return [each["Name"] for each in listed["Accelerators"]]
