"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    place: str
    """A cluster's folder, a region, or `account`."""
    what: str
    good: bool
    told: str
    """What is there, or what is missing."""
    remedy: str = ""
    """What to do, where it is not good."""


def found(place: str, what: str, told: str) -> Finding:
    return Finding(place=place, what=what, good=True, told=told)


def lacking(place: str, what: str, told: str, remedy: str) -> Finding:
    return Finding(place=place, what=what, good=False, told=told, remedy=remedy)
