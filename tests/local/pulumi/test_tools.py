"""Where the `pulumi` command and the Kubernetes provider come from. Small scripts stand in for them."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.machine.files import REPOSITORY, LocalError
from local.programs import build
from local.pulumi import tools

NO_INSTALLER = "http://127.0.0.1:1/install.sh"


class Machine:
    """PATH, build cache, Pulumi folder and state folder of one test; `built` is what had to be built."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state, self.path, self.cache = folder / "state", folder / "path", folder / "cache"
        self.home = folder / "home"
        self.said: list[str] = []
        self.questions: list[str] = []
        self.built: list[str] = []
        self.path.mkdir()
        monkeypatch.setenv("PATH", f"{self.path}:{os.environ['PATH']}")
        monkeypatch.setenv("DIGITAL_AGENCY_CACHE", str(self.cache))
        monkeypatch.setenv("PULUMI_HOME", str(self.home))
        monkeypatch.setattr(tools, "INSTALLER", NO_INSTALLER)
        monkeypatch.setattr(build, "_build", self._build)

    def _build(self, program: build.Program, module: Path, binary: Path, *_: object) -> None:
        self.built.append(program.name)
        script(binary, "echo built")

    def provide(self, *, agrees: bool = False) -> None:
        def consent(question: str) -> bool:
            self.questions.append(question)
            return agrees

        with ThreadPoolExecutor(1) as pool:
            tools.provide(self.state, self.said.append, consent, pool).result()

    def command(self) -> Path:
        return (self.state / "bin" / "pulumi").resolve()

    def plugin(self, provider: str) -> Path:
        [binary] = (self.state / tools.HOME / "plugins").glob(
            f"resource-{provider}-v*/pulumi-resource-{provider}"
        )
        return binary


def script(path: Path, line: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_a_tool_that_is_missing_and_cannot_be_downloaded_is_built_without_a_question(
    machine: Machine,
) -> None:
    machine.provide(agrees=True)
    assert sorted(machine.built) == ["pulumi", "pulumi-resource-kubernetes"]
    assert machine.questions == []
    assert any(NO_INSTALLER in line and "cannot be reached" in line for line in machine.said)
    for file in (machine.command(), machine.plugin("kubernetes")):
        assert subprocess.run([file], capture_output=True, text=True, check=True).stdout == "built\n"


def test_the_second_time_nothing_is_built_or_asked(machine: Machine) -> None:
    machine.provide()
    machine.built.clear()
    machine.said.clear()
    machine.provide()
    assert (machine.built, machine.questions, machine.said) == ([], [], [])


@pytest.mark.parametrize("version", ["v3.274.0", "v3.300.0"])
def test_a_command_on_the_path_that_is_new_enough_is_used(machine: Machine, version: str) -> None:
    own = script(machine.path / "pulumi", f"echo {version}")
    machine.provide()
    assert machine.command() == own.resolve()
    assert machine.built == ["pulumi-resource-kubernetes"]


@pytest.mark.parametrize("answer", ["echo v3.273.9", "echo v4.0.0", "exit 1"])
def test_a_command_on_the_path_that_does_not_fit_is_named_and_left_alone(
    machine: Machine, answer: str
) -> None:
    own = script(machine.path / "pulumi", answer)
    machine.provide()
    assert machine.command() != own.resolve()
    assert "pulumi" in machine.built
    assert any(line.startswith(f"{own} is not used: ") for line in machine.said)


def test_the_user_s_own_kubernetes_provider_is_used(machine: Machine) -> None:
    own = script(tools.plugin_path(machine.home, "kubernetes"), "echo own")
    machine.provide()
    assert machine.plugin("kubernetes").resolve() == own.resolve()
    assert machine.built == ["pulumi"]


@pytest.mark.parametrize("agrees", [True, False])
def test_a_download_needs_the_user_s_agreement(
    machine: Machine, agrees: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The installer is one of ours: it makes a command that can also install plugins."""
    downloaded: list[str] = []

    def download(*_: object) -> tuple[Path, Path]:
        downloaded.append("both")
        return script(machine.cache / "p", "echo got"), script(machine.cache / "k", "echo got")

    monkeypatch.setattr(tools, "unreachable", lambda: "")
    monkeypatch.setattr(tools, "_download", download)
    machine.provide(agrees=agrees)
    [question] = machine.questions
    assert "get.pulumi.com" in question and "github.com" in question and "MB" in question
    assert downloaded == (["both"] if agrees else [])
    assert bool(machine.built) is not agrees


def test_a_download_that_fails_is_said_and_the_parts_are_built(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "unreachable", lambda: "")
    monkeypatch.setattr(
        "pulumi.automation._cmd._download_to_file", lambda *_: (_ for _ in ()).throw(OSError("no route"))
    )
    machine.provide(agrees=True)
    assert any(line.startswith("the download failed") and line.endswith("no route") for line in machine.said)
    assert sorted(machine.built) == ["pulumi", "pulumi-resource-kubernetes"]


def test_another_stack_without_the_command_says_what_to_install_and_what_works_without(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(machine.path))
    with pytest.raises(LocalError, match=r"install it from https://www\.pulumi\.com/.*OFFLINE=1"):
        tools.become_pulumi("preview", "prod")


def test_another_stack_is_the_real_command_s_with_the_policy_pack(machine: Machine) -> None:
    script(machine.path / "pulumi", 'echo "$PWD $@"')
    done = subprocess.run(
        [tools.sys.executable, "-m", "local", "preview", "--stack", "prod"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    expected = f"{REPOSITORY} preview --stack prod --policy-pack {REPOSITORY / 'policy_pack'}\n"
    assert (done.returncode, done.stdout) == (0, expected), done.stderr
