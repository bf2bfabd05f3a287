"""The workflows of the pipelines: linted, pinned, without keys, one run a stack at a time."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.programs import catalog
from plan.iam_evaluator import Request, denies
from tests.recording import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: (?:\./[\w./-]+|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$")
OWNERS = ROOT / ".github" / "CODEOWNERS"
GO_MOD = ROOT / "local" / "go" / "pulumi" / "go.mod"
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


def jobs_with(right: str) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (file.stem, name, job)
        for file in WORKFLOWS
        for name, job in workflow_in(file)["jobs"].items()
        if right in job["permissions"]
    ]


def steps_of(job: dict[str, Any], uses: str) -> list[dict[str, Any]]:
    return [step for step in job.get("steps", ()) if step.get("uses", "").partition("@")[0] == uses]


def test_credentials_are_those_of_one_environment_of_one_stack() -> None:
    """Each has its own variables, reviewers, AWS roles and tokens; a job without one gets no credentials."""
    for workflow, name, job in jobs_with("id-token"):
        if "uses" in job:
            continue  # The called workflow has the environment.
        (step,) = steps_of(job, "./.github/actions/stack")
        assert step["with"] == {
            "role": "${{ vars.AWS_ROLE }}",
            "organization": "${{ vars.PULUMI_ORGANIZATION }}",
            "team": "${{ vars.PULUMI_TEAM }}",
        }
        assert job["environment"], f"{workflow}: {name}"
    action = yaml.safe_load((ROOT / ".github/actions/stack/action.yml").read_text())
    (auth,) = (step["with"] for step in action["runs"]["steps"] if "pulumi/auth" in step.get("uses", ""))
    assert auth["requested-token-type"].endswith(":access_token:team")
    assert auth["scope"] == "team:${{ inputs.team }}"


def test_code_that_nobody_has_read_runs_without_credentials() -> None:
    """On pull requests only what waits for reviewers of an environment may have any."""
    for file in WORKFLOWS:
        workflow = workflow_in(file)
        assert not {"pull_request_target", "workflow_run"} & set(workflow["on"]), file.name
        if "pull_request" not in workflow["on"]:
            continue
        for name, job in workflow["jobs"].items():
            reviewed = str(job.get("environment", "")).endswith("-preview")
            assert reviewed or set(job["permissions"]) == {"contents"}, f"{file.name}: {name}"
            assert reviewed or not steps_of(job, "./.github/actions/stack"), f"{file.name}: {name}"
    jobs = workflow_in(ROOT / ".github/workflows/pull-request.yml")["jobs"]
    offline = jobs["offline-preview"]
    assert any("--offline" in step.get("run", "") for step in offline["steps"])
    assert set(offline["strategy"]["matrix"]["stack"]) == STACKS
    assert jobs["preview"]["needs"] == "offline-preview"


def test_only_reviewed_code_uses_an_environment_that_no_reviewer_guards() -> None:
    for file in WORKFLOWS:
        workflow = workflow_in(file)
        for name, job in workflow["jobs"].items():
            environment = str(job.get("environment", ""))
            if environment and not environment.endswith("-preview"):
                assert not {"pull_request"} & set(workflow["on"]), f"{file.name}: {name}"
            if environment.endswith("-preview"):
                assert set(workflow["on"]) == {"pull_request"}, (
                    f"{file.name}: {name} would wait for reviewers"
                )


def test_the_cli_has_the_version_that_the_tests_use() -> None:
    (built,) = set(re.findall(r"^require github\.com/pulumi/pulumi/pkg/v3 v(.+)$", GO_MOD.read_text(), re.M))
    installed = [
        (f"{file.name}: {name}", step.get("with", {}).get("pulumi-version"))
        for file in WORKFLOWS
        for name, job in workflow_in(file)["jobs"].items()
        for step in steps_of(job, "pulumi/actions")
    ]
    assert len(installed) == 3
    assert [each for each in installed if each[1] != built] == []


def test_programs_of_a_package_registry_have_exact_versions() -> None:
    """`pipx run`, `pip install` and the like name a version, or a file with hashes."""
    lines = [
        f"{file.name}: {line}"
        for file in WORKFLOWS
        for job in workflow_in(file)["jobs"].values()
        for step in job.get("steps", ())
        for line in step.get("run", "").replace("\\\n", " ").splitlines()
        if re.search(r"\b(pipx|pip install|npx|npm install|go install)\b", line)
    ]
    assert lines
    assert [line for line in lines if not re.search(r"==\d|--require-hashes -r|@v\d+\.\d+\.\d+", line)] == []


OWNED = (
    ".github/workflows/deploy.yml", ".github/actions/stack/action.yml", ".github/CODEOWNERS", ".ci/run",
    "policy_pack/roles.py", "plan/iam.py", "plan/iam_evaluator.py", "components/failover_access.py",
    "components/network_policies.py", "Pulumi.yaml", "Pulumi.prod.yaml", "requirements.txt",
)  # fmt: skip


@pytest.mark.parametrize("path", OWNED)
def test_what_gives_rights_has_owners(path: str) -> None:
    """GitHub asks the last matching line's owners."""
    rules = [line.split() for line in OWNERS.read_text().splitlines() if line and not line.startswith("#")]
    assert (ROOT / path).exists()
    assert all(owners and all(owner.startswith("@") for owner in owners) for _, *owners in rules)
    assert any(_owns(pattern, path) for pattern, *_ in rules)


def test_every_line_of_owners_is_about_something() -> None:
    patterns = [line.split()[0] for line in OWNERS.read_text().splitlines() if line and line[0] != "#"]
    assert [each for each in patterns if not list(ROOT.glob(each.strip("/")))] == []


def _owns(pattern: str, path: str) -> bool:
    assert pattern.startswith("/")
    name = pattern[1:]
    return path.startswith(name) if name.endswith("/") else fnmatch(path, name)


def test_the_documented_denial_keeps_contents_from_roles_that_only_read() -> None:
    """It wins over whatever ReadOnlyAccess allows."""
    page = (ROOT / "docs" / "pipelines.md").read_text()
    found = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    (denial,) = (each for each in found if each["Statement"][0]["Effect"] == "Deny")
    for action, resource in (
        ("s3:GetObject", "arn:aws:s3:::a-bucket/us-east-1/acme/brain/objects/1"),
        ("s3:GetObjectVersion", "arn:aws:s3:::a-bucket/us-east-1/acme/brain/objects/1"),
        ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:123456789012:secret:a"),
        ("ssm:GetParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/a"),
        ("kms:Decrypt", "arn:aws:kms:us-east-1:123456789012:key/a"),
    ):
        assert denies(denial, Request(action=action, resource=resource)), action


def test_the_licence_is_that_of_the_project() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text and "Version 2.0, January 2004" in text
