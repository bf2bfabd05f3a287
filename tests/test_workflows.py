"""The workflows of the pipelines: linted, pinned, without keys, one run a stack at a time."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.programs import catalog
from tests.recording import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: (?:\./[\w./-]+|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$")
STACKS = {path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml")} - {"local"}


def workflow_in(file: Path) -> dict[str, Any]:
    """A workflow; YAML takes its key `on` for true."""
    return {("on" if key is True else key): value for key, value in yaml.safe_load(file.read_text()).items()}


@pytest.mark.services
def test_actionlint_has_nothing_to_say() -> None:
    program = catalog.binary("actionlint", print)
    done = subprocess.run([program, "-no-color", *WORKFLOWS], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.services
def test_zizmor_has_nothing_to_say() -> None:
    program = Path(sys.executable).parent / "zizmor"
    done = subprocess.run(
        [program, "--offline", "--no-progress", ".github"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "file", [*WORKFLOWS, ROOT / ".github/actions/stack/action.yml"], ids=lambda it: it.name
)
def test_actions_are_pinned_by_commit(file: Path) -> None:
    lines = [line.strip().removeprefix("- ") for line in file.read_text().splitlines() if "uses:" in line]
    assert lines
    assert [line for line in lines if not PINNED.match(line)] == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda it: it.name)
def test_rights_are_given_job_by_job_and_no_key_is_stored(file: Path) -> None:
    workflow = workflow_in(file)
    assert workflow["permissions"] == {}
    assert "secrets." not in file.read_text()
    for name, job in workflow["jobs"].items():
        rights = job["permissions"]
        assert rights.pop("contents") == "read", name
        assert set(rights) <= {"id-token", "pull-requests", "issues"}, name


def test_a_stack_is_worked_on_by_one_run_at_a_time() -> None:
    for file in WORKFLOWS:
        for name, job in workflow_in(file)["jobs"].items():
            if "environment" in job:
                stack = job["concurrency"]["group"]
                assert stack.startswith(("stack-", "preview-")), f"{file.name}: {name}"
                assert job["concurrency"]["cancel-in-progress"] is stack.startswith("preview-"), file.name


def test_every_stack_is_previewed_compared_and_deployed_in_order() -> None:
    jobs = {file.stem: workflow_in(file)["jobs"] for file in WORKFLOWS}
    assert set(jobs["pull-request"]["preview"]["strategy"]["matrix"]["stack"]) == STACKS
    assert set(jobs["drift"]["drift"]["strategy"]["matrix"]["stack"]) == STACKS
    deployed = jobs["deploy"]
    assert {job["with"]["stack"] for job in deployed.values()} == STACKS
    assert (deployed["staging"]["needs"], deployed["prod"]["needs"]) == ("dev", "staging")


def test_a_fork_gets_no_credentials() -> None:
    preview = workflow_in(ROOT / ".github/workflows/pull-request.yml")["jobs"]["preview"]
    assert "head.repo.full_name == github.repository" in preview["if"]
