"""Addresses of the load balancers on this machine, by DNS name."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from local.machine.files import write_atomically


class Addresses:
    """The addresses of a region's load balancers, stored in a file. `address` returns the n-th, n from 1."""

    def __init__(self, file: Path, address: Callable[[int], str]) -> None:
        self._file, self._address = file, address

    def assign(self, names: Sequence[str]) -> dict[str, str]:
        """An address for each DNS name. A load balancer keeps its address until it is deleted."""
        before = _load(self._file)
        assigned = {name: before[name] for name in names if name in before}
        free = (address for address in map(self._address, range(1, 255)) if address not in assigned.values())
        for name in names:
            if name not in assigned:
                assigned[name] = next(free)
        if assigned != before:
            self._file.parent.mkdir(exist_ok=True)
            write_atomically(self._file, json.dumps(assigned))
        return assigned


def file_of(state: Path, region: str) -> Path:
    return state / "alb" / f"{region}.json"


def find(state: Path, region: str) -> dict[str, str]:
    """Addresses of the region's load balancers by DNS name, in the order of the addresses."""
    addresses = _load(file_of(state, region))
    return dict(sorted(addresses.items(), key=lambda item: int(item[1].rpartition(".")[2])))


def _load(file: Path) -> dict[str, str]:
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}
