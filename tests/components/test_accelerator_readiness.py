"""No endpoint before its load balancer is active, and no name that leads to an accelerator nobody answers."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import boto3
import pytest

from components import accelerator_readiness as readiness
from components import provisioning
from plan.deployer import NEEDS
from tests.accelerated_stacks import ARN
from tests.components.stacks import EU, US
from tests.components.test_accelerators import accelerated
from tests.recording import ENDPOINT_GROUP, RECORD, record

GROUPS = ["group-1", "group-2"]


class Aws:
    """Answers one after another, the last one for ever; and the calls that were made."""

    def __init__(self, answers: dict[str, list[str]]) -> None:
        """States by what is described: an endpoint group or a load balancer."""
        self.answers = {name: list(states) for name, states in answers.items()}
        self.calls = list[str]()

    def client(self, service: str, region: str) -> Any:
        self.calls.append(f"{service} in {region}")
        return self

    def describe_endpoint_group(self, EndpointGroupArn: str) -> dict[str, Any]:
        state = self._next(EndpointGroupArn)
        described = [{"EndpointId": "balancer", "HealthState": state}]
        group = {"EndpointGroupRegion": EndpointGroupArn, "EndpointDescriptions": described}
        return {"EndpointGroup": group}

    def describe_load_balancers(self, LoadBalancerArns: list[str]) -> dict[str, Any]:
        return {"LoadBalancers": [{"State": {"Code": self._next(arn)}} for arn in LoadBalancerArns]}

    def _next(self, name: str) -> str:
        states = self.answers[name]
        return states.pop(0) if len(states) > 1 else states[0]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What the program says, by severity."""
    found: dict[str, list[str]] = {"info": [], "warn": []}
    for severity, texts in found.items():
        monkeypatch.setattr(f"pulumi.log.{severity}", texts.append)
    return found


@pytest.fixture(autouse=True)
def time_flies(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only waiting moves."""
    now = [0.0]
    sleep = asyncio.sleep

    async def pass_by(seconds: float) -> None:
        now[0] += seconds
        await sleep(0)

    monkeypatch.setattr(provisioning, "now", lambda: now[0])
    monkeypatch.setattr(provisioning.asyncio, "sleep", pass_by)
    return now


def record_waits(aws: Aws) -> None:
    asyncio.run(readiness.endpoints_answer(aws.client, GROUPS, Arguments("edge-1-record")))


def group_waits(aws: Aws) -> None:
    asyncio.run(readiness.endpoint_is_active(aws.client, Arguments(f"edge-1-endpoints@{EU}")))


class Arguments:
    """Of the hooks."""

    new_inputs: ClassVar[Any] = {"endpointConfigurations": [{"endpointId": ARN.format(region=EU)}]}

    def __init__(self, name: str) -> None:
        self.name = name


def test_the_record_waits_until_every_endpoint_is_healthy(
    said: dict[str, list[str]], time_flies: list[float]
) -> None:
    aws = Aws({"group-1": ["INITIAL"] * 3 + ["HEALTHY"], "group-2": ["INITIAL", "UNHEALTHY", "HEALTHY"]})
    record_waits(aws)
    assert time_flies == [3 * provisioning.POLL_SECONDS]
    assert aws.calls == ["globalaccelerator in us-west-2"]
    assert [text for text in said["info"] if "group-1 INITIAL, group-2 UNHEALTHY" in text], said
    assert said["warn"] == []


def test_one_region_in_an_outage_is_not_waited_for_any_longer_than_a_new_one(
    said: dict[str, list[str]], time_flies: list[float]
) -> None:
    record_waits(Aws({"group-1": ["HEALTHY"], "group-2": ["UNHEALTHY"]}))
    assert time_flies == [180.0]
    (text,) = said["warn"]
    assert "group-2 UNHEALTHY" in text and "edge-1-record" in text and "/healthz/" in text


def test_one_that_is_never_judged_holds_up_nothing_for_good(
    said: dict[str, list[str]], time_flies: list[float]
) -> None:
    record_waits(Aws({"group-1": ["HEALTHY"], "group-2": ["INITIAL"]}))
    assert time_flies == [600.0]
    assert "group-2 INITIAL" in said["warn"][0]


def test_without_a_healthy_endpoint_no_name_moves(
    said: dict[str, list[str]], time_flies: list[float]
) -> None:
    with pytest.raises(TimeoutError, match=r"no endpoint is healthy.*group-1 UNHEALTHY, group-2 INITIAL"):
        record_waits(Aws({"group-1": ["UNHEALTHY"], "group-2": ["INITIAL"]}))
    assert time_flies == [600.0]


def test_it_says_each_minute_what_it_waits_for(said: dict[str, list[str]]) -> None:
    with pytest.raises(TimeoutError):
        record_waits(Aws({name: ["INITIAL"] for name in GROUPS}))
    assert len(said["info"]) == 10
    assert "60 s" in said["info"][1] and "at most 600 s" in said["info"][1]


def test_an_endpoint_is_added_when_its_load_balancer_is_active(
    said: dict[str, list[str]], time_flies: list[float]
) -> None:
    aws = Aws({ARN.format(region=EU): ["provisioning", "provisioning", "active"]})
    group_waits(aws)
    assert time_flies == [2 * provisioning.POLL_SECONDS]
    assert aws.calls == [f"elbv2 in {EU}"]
    assert said["warn"] == []


def test_a_load_balancer_that_is_never_active_is_named(
    said: dict[str, list[str]], time_flies: list[float]
) -> None:
    group_waits(Aws({ARN.format(region=EU): ["provisioning"]}))
    assert time_flies == [600.0]
    assert ARN.format(region=EU) in said["warn"][0] and "provisioning" in said["warn"][0]


@pytest.mark.parametrize("state", ["active_impaired", "failed"])
def test_aws_judges_any_other_state(state: str, time_flies: list[float]) -> None:
    group_waits(Aws({ARN.format(region=EU): [state]}))
    assert time_flies == [0.0]


@pytest.mark.parametrize(("stack", "waits"), [("prod", True), ("local", False)])
def test_groups_and_records_of_accelerators_have_the_waits(stack: str, waits: bool) -> None:
    raw = accelerated()
    run = record(raw, stack=stack)
    active = ["load-balancer-is-active"] if waits else []
    for group in run.of(ENDPOINT_GROUP):
        assert run.recorder.waits[group.urn] == (active, active)
    for label in ("edge-1", "edge-2"):
        own = ["load-balancer-resolves", f"{label}-answers"] if waits else []
        assert run.recorder.waits[run.named(f"{label}-record", RECORD).urn] == (own, own)


def test_the_calls_are_made_by_whom_the_stack_file_names(monkeypatch: pytest.MonkeyPatch) -> None:
    made = list[tuple[Any, ...]]()

    def session(*signer: Any) -> Any:
        made.append(signer)
        return boto3.session.Session(aws_access_key_id="a", aws_secret_access_key="b")

    monkeypatch.setattr("clients.aws_session.aws_session", session)
    signer = readiness.AwsProvider(profile="p", role_arn="arn:aws:iam::123456789012:role/r", session_name="s")
    client = readiness.clients_of(signer)("elbv2", US)
    assert made == [("p", "arn:aws:iam::123456789012:role/r", "s")]
    assert client.meta.region_name == US


def test_the_deployer_may_make_the_calls() -> None:
    allowed = " ".join(NEEDS[ENDPOINT_GROUP].values()).split()
    assert {"globalaccelerator:DescribeEndpointGroup", "elasticloadbalancing:DescribeLoadBalancers"} <= {
        *allowed
    }
