"""The addresses of a local cluster's load balancers: what their DNS names lead clients of this machine to."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from local.machine.files import write_atomically


class Addresses:
    """Of a region's load balancers, remembered in a file. `address` gives the n-th, from 1 on."""

    def __init__(self, file: Path, address: Callable[[int], str]) -> None:
        self._file, self._address = file, address

    def of(self, names: Sequence[str]) -> dict[str, str]:
        """By DNS name, for these alone: whoever has an address keeps it."""
        before = _load(self._file)
        found = {name: before[name] for name in names if name in before}
        free = (one for one in map(self._address, range(1, 255)) if one not in found.values())
        for name in names:
            if name not in found:
                found[name] = next(free)
        if found != before:
            self._file.parent.mkdir(exist_ok=True)
            write_atomically(self._file, json.dumps(found))
        return found


def file_of(state: Path, region: str) -> Path:
    return state / "alb" / f"{region}.json"


def find(state: Path, region: str) -> dict[str, str]:
    """Addresses of the region's load balancers by their DNS names, the first address first."""
    return dict(sorted(_load(file_of(state, region)).items(), key=lambda one: int(one[1].rpartition(".")[2])))


def _load(file: Path) -> dict[str, str]:
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}
