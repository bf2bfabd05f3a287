"""What reviewers' scanners say of everything rendered from the committed stack files: nothing.

Exceptions stand in `.checkov.yaml`, each with its reason. Pod Security is asked of the real API server, in
`tests/api_server`.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.machine.files import locked
from local.programs import build, catalog
from ops.render import render
from tests.recording import ROOT, record_file

STACKS = sorted(ROOT.glob("Pulumi.*.yaml"))
REQUIREMENTS = Path(__file__).parent / "requirements.txt"
GOOD = ("[OK] ", "[SKIPPED] ")


@pytest.fixture(scope="module", params=STACKS, ids=lambda file: file.name)
def rendered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rendered")
    render(record_file(request.param).recorder, folder)
    return folder


@pytest.fixture(scope="session")
def checkov() -> Path:
    """Its own packages, once a version of them: they contradict the program's."""
    key = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = build.cache() / "checkov" / key
    program = folder / "bin" / "checkov"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.parent / f"{key}.lock", print, "it installs checkov"):
        if not (folder / "complete").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--require-hashes"]
            subprocess.run([*pip, "--disable-pip-version-check", "-r", str(REQUIREMENTS)], check=True)
            (folder / "complete").touch()
    return program


def test_kube_score_has_nothing_to_say(rendered: Path) -> None:
    program = catalog.binary("kube-score", print)
    files = sorted((rendered / "kubernetes").rglob("*.yaml"))
    assert files
    done = subprocess.run([program, "score", "--output-format", "ci", *files], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    assert [line for line in lines if not line.startswith(GOOD)] == []


def test_checkov_has_nothing_to_say(rendered: Path, checkov: Path) -> None:
    done = subprocess.run(
        [checkov, "--directory", rendered, "--config-file", ROOT / ".checkov.yaml", "--compact", "--quiet"],
        capture_output=True,
        text=True,
        cwd=rendered,
        env={**os.environ, "LOG_LEVEL": "ERROR"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Failed checks: 0" in done.stdout, done.stdout
