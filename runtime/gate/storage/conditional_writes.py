"""Uploads to keys that must have no object yet: rclone's arguments, and what its answers mean."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from runtime.documents import parse
from runtime.gate.storage.rclone import LONGEST_LINE

IF_NONE_MATCH = "--header-upload=If-None-Match: *"
JSON_LOG = {"RCLONE_USE_JSON_LOG": "true"}
COMPARE = ("check", "--one-way", "--download", "--files-from-raw=-", "--combined=-")
"""Local folder and remote; the keys are standard input."""
COMPARE_ALL = ("check", "--one-way", "--download")
"""Every file of a local folder, whatever its name."""
NO_FAST_LIST = {"RCLONE_FAST_LIST": "false"}
"""Only the folders of the files are listed."""
_EXISTS = "PreconditionFailed"
"""S3's answer to IF_NONE_MATCH when there is an object of that key."""


def existing_keys(log: bytes) -> tuple[list[str], str]:
    """By an upload's log in JSON: the keys that have an object already, none if anything else failed too;
    and the log as text."""
    rows = list(_rows(log))
    text = "\n".join(f"{key}: {message}" if key else message for key, message in rows)
    keys = sorted({key for key, message in rows if key and _EXISTS in message})
    return (keys if f"failed with {len(keys)} errors" in text else []), text


def is_listable(key: str) -> bool:
    """Whether rclone takes the key from a list, and logs it as it is: names of files may have line breaks,
    and need not be UTF-8."""
    return "\n" not in key and not any("\ud800" <= each <= "\udfff" for each in key)


def different(output: bytes, keys: Collection[str]) -> list[str] | None:
    """By the output of COMPARE: the keys whose contents are not the same; None if not all were compared."""
    found = [line.split(" ", 1) for line in output.decode(errors="replace").split("\n") if line]
    if {key for _, key in found} != set(keys) or any(sign not in "=*" for sign, _ in found):
        return None
    return [key for sign, key in found if sign == "*"]


def _rows(log: bytes) -> Iterator[tuple[str, str]]:
    """Object and message of each line; no object where the line is about none."""
    for line in log.split(b"\n"):
        try:
            row = parse(line, "log", limit=LONGEST_LINE)
            yield row.text("object") if row.has("object") else "", row.text("msg", longest=LONGEST_LINE)
        except ValueError:
            if text := line.decode(errors="replace").strip():
                yield "", text
