"""The tier of each test, by its path, and a guard that keeps unit tests within this process.

unit      nothing but this process and files
services  starts processes: rclone, a control plane, the AWS emulator, the Pulumi engine, external-dns
cluster   nodes on this machine

A test of any tier may be `slow`, by a mark, or by its folder: it takes minutes, or needs a program that takes
minutes to build and that no other test needs. `make test` leaves it out, and `make test-slow` runs it alone.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parent
TIERS = ("unit", "services", "cluster")
CLUSTER = ("nodes",)
SERVICES = (
    "api_server", "aws_provider", "controller/acting", "day_two", "engine/test_stack_files_of_the_cli.py",
    "external_dns", "gate/snapshot",
    "gate/process", "load_balancers", "local", "reference_app", "s3", "scanners",
    "mcp/test_agent.py", "mcp/test_clients.py", "mcp/test_misbehaving_clients.py", "mcp/test_status.py",
    "drill/test_cluster.py", "drill/test_in_pod.py", "drill/test_journal.py", "drill/test_preconditions.py",
    "drill/test_scaling.py", "drill/test_signals.py", "gate/handover/test_application.py",
    "gate/handover/test_regions.py", "gate/handover/test_roles.py",
    "gate/handover/test_swap_under_a_brain.py", "ops/test_contexts.py", "ops/test_deployment_lock.py",
    "ops/test_doctor.py", "ops/test_doctor_emulated_account.py", "ops/test_local_stack.py",
    "ops/test_move_zone.py", "ops/test_tampered_snapshots.py",
    "ops/test_with_a_gate.py",
    "policy_pack/test_engine.py",
    "validation/test_attempts.py", "validation/test_network.py", "validation/test_on_a_cluster.py",
    "validation/test_on_this_machine.py", "validation/test_openings.py",
    "validation/test_proof_of_isolation.py", "validation/test_role_policies.py",
    "validation/test_volumes.py",
)  # fmt: skip
"""Folders and files; everything else is `unit`. In a file of unit tests, single tests have a mark."""
UNIT = (
    "gate/snapshot/test_collecting.py", "gate/snapshot/test_uploaders.py", "gate/snapshot/test_retention.py",
    "gate/snapshot/test_volume.py", "gate/process/test_schedule.py", "gate/process/test_worker.py",
)  # fmt: skip
"""Files in folders of SERVICES."""

SLOW = (
    "api_server/test_alarms.py",
    "day_two/test_outage.py",
    "external_dns",
    "load_balancers",
    "nodes/test_mcp.py",
    "nodes/test_with_global_accelerator.py",
    "scanners",
)
"""Folders and files whose tests are all slow."""

ADVICE = "Add its file to SERVICES in tests/tiers.py, or mark the test with pytest.mark.services."
STARTS_A_PROCESS = {"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"}
TCP_TABLES = ("/proc/self/net/tcp", "/proc/self/net/tcp6")
LISTEN = "0A"


def tier_of(path: Path) -> str:
    for tier, paths in (("unit", UNIT), ("cluster", CLUSTER), ("services", SERVICES)):
        if any(path.is_relative_to(TESTS / each) for each in paths):
            return tier
    return "unit"


def pytest_itemcollected(item: pytest.Item) -> None:
    if not any(item.get_closest_marker(tier) for tier in TIERS):
        item.add_marker(tier_of(item.path))
    if any(item.path.is_relative_to(TESTS / each) for each in SLOW):
        item.add_marker("slow")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `-m unit` the other tiers' files are not even imported."""
    skipped = collection_path.is_file() and tier_of(collection_path) != "unit"
    return True if skipped and config.option.markexpr == "unit" else None


class Guard:
    """Fails a unit test, its fixtures included, that starts a process or talks to another one."""

    def __init__(self) -> None:
        self._watches = False
        self._older_threads: set[int | None] = set()
        sys.addaudithook(self._audit)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        main = threading.main_thread()
        self._older_threads = {thread.ident for thread in threading.enumerate() if thread is not main}
        has_other_listeners.cache_clear()
        self._watches = item.get_closest_marker("unit") is not None
        try:
            return (yield)
        finally:
            self._watches = False

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._watches or threading.get_ident() in self._older_threads:
            return
        if event in STARTS_A_PROCESS:
            pytest.fail(f"a unit test starts a process: {event} {arguments[:2]}. {ADVICE}")
        if event in ("socket.connect", "socket.sendto") and is_foreign(arguments[1]):
            pytest.fail(f"a unit test talks to another process: {arguments[1]}. {ADVICE}")


def is_foreign(address: Any) -> bool:
    """Whether something other than this process may answer there."""
    if not isinstance(address, tuple):
        return False  # a socket in a file
    host, port = address[:2]
    own_machine = host == "localhost" or ip_address(host).is_loopback
    return not own_machine or has_other_listeners(port)


@cache
def has_other_listeners(port: int) -> bool:
    return bool(listeners(port) - own_sockets())


def listeners(port: int) -> set[str]:
    """The sockets that listen on this port of this machine."""
    lines = [line.split() for table in TCP_TABLES for line in Path(table).read_text().splitlines()[1:]]
    here = [fields for fields in lines if fields[3] == LISTEN and fields[1].endswith(f":{port:04X}")]
    return {f"socket:[{fields[9]}]" for fields in here}


def own_sockets() -> set[str]:
    links = set[str]()
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # It was closed meanwhile.
            links.add(os.readlink(f"/proc/self/fd/{descriptor}"))
    return links


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Guard())
