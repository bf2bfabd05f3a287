"""A strict reader of Prometheus' text format 0.0.4: what a scraper would refuse, it refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\n|\\")*)"')
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (\S+)")
_HELP = re.compile(rf"# HELP ({_NAME}) (.+)")
_TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge)")
_ESCAPES = {"\\\\": "\\", "\\n": "\n", '\\"': '"'}

Labels = frozenset[tuple[str, str]]


@dataclass
class Family:
    help: str
    kind: str
    samples: dict[Labels, float] = field(default_factory=dict)


def parse(text: str) -> dict[str, Family]:
    """Raises AssertionError naming the line."""
    families: dict[str, Family] = {}
    assert text.endswith("\n") or not text, "the last line has no end"
    lines = text.split("\n")[:-1]
    while lines:
        help, kind = _HELP.fullmatch(lines[0]), len(lines) > 1 and _TYPE.fullmatch(lines[1])
        assert help and kind and help[1] == kind[1], f"not the head of a family: {lines[:2]}"
        assert help[1] not in families, f"a family in two pieces: {help[1]}"
        assert (kind[2] == "counter") == help[1].endswith("_total"), f"named like another kind: {lines[1]}"
        families[help[1]] = Family(help[2], kind[2])
        del lines[:2]
        while lines and not lines[0].startswith("#"):
            _take(families[help[1]], help[1], lines.pop(0))
        assert families[help[1]].samples, f"a family without samples: {help[1]}"
    return families


def value(text: str, name: str, /, **labels: str) -> float | None:
    """Of one sample; None when it is not there."""
    family = parse(text).get(name)
    return None if family is None else family.samples.get(_key(labels))


def _take(family: Family, name: str, line: str) -> None:
    sample = _SAMPLE.fullmatch(line)
    assert sample and sample[1] == name, f"not a sample of {name}: {line!r}"
    labels: dict[str, str] = {}
    rest = sample[2] or ""
    while rest:
        label = _LABEL.match(rest)
        assert label and label[1] not in labels, f"labels of {line!r} at {rest!r}"
        labels[label[1]] = re.sub(r'\\[\\n"]', lambda found: _ESCAPES[found[0]], label[2])
        rest = rest[label.end() :]
        assert not rest or rest.startswith(","), f"labels of {line!r} at {rest!r}"
        rest = rest.removeprefix(",")
    key = _key(labels)
    assert key not in family.samples, f"twice: {line!r}"
    family.samples[key] = float(sample[3])
    assert family.kind == "gauge" or family.samples[key] >= 0, f"a counter below zero: {line!r}"


def _key(labels: Mapping[str, str]) -> Labels:
    return frozenset(labels.items())
