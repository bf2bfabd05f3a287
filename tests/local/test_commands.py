"""`python -m local`: what each command says, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy_pack.pack import POLICIES
from tests.local.commands import edited, run


def test_an_invalid_stack_file_gives_a_line_for_each_problem_and_starts_nothing(
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
def test_an_invalid_stack_file_is_named(tmp_path: Path, state: Path, text: str | None) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    if text is not None:
        file.write_text(text)
    code, _, errors = run(state, "up", "--config", str(file))
    assert code == 2
    assert "Pulumi.x.yaml" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("command", ["up", "preview", "destroy"])
def test_a_stack_on_aws_needs_the_pulumi_command_and_that_is_said(state: Path, command: str) -> None:
    code, said, errors = run(state, command, "--stack", "prod")
    assert (code, said) == (1, "")
    assert "install it from https://www.pulumi.com/" in errors
    assert "make preview STACK=prod OFFLINE=1" in errors
    assert not state.exists()


@pytest.mark.parametrize("command", ["preview", "destroy"])
def test_without_a_running_cluster_the_error_names_make_up(state: Path, command: str) -> None:
    code, said, errors = run(state, command)
    assert (code, said) == (1, "")
    assert "`make up` starts the cluster" in errors
    assert "`make preview OFFLINE=1`" in errors
    assert not state.exists()


@pytest.mark.parametrize("stack", ["prod", "local"])
def test_an_offline_preview_needs_no_command_no_credentials_and_no_cluster(state: Path, stack: str) -> None:
    code, said, errors = run(state, "preview", "--offline", "--stack", stack)
    assert (code, errors) == (0, "")
    lines = [line.strip() for line in said.splitlines()]
    assert any(line.split()[1:3] == ["Region", "us-east-1:"] and "1 Bucket" in line for line in lines)
    tenants = [int(line.split()[0]) for line in lines if line.split()[1] == "Tenant"]
    assert len(tenants) > 1
    [total] = [int(line.split()[0]) for line in lines if line.endswith(f"resources in stack {stack}")]
    counted = [int(line.split()[0]) for line in lines if line.split()[0].isdigit() and ": " in line]
    assert total == sum(counted)
    assert lines[-1].startswith(f"{len(POLICIES)} policies hold")
    assert not state.exists()


def test_an_offline_preview_of_a_stack_that_breaks_a_policy_fails(tmp_path: Path, state: Path) -> None:
    file = edited(tmp_path, environment={"SEARCH_TOKEN": "t-1"})
    code, said, _ = run(state, "preview", "--offline", "--config", str(file))
    assert code == 1
    assert "broken policy: no-plain-secrets (critical): client-a-agent@us-east-1" in said
    assert "variable SEARCH_TOKEN holds a secret in plain text" in said


def test_down_without_anything_running_says_so(state: Path) -> None:
    assert run(state, "down") == (0, "nothing runs here, nothing to remove\n", "")
