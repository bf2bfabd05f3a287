"""Exit codes, and the error of a command."""

from __future__ import annotations

DONE = 0
FAILED = 1
WRONG_CALL = 2
NOTHING_FOUND = 3
NOT_CONFIRMED = 4
TIMED_OUT = 5
CHECK_FAILED = 6
INTERRUPTED = 130


class OperatorError(Exception):
    """A command cannot do its work: the text says what is wrong, where, what to do."""

    def __init__(self, text: str, code: int = FAILED) -> None:
        super().__init__(text)
        self.code = code
