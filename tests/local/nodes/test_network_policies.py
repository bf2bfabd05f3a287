"""Whether a machine can enforce network policies, and what `make up` says where it cannot."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from components.network_policies import NODE_LOCAL_DNS as ALLOWED
from local import access
from local.access import Access
from local.aws.emulator import Emulator
from local.cluster import network_policies
from local.cluster.model import NODE_LOCAL_DNS
from local.up import services

REFUSED = "iptables-restore v1.8.9: unknown option --queue-num"


def answer(monkeypatch: pytest.MonkeyPatch, code: int, errors: str) -> list[list[str]]:
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, code, "", errors)

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_a_machine_that_takes_the_rules_has_no_obstacle_and_keeps_no_rule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commands = answer(monkeypatch, 0, "")

    assert network_policies.obstacle() == ""
    assert [command[:2] for command in commands] == [["unshare", "--net"]]


def test_a_machine_that_refuses_the_rules_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, 2, f"{REFUSED}\n")

    assert network_policies.obstacle() == REFUSED


def test_a_node_does_not_start_without_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, 2, REFUSED)

    with pytest.raises(OSError, match="unknown option --queue-num"):
        network_policies.install_rules()


@pytest.mark.parametrize("queues", ["", "  101  7 0 2 65531 0 0 1 1\n"])
def test_policies_are_enforced_only_while_a_program_reads_the_queue(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, queues: str
) -> None:
    monkeypatch.setattr(network_policies, "QUEUES", tmp_path / "queues")
    network_policies.QUEUES.write_text(queues)
    assert not network_policies.is_enforced()

    network_policies.QUEUES.write_text(f"{queues}  100  7 0 2 65531 0 0 1 1\n")
    assert network_policies.is_enforced()


def reached(unenforced: str | None) -> Access:
    aws = Emulator(url="http://127.0.0.1:1", instance="1", profile=Path("profile"))
    return Access(kubeconfig=Path("kubeconfig"), aws=aws, unenforced=unenforced)


def test_the_last_lines_say_why_policies_are_not_enforced() -> None:
    line = f"network policies are not enforced here: {REFUSED}"

    assert line in services.remarks(reached(REFUSED))
    assert not any(
        "enforced" in each for unknown in ("", None) for each in services.remarks(reached(unknown))
    )


def test_a_state_folder_remembers_whether_policies_are_enforced(tmp_path: Path) -> None:
    access.remember(tmp_path, unenforced=REFUSED)

    assert access.remembered(tmp_path)["unenforced"] == REFUSED


def test_pods_ask_for_names_where_their_policies_let_them() -> None:
    assert f"{NODE_LOCAL_DNS}/32" == ALLOWED
