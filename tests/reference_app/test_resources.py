"""What it takes: the local cluster has six of each program, and they are not asked all the time."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from local.machine import procfs
from local.reference_app.front import Front, health
from local.reference_app.worker import Worker
from tests.reference_app.programs import AGENT, BRAIN, HEALTH_MONITOR, NODE, Port, children, running
from tests.services import until

IDLE_KIB = 25_000
"""Measured: 14 MB to 15 MB. With the MCP SDK 65 MB, with LanceDB as well 218 MB."""


@pytest.mark.parametrize("script", [AGENT, BRAIN, HEALTH_MONITOR])
def test_an_idle_program_is_small(tmp_path: Path, script: str) -> None:
    with running(script, tmp_path) as program:
        status = Path(f"/proc/{program.process.pid}/status").read_text()
        rss = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
        assert rss and int(rss[1]) < IDLE_KIB
        assert not program.children()


def test_an_idle_worker_ends_and_starts_again_with_a_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JULES_AGENT_DIR", str(tmp_path / ".agent"))
    with Front(0, {"/health": health}, Worker("health_monitor", idle_seconds=0.1)) as front:
        threading.Thread(target=front.serve_forever, daemon=True).start()
        port = Port(front.server_address[1])
        for value in (1, 2):
            port.call("track_metric", agent="a", metric="m", value=value)
            until(lambda: not workers(), "nobody asks, so it has ended")
        assert port.send("GET", "/health")[0] == 200
        assert not workers()
        assert json.loads(port.call("get_health_report", timeframe="last_hour"))["a:m"]["sum"] == 3
        front.shutdown()


def test_a_worker_that_is_killed_is_started_again(tmp_path: Path) -> None:
    def answers() -> bool:
        """A request that comes while the kernel takes the dead one apart is not answered."""
        with suppress(AssertionError):
            return program.call("get_health_report", timeframe="last_hour") == "{}"
        return False

    with running(HEALTH_MONITOR, tmp_path) as program:
        for _ in range(2):
            until(answers, "it is there")
            (worker,) = program.children()
            os.kill(worker, signal.SIGKILL)
            until(lambda: not program.children(), "it has ended")


def workers() -> list[int]:
    return [
        pid for pid in children(os.getpid()) if any(".worker" in word for word in procfs.command_line(pid))
    ]


def pins(file: Path) -> set[tuple[str, str]]:
    return {*re.findall(r"^([a-z0-9-]+)==(\S+)", file.read_text(), re.MULTILINE)}


def test_its_image_has_the_versions_that_the_tests_run_with() -> None:
    image = pins(NODE.parent / "requirements.txt")
    assert {"mcp", "lancedb", "uvicorn", "starlette"} <= {name for name, _ in image}
    assert image <= pins(NODE.parents[2] / "requirements-dev.txt")
