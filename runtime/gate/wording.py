"""Words of messages that several modules have."""

from __future__ import annotations

from collections.abc import Collection

NAMED = 3


def few(names: Collection[str]) -> str:
    """The first of them, and how many more there are."""
    first = sorted(names)[:NAMED]
    return ", ".join(first) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
