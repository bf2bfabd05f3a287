"""The pulumi CLI, where there is one. A script stands in for it here: what it is asked is what counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local import pulumi_cli
from local.files import LocalError
from local.pulumi_cli import REPOSITORY, Project

SCRIPT = """#!/usr/bin/env python3
import json, os, sys
from pathlib import Path
names = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "KUBECONFIG")
asked = {"arguments": sys.argv[1:], "folder": os.getcwd(), **{name: os.environ.get(name) for name in names}}
with Path(__file__).with_name("asked").open("a") as stream:
    print(json.dumps(asked), file=stream)
stack_file = Path("Pulumi.local.yaml")
if "select" in sys.argv and stack_file.exists() and "encryptionsalt" not in stack_file.read_text():
    stack_file.write_text("encryptionsalt: v1:salt\\n" + stack_file.read_text())
sys.exit("fail" in sys.argv or Path(__file__).with_name("broken").exists())
"""


class Command:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "pulumi"
        self.path.write_text(SCRIPT)
        self.path.chmod(0o755)

    def asked(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.with_name("asked").read_text().splitlines()]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    (tmp_path / "bin").mkdir()
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    return Command(tmp_path / "bin")


@pytest.fixture
def stack_file(tmp_path: Path) -> Path:
    file = tmp_path / "Pulumi.mine.yaml"
    file.write_text("config:\n  digital-agency:domain: one.example.com\n")
    return file


def project(command: Command, state: Path) -> Project:
    return Project(command.path, state, "local", {"KUBECONFIG": "/somewhere"})


def test_the_program_runs_from_a_project_of_our_own(
    command: Command, stack_file: Path, tmp_path: Path
) -> None:
    before = stack_file.read_text()
    ours = project(command, tmp_path / "state")
    ours.prepare(stack_file)
    assert ours.run("up", "--yes") == 0
    selected, deployed = command.asked()
    assert selected["arguments"] == ["stack", "select", "local", "--create", "--non-interactive"]
    assert deployed["arguments"] == ["up", "--yes", "--non-interactive"]
    assert deployed["folder"] == str(ours.folder)
    assert deployed["KUBECONFIG"] == "/somewhere"
    assert deployed["PULUMI_BACKEND_URL"] == f"file://{tmp_path}/state/backend"
    assert (ours.folder / "program" / "__main__.py").samefile(REPOSITORY / "__main__.py")
    assert stack_file.read_text() == before


def test_the_copy_of_the_stack_file_follows_it_and_keeps_its_salt(
    command: Command, stack_file: Path, tmp_path: Path
) -> None:
    ours = project(command, tmp_path / "state")
    ours.prepare(stack_file)
    stack_file.write_text("config:\n  digital-agency:domain: two.example.com\n")
    ours.prepare(stack_file)
    copy = (ours.folder / "Pulumi.local.yaml").read_text()
    assert copy == "encryptionsalt: v1:salt\nconfig:\n  digital-agency:domain: two.example.com\n"


def test_what_the_cli_answers_comes_through(command: Command, stack_file: Path, tmp_path: Path) -> None:
    ours = project(command, tmp_path / "state")
    ours.prepare(stack_file)
    assert ours.run("fail") == 1
    command.path.with_name("broken").touch()
    with pytest.raises(LocalError, match="pulumi stack select local --create"):
        ours.prepare(stack_file)


def test_the_cli_on_the_path_is_used(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(command.path.parent), prepend=":")
    said: list[str] = []
    assert pulumi_cli.find(tmp_path, said.append) == command.path
    assert said == [f"using the pulumi CLI {command.path}"]


def test_without_it_and_without_its_download_the_embedded_engine_stands_in_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pulumi_cli, "INSTALLER", "http://127.0.0.1:1/install.sh")
    said: list[str] = []
    assert pulumi_cli.find(tmp_path, said.append) is None
    (line,) = said
    assert line.startswith(
        "the embedded engine stands in for the `pulumi` CLI: it is not on PATH, and http://127"
    )
    assert "Connection refused" in line
