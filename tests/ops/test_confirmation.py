"""One rule decides which command asks before it disturbs something: of which stack, and for whom."""

from __future__ import annotations

import argparse
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ops import confirmation
from ops.__main__ import main, parser
from ops.errors import NOT_CONFIRMED, OperatorError
from ops.stack import Stack
from settings import parse
from tests.ops.snapshots import US, Snapshots, id_of, restore
from tests.recording import ROOT
from tests.settings.edits import edited, put

DISTURBING = {"restore", "accept-shrink", "move-zone", "backfill", "validate", "drill"}


def stack(name: str, companies: Sequence[Any]) -> Stack:
    settings = parse(edited(put("companies", list(companies))), name)
    return Stack(name=name, file=Path(f"Pulumi.{name}.yaml"), settings=settings)


def asked(known: Stack, monkeypatch: pytest.MonkeyPatch, **given: Any) -> str:
    """The question that is asked; empty where none is."""
    questions: list[str] = []
    monkeypatch.setattr("ops.terminal.confirm", lambda question, yes: questions.append(question))
    arguments = argparse.Namespace(yes=False, **given)
    confirmation.confirm(known, "it rains", known.settings.companies, arguments)
    return "".join(questions)


def test_the_question_names_stack_effect_and_who_is_disturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    many = stack("dev", ["a1", {"name": "b1", "protect": True}, {"name": "c1", "protect": True}])
    assert asked(many, monkeypatch) == (
        "Stack dev: it rains. This disturbs 3 companies; protected: b1, c1. Go on?"
    )
    assert "This disturbs 1 company; protected: none." in asked(stack("dev", ["a1"]), monkeypatch)


def test_local_is_asked_only_for_protected_companies_and_other_clusters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert asked(stack("local", ["a1"]), monkeypatch) == ""
    assert asked(stack("local", ["a1"]), monkeypatch, context=None) == ""
    assert asked(stack("local", ["a1"]), monkeypatch, context=["prod"]) != ""
    assert asked(stack("local", [{"name": "a1", "protect": True}]), monkeypatch) != ""


def test_what_changes_something_that_runs_takes_a_yes_and_nothing_else_does() -> None:
    (commands,) = (action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    takes_yes = {name for name, one in commands.choices.items() if "--yes" in one.format_help()}
    assert takes_yes == DISTURBING


def test_no_command_has_a_rule_of_its_own() -> None:
    own = re.compile(r"terminal import .*\bconfirm\b|terminal\.confirm|\"--yes\"|\"prod\"|\binput\(")
    found = {one.name for one in (ROOT / "ops").rglob("*.py") if own.search(one.read_text(encoding="utf-8"))}
    assert found == {"confirmation.py", "terminal.py"}


def test_restore_and_accept_shrink_ask_of_the_stack_and_the_company(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshots.companies = [{"name": "acme", "protect": True}, "globex"]
    snapshots.put(US, id_of(1, "02:00"), {"a": "1"})
    assert restore(snapshots, "--at", "2026-11-23T02:30:00Z") == NOT_CONFIRMED
    said = capsys.readouterr().err
    assert "the brain of acme in us-east-1 is restored to 000001-" in said
    assert "This disturbs 1 company; protected: acme." in said
    assert main(["accept-shrink", "--config", str(snapshots.file), "--company", "acme"]) == NOT_CONFIRMED
    assert (
        "the checkpoints of the brain of acme in us-east-1 may shrink. This disturbs 1"
        in capsys.readouterr().err
    )


@pytest.mark.services
@pytest.mark.parametrize("target", ["drill", "validate"])
def test_make_hands_its_terminal_on(target: str, tmp_path: Path) -> None:
    """So that a question of the command can be answered."""
    program = tmp_path / "python"
    program.write_text(f"#!{sys.executable}\nimport sys\nprint('terminal', sys.stdin.isatty())\n")
    program.chmod(0o755)
    mine, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [
                "make",
                "--no-print-directory",
                "--old-file=.venv/.done",
                target,
                "STACK=staging",
                "REGION=x",
                f"RUN={program}",
            ],
            cwd=ROOT,
            stdin=theirs,
            capture_output=True,
            text=True,
        )
    finally:
        os.close(mine)
        os.close(theirs)
    assert done.stdout == "terminal True\n", done.stderr


def test_a_refusal_ends_with_the_code_of_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    known = stack("dev", ["a1"])
    with pytest.raises(OperatorError, match="Stack dev: it rains") as refused:
        confirmation.confirm(known, "it rains", known.settings.companies, argparse.Namespace(yes=False))
    assert refused.value.code == NOT_CONFIRMED
    confirmation.confirm(known, "it rains", known.settings.companies, argparse.Namespace(yes=True))
