"""What a drill has left whose server was killed."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from ops import stack as stacks
from ops.drill.journal import Journal, path_of
from ops.mcp import outages
from ops.mcp.commands import Commands
from ops.mcp.outages import Outages
from tests.drill.commands import stack_file
from tests.services import until

LEFT = {"what": "memories", "namespace": "acme", "region": "us-east-1", "companies": ["drill-1"]}


class Started:
    """Commands that are only noted."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def start(self, arguments: list[str], on_line: Any) -> None:
        self.calls.append(arguments)


@pytest.fixture
def arguments(tmp_path: Path) -> argparse.Namespace:
    return argparse.Namespace(
        config=stack_file(tmp_path), stack="local", state=tmp_path, context=None, reports=tmp_path
    )


@contextmanager
def put_back_by_another(arguments: argparse.Namespace, started: Started) -> Iterator[Journal]:
    """A server starts while another process has the lock, and has something left to put back."""
    journal = Journal(path_of("local", arguments.state))
    with journal.locked():
        journal.add(LEFT)
        Outages(arguments, cast(Commands, started)).put_back_leftovers(stacks.load(arguments))
        yield journal


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    monkeypatch.setattr(outages, "POLL_SECONDS", 0.02)
    return Started()


def test_a_drill_that_still_puts_back_is_waited_for(arguments: argparse.Namespace, started: Started) -> None:
    with put_back_by_another(arguments, started):
        time.sleep(0.2)
        assert started.calls == []
    until(lambda: bool(started.calls), "the rest is put back")
    assert started.calls[0][0] == "drill" and "--restore" in started.calls[0]


def test_nothing_is_started_when_that_drill_puts_everything_back(
    arguments: argparse.Namespace, started: Started
) -> None:
    with put_back_by_another(arguments, started) as journal:
        journal.remove(LEFT)
    time.sleep(0.2)
    assert started.calls == []
