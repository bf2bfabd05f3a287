"""The question before a change of the machine: on a real terminal, and without one."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from local.machine.consent import ask
from tests.recording import ROOT


def answer_on_a_terminal(typed: str, call: str) -> tuple[bool, str]:
    """What a call of `ask` returns, and what the terminal shows."""
    code = f"import sys; from local.machine.consent import ask; sys.exit(not {call})"
    ours, theirs = os.openpty()
    os.write(ours, typed.encode())
    try:
        done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, stdin=theirs, stdout=theirs)
        os.write(ours, b"*")  # the end of what is shown: a terminal echoes
        shown = b""
        while not shown.endswith(b"*"):
            shown += os.read(ours, 4096)
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode in (0, 1)
    return done.returncode == 0, shown.decode()


@pytest.mark.parametrize(
    ("typed", "default", "answer"),
    [
        ("y\n", False, True),
        ("YES\n", False, True),
        ("n\n", True, False),
        (" no \n", True, False),
        ("\n", True, True),
        ("\n", False, False),
        ("perhaps\nn\n", True, False),
        ("\x04", True, False),  # the end of the input
    ],
)
def test_the_answer_on_a_terminal_counts(typed: str, default: bool, answer: bool) -> None:
    answered, shown = answer_on_a_terminal(typed, f"ask('Install gcc?', default={default})")

    assert answered is answer
    assert f"Install gcc? {'[Y/n]' if default else '[y/N]'} " in shown
    assert ("must be one of y, yes, n, no; got 'perhaps'" in shown) == ("perhaps" in typed)


def test_yes_agrees_without_a_question() -> None:
    assert answer_on_a_terminal("", "ask('Install gcc?', yes=True, default=False)") == (True, "*")


@pytest.mark.parametrize("stdin", [None, io.StringIO("n\n")])
@pytest.mark.parametrize("default", [True, False])
def test_without_a_terminal_there_is_no_question(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stdin: io.StringIO | None,
    default: bool,
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)

    assert ask("Install gcc?", default=default) is default

    assert capsys.readouterr() == ("", "")
