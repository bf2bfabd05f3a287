"""The error of a probe."""

from __future__ import annotations


class Failure(Exception):
    """A promise that does not hold, or that could not be judged: its cause, and what to look at."""

    def __init__(self, cause: str, look: str) -> None:
        super().__init__(cause)
        self.look = look
