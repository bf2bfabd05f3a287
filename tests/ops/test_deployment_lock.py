"""Pipelines install `requirements.txt` alone: every command of operators works with that."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.__main__ import parser
from tests.ops.test_confirmation import DISTURBING
from tests.recording import ROOT

(COMMANDS,) = (action.choices for action in parser()._actions if action.choices)
LOCAL_ALONE = {"local.access", "local.machine.pki"}
"""What commands import for the stack `local` alone."""
CALLS = (
    "restore --stack staging --company client-a --region us-east-1",
    "accept-shrink --stack staging --company client-a --region us-east-1 --yes",
    "backfill --stack staging --region eu-west-1 --yes",
    "validate --stack staging",
    "drill --stack staging --region us-east-1 --way gray --yes",
)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of a new virtual environment, made as `.github/actions/stack` makes its own."""
    folder = tmp_path_factory.mktemp("deployment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # Compiling all of pulumi-aws takes longer than the rest.
    subprocess.run([*pip, "--no-compile", "--require-hashes", "-r", "requirements.txt"], cwd=ROOT, check=True)
    yield folder / "bin" / "python"
    shutil.rmtree(folder)


def run(python: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    nobody = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    return subprocess.run(
        [python, *argv],
        cwd=ROOT,
        env={**kept, **nobody, "AWS_EC2_METADATA_DISABLED": "true", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_its_help(python: Path, command: str) -> None:
    done = run(python, "-m", "ops", command, "--help")
    assert done.returncode == 0, done.stderr
    assert f"usage: python -m ops {command}" in done.stdout


def test_the_command_that_needs_more_says_what_to_install(python: Path) -> None:
    done = run(python, "-m", "ops", "mcp", "--stack", "prod")
    assert done.returncode == 2 and "pip install -r requirements-dev.txt" in done.stderr, done.stderr


def test_every_module_of_the_commands_is_imported_the_late_ones_too(python: Path) -> None:
    elsewhere = {"inside", "in_pod", "mcp"}
    files = [one for one in (ROOT / "ops").rglob("*.py") if one.parent.name not in elsewhere]
    names = {".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files}
    names |= {late for one in files for late in imported(one)} - LOCAL_ALONE
    done = run(python, "-c", f"import importlib\nfor one in {sorted(names)}: importlib.import_module(one)")
    assert done.returncode == 0, done.stderr


def imported(file: Path) -> Iterator[str]:
    """The modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            paths = ((one, ROOT.joinpath(*node.module.split("."), one.name)) for one in node.names)
            yield from (
                f"{node.module}.{one.name}"
                for one, path in paths
                if path.is_dir() or path.with_suffix(".py").exists()
            )


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.split()[0])
def test_a_stack_on_aws_is_reached_as_far_as_credentials_lead(python: Path, call: str) -> None:
    done = run(python, "-m", "ops", *call.split())
    assert (done.returncode, "no AWS credentials" in done.stderr) == (1, True), done.stderr


def test_a_stack_file_is_rendered(python: Path, tmp_path: Path) -> None:
    done = run(python, "-m", "ops", "render", "--config", "Pulumi.prod.yaml", "--out", str(tmp_path))
    assert done.returncode == 0 and (tmp_path / "aws.json").exists(), done.stderr


def test_the_program_is_not_installed_with_what_only_the_local_target_needs() -> None:
    pinned = set(re.findall(r"^([a-z0-9_.-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert {"boto3", "kubernetes", "pulumi"} <= pinned
    assert not {"moto", "cryptography", "werkzeug", "pytest", "lancedb"} & pinned


def test_what_pipelines_call_is_understood_and_needs_no_terminal() -> None:
    pages = "".join(page.read_text() for page in (ROOT / ".github").rglob("*.yml"))
    calls = [shlex.split(line) for line in re.findall(r"python -m ops (.+)$", pages, re.MULTILINE)]
    assert {call[0] for call in calls} == {"drill"}
    for call in calls:
        arguments = parser().parse_args(["scale" if word == "$WAY" else word for word in call])
        assert call[0] not in DISTURBING or arguments.yes or arguments.restore, call
