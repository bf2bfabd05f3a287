"""What a broken stack is, and the words that lines have in common."""

from __future__ import annotations

from dataclasses import dataclass

from tests.settings.edits import Edit

REQUIRED = "this key is required"
NOTHING = "nothing"
A_SECRET = "a secret"
KEY_VALUE = "hunter2-of-client-a"
"""A secret value, which no error may show."""


@dataclass(frozen=True)
class Broken:
    """A fault: in words, the edit that makes it, and its line: key, value and (in part) what is accepted."""

    what: str
    edit: Edit
    key: str
    got: str
    accepted: str
    stack: str = "prod"

    @property
    def full_key(self) -> str:
        return self.key if self.key == "stack name" else f"digital-agency:{self.key}"
