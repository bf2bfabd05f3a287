"""`python -m local`, run as a person runs it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from local.embedded.state import State
from local.processes import Processes

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / "Pulumi.local.yaml"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "state"
    try:
        yield folder
    finally:
        Processes(folder).stop_all()


_PROGRAMS = tempfile.TemporaryDirectory()
"""All that a control plane needs, and nothing that nodes or a CLI would."""
Path(_PROGRAMS.name, "go").symlink_to(shutil.which("go") or "go")


def environment() -> dict[str, str]:
    """Ours without a CLI on PATH, without what nodes need, and without AWS credentials."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PULUMI_"))}
    return {**kept, "PATH": _PROGRAMS.name, "PYTHONWARNINGS": "ignore"}


def start(state: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "local", *arguments, "--state", str(state)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=pipe, stderr=pipe, text=True)


def run(state: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code and what was said, in the ordinary way and of errors."""
    process = start(state, *arguments)
    said, errors = process.communicate()
    return process.returncode, said, errors


def edited(folder: Path, **settings: object) -> Path:
    """The local stack file with some settings of its own."""
    document = yaml.safe_load(LOCAL.read_text())
    document["config"] |= {f"digital-agency:{key}": value for key, value in settings.items()}
    file = folder / "Pulumi.edited.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def test_a_broken_stack_file_ends_with_a_line_for_each_fault_and_starts_nothing(
    tmp_path: Path, state: Path
) -> None:
    file = edited(tmp_path, loadBalancing={"policy": "nearest"}, syncIntervall=3)
    for command in ("up", "preview"):
        code, said, errors = run(state, command, "--config", str(file))
        assert (code, said) == (2, "")
        assert len(errors.splitlines()) == 2
        assert "digital-agency:loadBalancing.policy" in errors
        assert "digital-agency:syncIntervall" in errors
        assert "Traceback" not in errors
    assert not state.exists()


@pytest.mark.parametrize("text", [None, "config: {a: b", "- 1"])
def test_what_is_no_stack_file_ends_with_its_path(tmp_path: Path, state: Path, text: str | None) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    if text is not None:
        file.write_text(text)
    code, _, errors = run(state, "up", "--config", str(file))
    assert code == 2
    assert "Pulumi.x.yaml" in errors
    assert "Traceback" not in errors


def test_aws_is_left_to_the_cli(state: Path) -> None:
    code, said, _ = run(state, "up", "--stack", "prod")
    assert code == 2
    assert "only the pulumi CLI deploys there: install it from https://www.pulumi.com/" in said
    assert not state.exists()


def test_a_preview_of_aws_needs_neither_cli_nor_credentials(state: Path) -> None:
    code, said, errors = run(state, "preview", "--stack", "prod")
    assert (code, errors) == (0, "")
    assert said.startswith("the embedded engine stands in for the `pulumi` CLI")
    assert "+ create   aws:s3/bucket:Bucket" in said
    assert "created" in said.splitlines()[-1]
    assert not state.exists()


def test_a_preview_refuses_what_breaks_a_policy(tmp_path: Path, state: Path) -> None:
    code, said, _ = run(
        state, "preview", "--config", str(edited(tmp_path, environment={"SEARCH_TOKEN": "t-1"}))
    )

    assert code == 1
    assert "refused: no-plain-secrets (critical): client-a-agent@us-east-1" in said
    assert "variable SEARCH_TOKEN holds a secret in plain text" in said


def test_taking_down_what_is_not_up_says_so(state: Path) -> None:
    assert run(state, "down") == (0, "nothing runs here and nothing was left\n", "")


def test_the_whole_stack_from_nothing_to_nothing(tmp_path: Path, state: Path) -> None:
    # Killed twice on the way up: once after some resources, once as soon as it speaks.
    for lines in (60, 1):
        process = start(state, "up")
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate()
    code, said, errors = run(state, "up")
    assert (code, errors) == (0, "")
    assert f"export KUBECONFIG={state}/kubeconfig" in said
    assert "no nodes, so pods stay pending: this machine lacks\n  packages: apt-get install " in said
    entries = State(state / "local.json").resources.values()
    assert all(entry["id"] and not entry["pending"] for entry in entries)
    assert f"nothing changed: {len(entries)} resources" in run(state, "up")[1]

    stays = yaml.safe_load(LOCAL.read_text())["config"]["digital-agency:companies"][:2]
    without = edited(tmp_path, companies=stays)
    code, said, _ = run(state, "preview", "--config", str(without))
    assert code == 0
    changed = [line for line in said.splitlines() if line[:2] in ("+ ", "~ ", "± ", "- ", "= ")]
    assert changed
    # Its own resources, its records' tree, and the list of companies that the controller watches.
    known = ("client-c", "_tree", "ConfigMap  digital-agency-system/failover-controller")
    assert all(any(name in line for name in known) for line in changed), changed
    said = run(state, "up", "--config", str(without))[1]
    assert "= keep     kubernetes:core/v1:PersistentVolumeClaim  client-c/brain-us-east-1" in said
    code, said, _ = run(state, "down")
    assert code == 0
    assert said.endswith(f"removed {state}\n")
    assert not state.exists()
