"""Metrics in Prometheus' text format, version 0.0.4."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_Labels = tuple[tuple[str, str], ...]


@dataclass
class _Family:
    help: str
    kind: str
    samples: dict[_Labels, float] = field(default_factory=dict)


class Metrics:
    """Gauges (`set`) and counters (`add`), by name and labels. Any thread may use them."""

    def __init__(self) -> None:
        self._families: dict[str, _Family] = {}
        self._lock = threading.Lock()

    def set(self, name: str, value: float, help: str, /, **labels: str) -> None:
        """Give a gauge its value."""
        with self._lock:
            self._family(name, help, "gauge").samples[_key(labels)] = float(value)

    def add(self, name: str, amount: float, help: str, /, **labels: str) -> None:
        """Raise a counter; with 0 it is there from the start, which is what an alert on its rate needs."""
        with self._lock:
            samples = self._family(name, help, "counter").samples
            key = _key(labels)
            samples[key] = samples.get(key, 0) + amount

    def remove(self, name: str, /, **labels: str) -> None:
        """Forget what is no more: a company that left."""
        with self._lock:
            if name in self._families:
                self._families[name].samples.pop(_key(labels), None)

    def value(self, name: str, /, **labels: str) -> float | None:
        with self._lock:
            family = self._families.get(name)
            return None if family is None else family.samples.get(_key(labels))

    def text(self) -> str:
        """What a scrape gets."""
        with self._lock:
            return "".join(
                _text(name, family) for name, family in sorted(self._families.items()) if family.samples
            )

    def _family(self, name: str, help: str, kind: str) -> _Family:
        family = self._families.setdefault(name, _Family(help, kind))
        if family.kind != kind:
            raise ValueError(f"{name} is a {family.kind}, not a {kind}")
        return family


def _key(labels: Mapping[str, str]) -> _Labels:
    return tuple(sorted(labels.items()))


def _text(name: str, family: _Family) -> str:
    lines = [f"# HELP {name} {_escape(family.help)}", f"# TYPE {name} {family.kind}"]
    for labels, value in sorted(family.samples.items()):
        pairs = ",".join(f'{label}="{_escape(text, quoted=True)}"' for label, text in labels)
        lines.append(f"{name}{{{pairs}}} {value!r}" if pairs else f"{name} {value!r}")
    return "\n".join(lines) + "\n"


def _escape(text: str, *, quoted: bool = False) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"') if quoted else escaped
