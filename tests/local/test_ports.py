"""Ports: chosen once for each daemon, changed only when they must be."""

import socket
import sys
from pathlib import Path

import pytest

from local.machine import ports
from local.machine.files import LocalError
from local.machine.processes import Processes
from tests.services import until


def test_a_port_is_remembered(state: Path) -> None:
    port = Processes(state).port("server")

    assert Processes(state).port("server") == port
    assert Processes(state).port("another") != port


def test_a_remembered_port_that_somebody_took_is_replaced(state: Path) -> None:
    port = Processes(state).port("server")
    with socket.create_server(("127.0.0.1", port)):
        fresh = Processes(state).port("server")

    assert fresh != port
    assert Processes(state).port("server") == fresh


def test_a_running_daemon_keeps_its_port(state: Path) -> None:
    processes = Processes(state)
    port = processes.port("server")
    code = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(1000)"
    processes.start("server", [sys.executable, "-c", code])
    until(lambda: not ports.is_free(port), "it listens")

    assert processes.port("server") == port


def test_a_start_is_tried_again_only_while_a_port_was_taken() -> None:
    outcomes = iter(["address already in use", "no such file"])

    def start() -> None:
        raise LocalError(next(outcomes))

    with pytest.raises(LocalError, match="no such file"):
        ports.retried(start, print)
    assert list(outcomes) == []


def test_a_start_is_given_up_after_some_attempts() -> None:
    attempts: list[int] = []

    def start() -> None:
        attempts.append(1)
        raise LocalError("address already in use")

    with pytest.raises(LocalError, match="address already in use"):
        ports.retried(start, print)
    assert len(attempts) == ports.ATTEMPTS


def test_a_fixed_port_that_is_taken_is_named_at_once() -> None:
    attempts: list[int] = []

    def start() -> None:
        attempts.append(1)
        raise LocalError("address already in use")

    with pytest.raises(LocalError, match=r"^10\.88\.0\.1:6443 is in use: .* Stop that program"):
        ports.retried(start, print, fixed="10.88.0.1:6443")
    assert len(attempts) == 1
