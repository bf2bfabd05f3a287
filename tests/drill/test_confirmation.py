"""`python -m ops drill` asks before it takes a region down."""

from __future__ import annotations

import pytest

from ops.errors import DONE, NOT_CONFIRMED
from tests.drill.commands import Command
from tests.drill.scenarios import US


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked at a terminal at which nobody says yes."""
    asked: list[str] = []

    class Terminal:
        def isatty(self) -> bool:
            return True

    def ask(question: str) -> str:
        asked.append(question)
        return "n"

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", ask)
    return asked


@pytest.mark.parametrize("stack", ["prod", "staging", "live"])
def test_every_stack_but_local_is_asked_for(command: Command, questions: list[str], stack: str) -> None:
    assert command.run("--region", US, stack=stack) == NOT_CONFIRMED
    assert questions == [
        f"Stack {stack}: us-east-1 is taken down once (scale). This disturbs 3 companies; protected: none."
        " Go on? [y/N] "
    ]
    assert command.reports() == []


def test_a_protected_company_in_the_region_is_asked_for_on_local_too(
    command: Command, questions: list[str]
) -> None:
    assert command.run("--region", US, "--runs", "2", protected=["globex", "hooli"]) == NOT_CONFIRMED
    assert questions == [
        "Stack local: us-east-1 is taken down 2 times (scale). This disturbs 3 companies; protected: globex,"
        " hooli. Go on? [y/N] "
    ]


def test_watching_others_does_not_hide_a_protected_company(command: Command, questions: list[str]) -> None:
    assert command.run("--region", US, "--company", "acme", protected=["globex"]) == NOT_CONFIRMED
    assert "disturbs 3 companies; protected: globex." in questions[0]


def test_a_protected_company_of_other_regions_is_not_disturbed(
    command: Command, questions: list[str]
) -> None:
    assert command.run("--region", US, protected=["initrode"]) == DONE
    assert questions == []


def test_a_yes_at_the_terminal_lets_the_drill_begin(
    command: Command, questions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert command.run("--region", US, stack="prod") == DONE


@pytest.mark.parametrize("stack", ["prod", "staging"])
def test_without_a_terminal_a_drill_needs_a_yes_beforehand(
    command: Command, stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run("--region", US, stack=stack) == NOT_CONFIRMED
    said = capsys.readouterr().err
    assert f"Stack {stack}: us-east-1 is taken down once" in said and "repeat the command with --yes" in said
    assert command.run("--region", US, "--yes", stack=stack) == DONE
