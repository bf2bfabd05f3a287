"""Draws the text of stack files, in all notations of YAML that a person may use, or use by mistake."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy, composite

SCALARS = (
    "true", "True", "TRUE", "tRUE", "false", "yes", "no", "Yes", "NO", "on", "off", "Off", "y", "n", "Y",
    "N", "~", "null", "Null", "nULL", "", "0", "-0", "+1", "1", "007", "0123", "0o17", "0O17", "-0o17",
    "0o8", "08", "0x1f", "0X1F", "-0x1f", "0b1", "0B1", "-0b11", "0b2", "0b+1", "0o-7", "1_000", "1__0",
    "_1", "1_", "0x_1", "1e3", "1E3", "1e+3", "1e-7", "1e6", "1e21", "1e22", "1e999", "1.5e300", ".5",
    "+.5", "-.5", ".5e3", ".1_0", "._5", "1.", "1.0", "1.10", "-1.0", "-0.0", "0.1", "0.000001",
    "0.0000001", "123456.0", "1234567.0", "1_0.5", "1e", "e3", ".e3", ".", "..", "+", "-1", "--1", "+-1",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
    "18446744073709551615", "18446744073709551616", "012345678901", "12345678901", "0x1p4", "22:30",
    "1:30:45", "190:20:30.15", "2024-06-01", "2024-6-1", "2024-02-30", "2023-02-29", "0000-01-01",
    "24-06-01", "2024-06-01T00:00:00Z", "2024-06-01t1:2:3z", "2024-06-01t1:2:3Z",
    "2024-06-01T10:20:30.5Z", "2024-06-01T10:20:30,25Z", "2024-06-01T10:20:30.1234567891Z",
    "2024-06-01 10:20:30", "2024-06-01   10:20:30.10", "2024-06-01T10:20:30",
    "2024-06-01T10:20:30+02:00", "2024-06-01T10:20:30-00:30", "2024-06-01T10:20:30+00:00",
    "2024-06-01T10:20:30+25:00", "2024-06-01 10:20:30 +0200", "2024-06-01T24:00:00Z", "2024-06",
    "2024-06-01x", ".inf", "-.inf", "+.INF", ".nan", ".NaN", ".inF", "inf", "nan", "NaN", "Infinity",
    "<<", "=", "<", ">", "a", "acme", "us-east-1", "10.0.0.0/24", "4Gi", "500m", "1.4.2", "60s", "a b",
    "a: b", "a:b", "a#b", "a #b", "-", "-a", "- a", "?", "? a", ":", ":a", "!", "!a", "&", "&a", "*",
    "*a", "@a", "`a", "%a", "|", ">-", "'", "\"", "''", "\"\"", "[", "]", "{", "}", ",", "a,b", "[]",
    "{}", "\t", "a\tb", "é", "\u2028", "\x7f", "\x00", "\ufeff", "😀", "---", "...", "secure",
)  # fmt: skip
TAGS = (
    "", "", "", "", "", "", "!!str ", "!!int ", "!!float ", "!!bool ", "!!null ", "!!timestamp ",
    "!!binary ", "! ", "!own ", "!!set ", "!!map ", "!<tag:yaml.org,2002:str> ", "!!merge ",
)  # fmt: skip
KEYS = (
    "a", "b", "c", "name", "secure", "1", "0x1", "1.0", "true", "~", "2024-06-01", "no", "\"1\"", "? x",
    "<<", "'<<'", "[a]", "k d",
)  # fmt: skip
TOP = (
    "aws:region", "domain", "digital-agency:environment", "digital-agency:companies",
    "digital-agency:config:images", "aws:config:profile", "other:x", "'digital-agency:regions'",
    "aws:assumeRoles", "podUser", "aws:", "a:b:c", "1",
)  # fmt: skip
BEFORE = (
    "", "", "", "", "", "", "---\n", "# why\n", "encryptionsalt: v1:a\n", "%YAML 1.1\n---\n",
    "%YAML 1.2\n---\n", "environment: [a]\n", "encryptedkey: [1]\n", "\ufeff",
)  # fmt: skip
ANCHORS = ("x: &x {a: 1}\ny: &y {b: 2}\n", "x: &x {name: a, 0x2: {}}\ny: &y {b: 2}\n")
AFTER = ("", "", "", "", "...\n", "---\nb: [\n", "environment: {values: {a: 1}}\n", "...\n{")

_text = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs",)) | st.sampled_from("0123456789-+._:eExXoObB "),
    max_size=8,
)


_SAFE = [
    text
    for text in SCALARS
    if re.fullmatch(r"[A-Za-z0-9_.+/~-][A-Za-z0-9_.+/:~ -]*", text) and ": " not in text
]


@composite
def _scalar(draw: DrawFn) -> str:
    careless = draw(st.integers(0, 39)) == 0
    tag = draw(st.sampled_from(("", "", "", "", *(TAGS if careless else ("", "! ", "!!str ", "!own ")))))
    style = draw(st.integers(0, 5))
    text = draw((st.sampled_from(SCALARS) | _text) if careless or style < 2 else st.sampled_from(_SAFE))
    if style == 0:
        quoted = text.replace("'", "''")
        return f"{tag}'{quoted}'"
    if style == 1:
        return tag + json.dumps(text, ensure_ascii=draw(st.booleans()))
    return tag + text


def _key() -> SearchStrategy[str]:
    # Go drops the value of a key that is no number; our reader rejects such a key.
    return st.one_of(*[st.sampled_from(KEYS)] * 9, _scalar().filter(lambda text: ".nan" not in text.lower()))


@composite
def _pairs(draw: DrawFn, values: SearchStrategy[str]) -> list[tuple[str, str]]:
    one_per_key: Any = None if draw(st.integers(0, 9)) == 0 else lambda pair: pair[0].strip("\"'")
    return draw(st.lists(st.tuples(_key(), values), max_size=3, unique_by=one_per_key))


@composite
def _flow(draw: DrawFn, depth: int) -> str:
    anchor = draw(st.sampled_from(("", "", "", "", "", "", "&x ", "&y ")))
    kind = draw(st.integers(0, 7)) if depth else 9
    if kind == 0:
        return f"{anchor}[{', '.join(draw(st.lists(_flow(depth - 1), max_size=3)))}]"
    if kind in (1, 2):
        pairs = draw(_pairs(_flow(depth - 1)))
        return f"{anchor}{{{', '.join(f'{key}: {value}' for key, value in pairs)}}}"
    if kind == 3:
        return draw(
            st.sampled_from(
                ("*x", "*y", "{<<: *x}", "{<<: [*x, *y], a: 1}", "{<<: {c: 2}}", "{secure: v1:abc}")
            )
        )
    return anchor + draw(_scalar())


@composite
def _block(draw: DrawFn, indent: str, depth: int) -> str:
    kind = draw(st.integers(0, 6))
    if not depth or kind < 3:
        return f" {draw(_flow(2))}{draw(st.sampled_from(('', '', '', '', '', ' # why', ' ')))}"
    deeper = indent + draw(st.sampled_from(("  ", "  ", " ", "    ")))
    if kind == 3:
        items = draw(st.lists(_block(deeper, depth - 1), min_size=1, max_size=3))
        return "".join(f"\n{indent}-{item}" for item in items)
    if kind == 4:
        style = draw(st.sampled_from(("|", ">", "|-", ">+", "|+")))
        lines = draw(
            st.lists(st.sampled_from(("a", "  b", "", "# c", "\td", "é", "e ", "- f", "g: h")), max_size=4)
        )
        return f" {style}\n{indent}0\n" + "\n".join(indent + line for line in lines)
    anchor = draw(st.sampled_from(("", "", "", "", " &x", " &y", " !!map")))
    pairs = draw(_pairs(_block(deeper, depth - 1)))
    return anchor + "".join(f"\n{deeper}{key}:{value}" for key, value in pairs)


@composite
def stack_files(draw: DrawFn) -> bytes:
    """Stack files, of which the CLI accepts the most; sometimes a character is put in or taken out."""
    keys = draw(st.lists(st.sampled_from(TOP), max_size=3, unique=True))
    config = "".join(f"  {key}:{draw(_block('    ', 2))}\n" for key in keys)
    before = draw(st.sampled_from(BEFORE)) + draw(st.sampled_from(ANCHORS))
    text = f"{before}config:\n{config}{draw(st.sampled_from(AFTER))}"
    if draw(st.integers(0, 9)) == 0:
        at, cut = draw(st.integers(0, len(text))), draw(st.integers(0, 2))
        text = (
            text[:at] + draw(st.sampled_from(("", "\t", " ", "\n", ":", "'", "é", "\x01"))) + text[at + cut :]
        )
    return text.encode()
