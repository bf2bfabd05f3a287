"""The in-pod scripts of the network check, on this machine: what answers, refuses, drops, or is not tried."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from ops.probing.pods import IN_POD
from ops.validation.network.pod_facts import link_local

LOOPBACK = "127.0.0.1"
WITHOUT_NETWORK = ["unshare", "--map-root-user", "--net"]


def ran(script: str, argument: Any, *around: str) -> Any:
    argv = [*around, sys.executable, IN_POD / f"{script}.py", json.dumps(argument)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def states(attempts: Sequence[tuple[str, str, list[int]]], *around: str) -> list[str]:
    return [state for state, _ in ran("connect", {"attempts": attempts, "seconds": 1}, *around)]


@contextmanager
def listener(host: str = LOOPBACK, *, backlog: int = 5) -> Iterator[int]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family, backlog=backlog) as server:
        yield server.getsockname()[1]


@pytest.fixture
def unused() -> int:
    with listener() as port:
        return port


def test_a_port_connects_or_is_refused(unused: int) -> None:
    with listener() as port:
        assert states([("TCP", LOOPBACK, [port, unused])]) == ["connected", "refused"]
        assert states([("TCP", "localhost", [port])]) == ["connected"], "one of its addresses is enough"


def test_a_port_that_does_not_answer_in_time_is_dropped() -> None:
    with ExitStack() as stack:
        port = stack.enter_context(listener(backlog=0))
        for _ in range(3):
            held = stack.enter_context(socket.socket())
            held.setblocking(False)
            held.connect_ex((LOOPBACK, port))
        assert states([("TCP", LOOPBACK, [port])]) == ["dropped"]


def test_a_udp_packet_that_arrives_is_reported_though_nothing_listens(unused: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((LOOPBACK, 0))
        mute = silent.getsockname()[1]
        assert states([("UDP", LOOPBACK, [unused, mute])]) == ["connected", "dropped"]
    assert states([("UDP", "::1", [unused])]) == ["connected"]


def test_what_was_never_sent_is_untried_with_its_reason() -> None:
    """No route, no link-local address, no name: each once passed for closed."""
    attempts = [
        ("TCP", "192.0.2.1", [80]),
        ("UDP", "192.0.2.1", [80]),
        ("TCP", "2001:db8::1", [80]),
        ("TCP", "fe80::1", [80]),
        ("TCP", "no-such.invalid", [80, 81]),
    ]
    report = ran("connect", {"attempts": attempts, "seconds": 1}, *WITHOUT_NETWORK)
    assert {state for state, _ in report} == {"untried"}
    reasons = [why for _, why in report]
    assert reasons[0] == "Network is unreachable"
    assert reasons[3] == "this pod has no IPv6 link-local address"
    assert len(report) == 6 and reasons[4] == reasons[5] != ""


def test_many_attempts_keep_their_order_and_take_a_bounded_time(unused: int) -> None:
    with listener(backlog=500) as port:
        ports = [port, unused] * 300
        assert states([("TCP", LOOPBACK, ports)]) == ["connected", "refused"] * 300


def test_a_pod_tells_its_addresses_and_the_ports_that_others_may_reach() -> None:
    with listener("0.0.0.0") as port, listener() as own, listener("::1") as own6:
        report = ran("listening", {})
    assert port in report["tcp"] and own not in report["tcp"] and own6 not in report["tcp"]
    assert "127.0.0.1" not in report["addresses"] and "::1" not in report["addresses"]
    assert set(report) == {"addresses", "tcp", "udp", "nameservers", "neighbours"}


def test_a_pod_without_a_network_has_no_addresses() -> None:
    report = ran("listening", {}, *WITHOUT_NETWORK)
    assert report["addresses"] == report["tcp"] == report["neighbours"] == []


@pytest.mark.parametrize(
    ("mac", "address"),
    [("02:fc:00:00:00:05", "fe80::fc:ff:fe00:5"), ("52:74:f2:b1:a8:7f", "fe80::5074:f2ff:feb1:a87f")],
)
def test_a_neighbour_s_link_local_address_follows_from_its_mac(mac: str, address: str) -> None:
    assert link_local(mac) == address
