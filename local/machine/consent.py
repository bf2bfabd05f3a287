"""Questions to the user before this program changes the machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final

Consent = Callable[[str], bool]
"""Whether the user agrees to the question."""

ANSWERS: Final = {"y": True, "yes": True, "n": False, "no": False}


def ask(question: str, yes: bool = False, default: bool = True) -> bool:
    """Ask on the terminal. Enter means `default`, the end of the input means no.

    `yes` agrees without asking. Without a terminal the answer is `default`.
    """
    if yes:
        return True
    if sys.stdin is None or not sys.stdin.isatty():
        return default
    screen = sys.stdout if sys.stdout.isatty() else sys.stderr
    while True:
        print(f"{question} {'[Y/n]' if default else '[y/N]'} ", end="", file=screen, flush=True)
        line = sys.stdin.readline()
        if not line:
            return False
        answer = line.strip().lower()
        if not answer:
            return default
        if answer in ANSWERS:
            return ANSWERS[answer]
        print(f"the answer must be one of {', '.join(ANSWERS)}; got {answer!r}", file=screen, flush=True)
