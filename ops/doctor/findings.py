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


_ABSENT = {"LoadBalancerNotFound", "NoSuchEntity", "NoSuchHostedZone"}
_NOT_VALID_THERE = {"InvalidClientTokenId", "UnrecognizedClientException"}
"""What a region that is not enabled answers; `credentials` found that they are valid."""
_BUSY = {"Throttling", "RequestLimitExceeded", "TooManyRequests", "PriorRequestNotComplete", "SlowDown"}


def is_absent(error: ClientError) -> bool:
    """Whether AWS says that there is no such thing; with other errors it may be there."""
    return code_of(error) in _ABSENT or code_of(error).endswith("NotFoundException")


def unknown(place: str, what: str, error: ClientError, right: str) -> Finding:
    """What AWS did not tell. `right`: the actions that the check needs."""
    remedy = f"allow {right}, then repeat the command"
    if code_of(error).removesuffix("Exception") in _BUSY:
        remedy = "AWS limits requests: repeat the command later"
    if code_of(error) in _NOT_VALID_THERE:
        remedy = "is the region enabled in this account? If not, enable it, then repeat the command"
    return missing(place, what, f"not known: {reason_of(error)}", remedy)


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "no code"))


def reason_of(error: ClientError) -> str:
    """Code and message."""
    message = error.response.get("Error", {}).get("Message", "")
    return f"{code_of(error)}: {message}".rstrip(": ")
