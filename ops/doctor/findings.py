"""What a check of the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass

from botocore.exceptions import ClientError


@dataclass(frozen=True, kw_only=True)
class Finding:
    place: str
    """A cluster's folder, a region, or `account`."""
    what: str
    detail: str
    """What is there, or the problem."""
    remedy: str = ""
    """What to do; empty where nothing is wrong."""

    @property
    def ok(self) -> bool:
        return not self.remedy


def present(place: str, what: str, detail: str) -> Finding:
    return Finding(place=place, what=what, detail=detail)


def missing(place: str, what: str, detail: str, remedy: str) -> Finding:
    return Finding(place=place, what=what, detail=detail, remedy=remedy)


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "no code"))


def reason_of(error: ClientError) -> str:
    """Code and message."""
    message = error.response.get("Error", {}).get("Message", "")
    return f"{code_of(error)}: {message}".rstrip(": ")
