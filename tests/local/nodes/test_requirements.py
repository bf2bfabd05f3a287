"""Each missing requirement of nodes is named."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from local.cluster.nodes import cgroups, requirements


@pytest.fixture(autouse=True)
def whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that has everything."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0, "", "")
    )
    (tmp_path / "cgroup" / "memory").mkdir(parents=True)
    monkeypatch.setattr(cgroups, "ROOT", tmp_path / "cgroup")


def test_a_machine_with_everything_has_no_missing_requirement() -> None:
    assert requirements.missing() == []


def test_packages_are_named_as_they_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        shutil, "which", lambda program: None if program in ("ip", "mmdebstrap") else f"/usr/bin/{program}"
    )

    assert requirements.missing() == ["packages: apt-get install iproute2 mmdebstrap"]


def test_a_library_counts_as_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, int(command[0] == "pkg-config"), "", "")

    monkeypatch.setattr(subprocess, "run", run)

    assert requirements.missing() == ["packages: apt-get install libseccomp-dev"]


def test_root_is_a_requirement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert requirements.missing() == ["root: nodes create namespaces, mounts and network interfaces"]


def test_a_machine_that_forbids_namespaces_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        refused = command[0] == "unshare"
        said = "unshare: unshare failed: Operation not permitted\n" if refused else ""
        return subprocess.CompletedProcess(command, int(refused), "", said)

    monkeypatch.setattr(subprocess, "run", run)

    (line,) = requirements.missing()
    assert line.endswith("unshare failed: Operation not permitted")


def test_without_control_groups_the_requirement_names_their_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cgroups, "ROOT", tmp_path / "nothing")

    assert requirements.missing() == [f"writable control groups: {tmp_path / 'nothing'}"]
