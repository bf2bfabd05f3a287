"""Tables, amounts, times and questions."""

from __future__ import annotations

import io
import sys

import pytest

from ops.errors import NOT_CONFIRMED, WRONG_CALL, OperatorError
from ops.restore import moment
from ops.terminal import amount, clock, complain, confirm, plain, rounds, say, table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_columns_are_as_wide_as_they_must_be() -> None:
    assert table(("a", "long head", ""), [("x", "1", "end"), ("wide", "2", "")]).splitlines() == [
        "a     long head",
        "x     1          end",
        "wide  2",
    ]


@pytest.mark.parametrize(
    ("size", "told"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (3 * 1024**3, "3.0 GiB")],
)
def test_amounts_are_shown_in_powers_of_1024(size: int, told: str) -> None:
    assert amount(size) == told


def test_a_time_is_shown_as_it_is_given() -> None:
    assert clock(moment("2026-11-23T03:00:00Z")) == "2026-11-23T03:00:00Z"
    assert moment("2026-11-23T05:00:00+02:00") == moment("2026-11-23T03:00:00Z")


@pytest.mark.parametrize("text", ["yesterday", "2026-11-23T03:00:00", "2026-13-01T00:00:00Z", ""])
def test_a_time_without_a_zone_is_refused_with_what_is_accepted(text: str) -> None:
    with pytest.raises(OperatorError, match="must be a time with its zone") as refused:
        moment(text)
    assert refused.value.code == WRONG_CALL and f"got {text}" in str(refused.value)


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_a_question_ends_with_a_yes(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    confirm("Sure?", yes=False)


@pytest.mark.parametrize("answer", ["n\n", "\n", "", "yellow\n"])
def test_anything_but_a_yes_ends_the_command(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    with pytest.raises(OperatorError, match="nothing was done") as refused:
        confirm("Sure?", yes=False)
    assert refused.value.code == NOT_CONFIRMED


@pytest.mark.parametrize("stdin", [None, io.StringIO("y\n")])
def test_without_a_terminal_only_the_option_says_yes(
    monkeypatch: pytest.MonkeyPatch, stdin: io.StringIO | None
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(OperatorError, match="repeat the command with --yes"):
        confirm("Sure?", yes=False)
    confirm("Sure?", yes=True)


def test_rounds_end_at_the_limit_and_tell_the_first() -> None:
    assert [report for _, report in rounds(every=0.01, limit=0.0)] == [True]
    told = [report for _, report in rounds(every=0.01, limit=0.05)]
    assert told[0] and not any(told[1:]) and len(told) > 1


FORGED = "a\x1b[2Jb\x9b1mc\u202ed\u2028e\rf\x00g\x7fh\udc80i"
HARMLESS = r"a\x1b[2Jb\x9b1mc\u202ed\u2028e\rf\x00g\x7fh\udc80i"


def test_nothing_that_is_printed_moves_the_cursor_or_turns_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert plain(f"{FORGED}\n") == f"{HARMLESS}\\n"
    say(f"one\n{FORGED}")
    complain(OperatorError(FORGED))
    said = capsys.readouterr()
    assert said.out == f"one\n{HARMLESS}\n" and said.err == f"{HARMLESS}\n"
    assert table(("head",), [("a\nb",)]).splitlines() == ["head", r"a\nb"]


def test_what_people_write_is_printed_as_it_is() -> None:
    assert plain("Ärger … → 日本語 – “x”") == "Ärger … → 日本語 – “x”"
