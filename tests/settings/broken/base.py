"""A broken stack, and texts that several lines have in common."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.settings.edits import Edit, put

REQUIRED = "missing (required)"
NO_VALUE = ""
"""The line shows no value."""
A_SECRET = "a secret"
KEY_VALUE = "hunter2-of-client-a"
"""A secret value, which no line may show."""


@dataclass(frozen=True)
class Broken:
    """A problem: its name, the edit that causes it, and of its line the key, the value and a part."""

    what: str
    edit: Edit
    key: str
    value: str
    text: str
    stack: str = "prod"

    @property
    def full_key(self) -> str:
        return self.key if self.key == "stack name" else f"digital-agency:{self.key}"


def wrong(what: str, key: str, value: Any, text: str) -> Broken:
    """A key with an invalid value, which its line shows."""
    return Broken(what, put(key, value), key, json.dumps(value), text)
