"""Dates without quotes, which are no text for the Pulumi CLI: it hands them over as Go prints them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from settings.problems import Masked, Path, Problem

QUOTES = "Put it in quotes."
_PRINTED = re.compile(r"(\d{4}-\d\d-\d\d)( \d\d:\d\d:\d\d(?:\.\d{1,9})? [+-]\d{4} \S+)", re.ASCII)
_MIDNIGHT = " 00:00:00 +0000 UTC"


def date_problems(value: Any, path: Path = ()) -> Iterator[Problem]:
    """A problem for each date below a value. Nothing in a stack file is a date; keys are secrets."""
    if isinstance(value, str) and (match := _PRINTED.fullmatch(value)):
        found = Masked(f"{match[1] if match[2] == _MIDNIGHT else value} (a date)")
        yield Problem(path, found, "must be text (a date in quotes)", QUOTES)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key != "apiKeys":
                yield from date_problems(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from date_problems(item, (*path, index))
