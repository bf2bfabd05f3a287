"""The committed stack, as `make up` brings it up on this machine: four nodes, three companies."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.cluster.nodes import requirements

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The stack `local`, in a state folder of the tests' own."""

    state: Path

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", *arguments, "--state", str(self.state)]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), cwd=ROOT, env=environment(), capture_output=True, text=True
        )

    def succeed(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout


def environment() -> Mapping[str, str]:
    """Ours without a CLI on PATH and without AWS credentials."""
    paths = [each for each in os.environ["PATH"].split(os.pathsep) if not (Path(each) / "pulumi").exists()]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PULUMI_"))}
    return {**kept, "PATH": os.pathsep.join(paths), "PYTHONWARNINGS": "ignore"}


@pytest.fixture(scope="session", autouse=True)
def able() -> None:
    """Missing packages fail the tests; a machine without the rights skips them."""
    missing = requirements.missing()
    packages = [line for line in missing if line.startswith("packages")]
    assert not packages, f"{packages[0]}, or run `python3 -m local.packages nodes`"
    if missing:
        pytest.skip(f"no nodes can run here: missing {'; '.join(missing)}")


@pytest.fixture(scope="session")
def stack(able: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(state=tmp_path_factory.mktemp("nodes") / "state")
    try:
        assert "warning:" not in stack.succeed("local", "up")
        yield stack
    finally:
        stack.succeed("local", "down")
