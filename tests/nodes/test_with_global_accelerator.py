"""The stack `local` with Global Accelerator, and a drill of it. The stack keeps this manager, so these are
the last tests of the nodes: they are named after the others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from local import access
from ops.drill.evaluate.kept import KEPT_SPAN
from ops.drill.evaluate.steps import GAP_SPAN
from ops.drill.faults.kinds import FaultKind
from ops.drill.observe.http import Address, Request, send, talk
from tests.nodes.conftest import ROOT, Stack
from tests.nodes.drilling import drilled
from tests.services import until

EU = "eu-west-1"
DOMAIN = "agency.localhost.test"
COMPANY, EDGE = f"client-a.{DOMAIN}", f"{EU}.{DOMAIN}"


@pytest.fixture(scope="module")
def file(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stack file, deployed."""
    text = (ROOT / "Pulumi.local.yaml").read_text()
    policy = "loadBalancing: {policy: failover}"
    assert policy in text
    file = tmp_path_factory.mktemp("accelerated") / "Pulumi.local.yaml"
    file.write_text(text.replace(policy, "loadBalancing: {policy: latency, manager: global-accelerator}"))
    shown = stack.succeed("local", "up", "--config", str(file))
    resolve = f"{COMPANY}:443:{','.join(fixed(stack))}"
    assert f"curl --resolve {resolve} " in shown
    return file


def fixed(stack: Stack) -> list[str]:
    """The addresses of the accelerator of all companies."""
    running = access.find(stack.state)
    assert running is not None
    (addresses,) = running.accelerators.values()
    return list(addresses)


def addresses(stack: Stack, port: int = 443) -> list[Address]:
    authority = stack.state / "pki" / "ca.crt"
    return [Address(host=each, port=port, tls=port == 443, authority=authority) for each in fixed(stack)]


def request(host: str, path: str) -> Request:
    return Request(host=host, path=path, connect=2, answer=2)


def await_answer(at: Address) -> None:
    """All pods have been replaced at once, so a region may be flagged at first."""
    heard = [""]

    def answers() -> bool:
        response = send(at, request(COMPANY, "/health"))
        heard[0] = response.detail
        return response.ok

    try:
        until(answers, "the company answers")
    except AssertionError as error:
        raise AssertionError(f"{error}; the last answer: {heard[0]}") from error


def test_both_addresses_lead_to_a_region_on_both_ports(stack: Stack, file: Path) -> None:
    for secure, plain in zip(addresses(stack), addresses(stack, 80), strict=True):
        await_answer(secure)
        assert send(secure, replace(request("nobody.example.com", "/health"), verify=True)).status == 0
        assert send(plain, request(COMPANY, "/health")).status == 301
    assert len(fixed(stack)) == 2


@pytest.fixture
def connected(stack: Stack, file: Path) -> Iterator[list[int]]:
    """The statuses that the region's health path answers on one connection, as long as the test runs."""
    ended, statuses = threading.Event(), list[int]()

    def stay() -> None:
        def requests() -> Iterator[Request]:
            while not ended.wait(1):
                yield replace(request(EDGE, f"/healthz/{EU}"), answer=10)

        statuses.extend(each.status for each in talk(addresses(stack)[0], requests()))

    thread = threading.Thread(target=stay)
    thread.start()
    yield statuses
    ended.set()
    thread.join(10)
    assert {200, 503} <= set(statuses) <= {200, 503}, "it stays with the region that new connections leave"


def test_clients_of_a_region_that_fails_come_back_soon_whatever_they_know_of_dns(
    stack: Stack, file: Path, connected: list[int], tmp_path: Path
) -> None:
    options = ("--config", str(file), "--company", "client-a")
    seconds = drilled(stack, tmp_path, EU, FaultKind.GRAY, *options)

    assert seconds[GAP_SPAN] > 0
    assert seconds[KEPT_SPAN] == pytest.approx(seconds[GAP_SPAN], abs=10)
