"""`python -m local`, run as a person runs it, on a PATH that makes no nodes: the control plane is enough."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / "Pulumi.local.yaml"

_PROGRAMS = tempfile.TemporaryDirectory()
"""What a control plane and a build need, and nothing that nodes need."""
Path(_PROGRAMS.name, "go").symlink_to(shutil.which("go") or "go")


def environment() -> dict[str, str]:
    """Ours without `pulumi` on PATH, without what nodes need, and without AWS credentials."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PULUMI_"))}
    return {**kept, "PATH": _PROGRAMS.name, "PYTHONWARNINGS": "ignore"}


def start(state: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "local", *arguments, "--state", str(state)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=pipe, stderr=pipe, text=True)


def run(state: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    process = start(state, *arguments)
    said, errors = process.communicate()
    return process.returncode, said, errors


def changes(said: str) -> list[str]:
    """The lines that tell of a resource."""
    return [line for line in said.splitlines() if line[:2] in ("+ ", "~ ", "± ", "- ", "= ") and ":" in line]


def edited(folder: Path, **settings: object) -> Path:
    """The local stack file with some settings of its own."""
    document = yaml.safe_load(LOCAL.read_text())
    document["config"] |= {f"digital-agency:{key}": value for key, value in settings.items()}
    file = folder / "Pulumi.edited.yaml"
    file.write_text(yaml.safe_dump(document))
    return file
