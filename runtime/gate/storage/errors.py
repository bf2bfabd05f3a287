"""What may be wrong with a request to S3, by what rclone says of it."""

from __future__ import annotations

import re
from collections.abc import Collection

_REFUSED = re.compile(
    r"StatusCode: 403|AccessDenied|Forbidden|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken"
    r"|failed to (?:refresh|retrieve)(?: cached)? credentials|no EC2 IMDS role|get identity"
)
_UNREACHABLE = re.compile(
    r"StatusCode: 50\d|ServiceUnavailable|SlowDown|InternalError|RequestTimeout|timeout|deadline exceeded"
    r"|connection (?:refused|reset)|no such host|no route|unreachable|EOF|broken pipe|server misbehaving",
    re.IGNORECASE,
)
_NAME_OF_ANSWER = re.compile(r"(?:RequestID|HostID): [^,|]*")
_LOG_PREFIX = re.compile(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d [A-Z]+\s*: ", re.MULTILINE)


class StoreError(Exception):
    """A request to S3 failed. The message has the prefix, rclone's output and what to do."""

    @property
    def kind(self) -> str:
        """The same for the same problem, whatever S3 calls its answer."""
        return _NAME_OF_ANSWER.sub("", str(self))


class Unreachable(StoreError):
    """The network or S3 is down for a while; the next round tries again."""

    kind = "unreachable"


class Refused(StoreError):
    """The role or its credentials are wrong; somebody has to correct them."""

    kind = "refused"


class ContentConflict(StoreError):
    """Write-once keys have other content than what was to be uploaded. All other files are uploaded."""

    def __init__(self, message: str, keys: Collection[str]) -> None:
        super().__init__(message)
        self.keys = frozenset(keys)


def error_of(request: str, output: str, code: int) -> StoreError:
    """`output`: rclone's log; `code`: its exit code."""
    lines = list(dict.fromkeys(_LOG_PREFIX.sub("", output).strip().splitlines()))
    message = f"{request}: " + (" | ".join(lines)[-700:] or f"rclone ended with {code}")
    if _REFUSED.search(output):
        return Refused(f"{message}. Check the pod's role and that the object exists")
    if _UNREACHABLE.search(output):
        return Unreachable(f"{message}. It is tried again")
    return StoreError(f"{message}. Check the bucket's name and its region")
