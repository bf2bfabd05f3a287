"""Which value a scalar of a YAML file is, by the rules of Go's yaml.v3.

Booleans are those of YAML 1.2. Integers may be `0o17`, `017`, `0x1f`, `0b1` or `1_000`, too.
A date is a time.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from datetime import datetime
from typing import Any, Final

STR, INT, FLOAT, BOOL, NULL = "!!str", "!!int", "!!float", "!!bool", "!!null"
TIMESTAMP, BINARY, MERGE = "!!timestamp", "!!binary", "!!merge"

_PREFIX: Final = "tag:yaml.org,2002:"
_RESOLVED: Final = {STR, INT, FLOAT, BOOL, NULL, TIMESTAMP}
_NAMED: Final[dict[str, tuple[str, Any]]] = {
    **dict.fromkeys(("true", "True", "TRUE"), (BOOL, True)),
    **dict.fromkeys(("false", "False", "FALSE"), (BOOL, False)),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), (NULL, None)),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), (FLOAT, math.nan)),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), (FLOAT, math.inf)),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), (FLOAT, -math.inf)),
    "<<": (MERGE, "<<"),
}
_NUMERIC: Final = re.compile(r"[-+.0-9]")
_POINTED: Final = re.compile(r"\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INTEGERS: Final = (
    (re.compile(r"([-+]?)0[xX]([0-9a-fA-F]+)"), 16),
    (re.compile(r"([-+]?)0[bB]([01]+)"), 2),
    (re.compile(r"([-+]?)0[oO]?([0-7]+)"), 8),
    (re.compile(r"0b([-+]?)([01]+)"), 2),
    (re.compile(r"0o([-+]?)([0-7]+)"), 8),
    (re.compile(r"([-+]?)(0|[1-9][0-9]*)"), 10),
)
_LEAST, _MOST, _MOST_UNSIGNED = -(2**63), 2**63 - 1, 2**64 - 1
_TIME: Final = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)"
    r"(?:(?:[Tt](?P<h>\d\d?):(?P<m>\d\d?):(?P<s>\d\d?)(?P<f>[.,]\d+)?(?P<zone>Z|[-+]\d\d:\d\d))"
    r"|(?: +(?P<h2>\d\d?):(?P<m2>\d\d?):(?P<s2>\d\d?)(?P<f2>[.,]\d+)?))?",
    re.ASCII,
)


class Time(str):
    """A date or time, as Go prints it: `2024-06-01 00:00:00 +0000 UTC`."""

    __slots__ = ()


def short(tag: str) -> str:
    return f"!!{tag.removeprefix(_PREFIX)}" if tag.startswith(_PREFIX) else tag


def resolve(text: str) -> tuple[str, Any]:
    """The tag and the value of a scalar without quotes and without a tag."""
    if text in _NAMED:
        return _NAMED[text]
    if not _NUMERIC.match(text):
        return STR, text
    if text[0] == ".":
        return _float(text) if _POINTED.fullmatch(text) else (STR, text)
    if (time := _time(text)) is not None:
        return TIMESTAMP, time
    plain = text.replace("_", "")
    if (whole := _integer(plain)) is not None:
        return INT, whole
    return _float(plain, text) if _FLOAT.fullmatch(plain) else (STR, text)


def tagged(tag: str, text: str) -> Any:
    """The value of a scalar with a tag. Raises ValueError where the text is no such value."""
    if tag == BINARY:
        try:
            data = base64.b64decode(re.sub(r"[\r\n]", "", text), validate=True)
        except binascii.Error:
            raise ValueError("!!binary value contains invalid base64 data") from None
        return data.decode(errors="replace")
    if tag not in _RESOLVED or tag == STR:
        return text
    found, value = resolve(text)
    if found == TIMESTAMP != tag:
        found, value = STR, text
    if (found, tag) == (INT, FLOAT) and value <= _MOST:
        return float(value)
    if found != tag:
        raise ValueError(f"cannot decode {found} `{text}` as a {tag}")
    return value


def _integer(plain: str) -> int | None:
    for pattern, base in _INTEGERS:
        if match := pattern.fullmatch(plain):
            value = int(match[2], base) * (-1 if match[1] == "-" else 1)
            if _LEAST <= value <= _MOST or (not match[1] and value <= _MOST_UNSIGNED):
                return value
    return None


def _float(plain: str, text: str = "") -> tuple[str, Any]:
    value = float(plain)
    # Go rejects what is too large for 64 bits; then it is text.
    return (STR, text or plain) if math.isinf(value) else (FLOAT, value)


def _time(text: str) -> Time | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    groups = match.groupdict()
    hour, minute, second, fraction = (groups[key] or groups[f"{key}2"] for key in ("h", "m", "s", "f"))
    year, month, day = (int(part) for part in match.groups()[:3])
    zone = groups["zone"] or "Z"
    hours, minutes = (0, 0) if zone == "Z" else (int(zone[1:3]), int(zone[4:6]))
    try:
        # Go has a year 0, which is a leap year.
        moment = datetime(year or 4, month, day, int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        return None
    if hours > 24 or minutes > 60:
        return None
    hours, minutes = divmod(hours * 60 + minutes, 60)
    digits = (fraction or "")[1:10].rstrip("0")
    offset = f"{zone[0] if hours or minutes else '+'}{hours:02}{minutes:02}"
    name = offset if hours or minutes else "UTC"
    return Time(f"{year:04}-{moment:%m-%d %H:%M:%S}{'.' * bool(digits)}{digits} {offset} {name}")
