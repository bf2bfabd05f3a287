"""Provisioning: no record leads to a load balancer whose name does not resolve yet."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, ClassVar

import pytest

from components import provisioning
from tests.components.stacks import two_regions
from tests.recording import ASSOCIATION, RECORD, STATEFUL_SET, record

ADDRESS = "k8s-useast1-0123456789-123456789.us-east-1.elb.amazonaws.com"


def asked(monkeypatch: pytest.MonkeyPatch, address: str, resolves_at: int) -> int:
    """How often the name was looked up until the record could be made."""
    times = 0

    async def getaddrinfo(self: object, host: str, port: int) -> list[Any]:
        nonlocal times
        times += 1
        assert (host, port) == (address, 443)
        if times < resolves_at:
            raise socket.gaierror(-2, "Name or service not known")
        return []

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(provisioning, "POLL_SECONDS", 0.001)
    asyncio.run(provisioning._resolves(arguments(address)))
    return times


def arguments(address: str) -> Any:
    class Arguments:
        name = "us-east-1-edge-1-record"
        new_inputs: ClassVar[Any] = {"records": [address]}

    return Arguments()


def test_a_record_waits_until_its_load_balancer_resolves(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, ADDRESS, resolves_at=4) == 4
    assert asked(monkeypatch, ADDRESS, resolves_at=1) == 1


def test_names_of_other_load_balancers_are_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, "edge-us-east-1.example.net", resolves_at=9) == 0


def test_one_that_never_resolves_holds_up_nothing_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(provisioning, "LIMIT_SECONDS", 0.05)
    monkeypatch.setattr(provisioning.pulumi.log, "warn", said.append)
    assert asked(monkeypatch, ADDRESS, resolves_at=10**9) > 1
    (text,) = said
    assert ADDRESS in text and "us-east-1-edge-1-record" in text and "does not resolve" in text


@pytest.mark.parametrize(("name", "hooks"), [("prod", ["load-balancer-resolves"]), ("local", [])])
def test_the_records_of_edges_alone_wait_and_none_in_the_stack_local(name: str, hooks: list[str]) -> None:
    run = record(two_regions(), stack=name)
    for resource in run.of(RECORD):
        wanted = hooks if resource.name.endswith("-record") else []
        assert run.recorder.waits[resource.urn] == (wanted, wanted), resource.name


@pytest.mark.parametrize(("name", "hooks"), [("prod", ["association-is-known"]), ("local", [])])
def test_pods_start_some_seconds_after_their_association(name: str, hooks: list[str]) -> None:
    """What depends on a resource waits for its hooks."""
    run = record(two_regions(), stack=name)
    associations = {resource.urn for resource in run.of(ASSOCIATION)}
    assert associations
    assert all(run.recorder.waits_after[urn] == hooks for urn in associations)
    for resource in run.of(STATEFUL_SET):
        assert associations & resource.dependencies, resource.name


def test_an_association_is_given_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(provisioning.asyncio, "sleep", sleep)
    asyncio.run(provisioning._is_known(arguments("")))
    assert slept == [10.0]
