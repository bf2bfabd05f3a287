"""Every test has one tier, and a unit test cannot leave this process."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable

import pytest

from tests import tiers


def test_every_test_has_exactly_one_tier(request: pytest.FixtureRequest) -> None:
    for item in request.session.items:
        assert len({mark.name for mark in item.iter_markers()} & set(tiers.TIERS)) == 1, item.nodeid


@pytest.mark.parametrize("path", [*tiers.UNIT, *tiers.SERVICES, *tiers.CLUSTER, *tiers.SLOW])
def test_every_path_with_a_tier_or_mark_of_its_own_exists(path: str) -> None:
    assert (tiers.TESTS / path).exists()


@pytest.mark.parametrize("start", [lambda: subprocess.run(["true"]), os.fork, lambda: os.system("true")])
def test_a_unit_test_cannot_start_a_process(start: Callable[[], object]) -> None:
    with pytest.raises(pytest.fail.Exception, match="a unit test starts a process"):
        start()


def test_a_unit_test_cannot_connect_to_another_machine() -> None:
    with pytest.raises(pytest.fail.Exception, match="a unit test talks to another process"):
        socket.create_connection(("192.0.2.1", 80))


def test_a_unit_test_connects_to_its_own_servers_and_to_no_other_process_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
        monkeypatch.setattr(tiers, "own_sockets", frozenset)  # As if another process listened there.
        tiers.has_other_listeners.cache_clear()
        with pytest.raises(pytest.fail.Exception, match="a unit test talks to another process"):
            socket.create_connection(server.getsockname())
