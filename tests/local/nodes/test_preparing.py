"""`make up` prepares a machine for nodes, or ends before it starts anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from local.access import Access
from local.aws.emulator import Emulator
from local.cluster.nodes import cgroups, requirements
from local.machine.consent import Consent
from local.machine.files import LocalError
from local.up import services
from tests.local.machine import ALL, Machine

PACKAGES = f"packages: apt-get install {' '.join(ALL)}"
NAMESPACES = "the right to create namespaces and mounts: "


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A fresh machine of Debian: it can have nodes, but none of their packages is installed."""
    (tmp_path / "cgroup" / "memory").mkdir(parents=True)
    monkeypatch.setattr(cgroups, "ROOT", tmp_path / "cgroup")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    created = Machine(tmp_path)
    created.write_apt_get()
    created.write("unshare", "#!/bin/sh\nexit 0\n")
    return created


def agree(question: str) -> bool:
    return True


def decline(question: str) -> bool:
    return False


def test_a_fresh_machine_can_have_nodes_afterwards(machine: Machine) -> None:
    assert requirements.missing() == [PACKAGES]

    assert requirements.prepare(print, agree) == []

    assert requirements.missing() == []


@pytest.mark.parametrize(
    ("consent", "apt_get", "reason"),
    [
        (decline, [], "You declined to install them"),
        (agree, ["E: no space left"] * 3, "E: no space left"),
        (agree, None, "No `apt-get` on PATH"),
    ],
)
def test_packages_that_stay_missing_end_the_deployment_before_anything_is_started(
    machine: Machine, tmp_path: Path, consent: Consent, apt_get: list[str] | None, reason: str
) -> None:
    if apt_get is None:
        (machine.folder / "apt-get").unlink()
    else:
        machine.write_apt_get(*apt_get)
    state = tmp_path / "state"

    with pytest.raises(LocalError) as raised:
        services.prepare(state, None, print, consent)

    assert str(raised.value).startswith(f"Debian packages: missing (required): {', '.join(ALL)}. ")
    assert reason in str(raised.value)
    assert not state.exists()


def test_a_user_other_than_root_must_become_root(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(LocalError, match="Only root can install them: run this command as root"):
        requirements.prepare(print, agree)


@pytest.mark.parametrize(
    ("obstacle", "line"),
    [
        ("refused", f"{NAMESPACES}unshare: Operation not permitted"),
        ("no unshare", f"{NAMESPACES}no `unshare` on PATH"),
        ("no control groups", "writable control groups: "),
        ("no Linux", "Linux (this is darwin)"),
    ],
)
def test_where_no_package_helps_nothing_is_installed_and_no_question_asked(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, obstacle: str, line: str
) -> None:
    match obstacle:
        case "refused":
            machine.write("unshare", "#!/bin/sh\necho 'unshare: Operation not permitted' >&2\nexit 1\n")
        case "no unshare":
            (machine.folder / "unshare").unlink()
        case "no control groups":
            monkeypatch.setattr(cgroups, "ROOT", tmp_path / "nothing")
        case "no Linux":
            monkeypatch.setattr("sys.platform", "darwin")

    def consent(question: str) -> bool:
        raise AssertionError(question)

    missing = requirements.prepare(print, consent)

    assert missing[-1].startswith(line)
    assert machine.calls() == []


def reached(*missing: str) -> Access:
    aws = Emulator(url="http://127.0.0.1:1", instance="1", profile=Path("profile"))
    return Access(kubeconfig=Path("kubeconfig"), aws=aws, missing=missing)


def test_the_last_lines_say_again_why_pods_stay_pending_and_where_to_get_kubectl(machine: Machine) -> None:
    pending, kubectl = services.remarks(reached(NAMESPACES))

    assert pending == f"no nodes, so pods stay pending: missing on this machine (required):\n  {NAMESPACES}"
    assert kubectl == "`kubectl` is not on PATH; get it from https://kubernetes.io/docs/tasks/tools/"


def test_where_nothing_is_missing_nothing_is_added(machine: Machine) -> None:
    machine.write("kubectl", "#!/bin/sh\n")

    assert services.remarks(reached()) == []
