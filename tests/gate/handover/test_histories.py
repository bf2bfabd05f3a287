"""Random histories of regions that serve, fail, are cut off, die in the middle of anything and lose their
volumes.

Whatever was in any checkpoint is afterwards in a memory or set aside, on a volume or in a bucket.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.gate.handover.roles import Role
from runtime.gate.restore.startup import RestoreError
from runtime.gate.snapshot import checkpoint_forms
from runtime.gate.snapshot.checkpoint_changes import read_checkpoint
from runtime.gate.storage.keys import prefix_of
from tests.checkpoint_names import checkpoint_names
from tests.gate.handover.buckets import Buckets
from tests.gate.handover.gates import COMPANY, GRAPH, Clock, Gate, _in_graphs, rows_of
from tests.gate.handover.kills import CALLS
from tests.gate.handover.memories import EU, US

AP = "ap-southeast-1"
OPERATIONS = 150
SEEDS = range(int(os.environ.get("HISTORIES", "40")))


class Died(BaseException):
    """The gate's process ends here."""


class Killer:
    """Lets a gate die at one of its calls that change the disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left: int | None = None
        for name in CALLS:
            call = getattr(os, name)
            call = (lambda descriptor: None) if name == "fsync" else call
            monkeypatch.setattr(os, name, self._dying(call))
        monkeypatch.setattr(shutil, "_use_fd_functions", False)

    def _dying(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def dying(*arguments: Any, **named: Any) -> Any:
            if self.left is not None:
                self.left -= 1
                if self.left <= 0:
                    raise Died
            return call(*arguments, **named)

        return dying


class Company:
    """Its regions, and what happens to them."""

    def __init__(self, tmp_path: Path, order: tuple[str, ...], seed: int, killer: Killer) -> None:
        self.random = random.Random(seed)
        self.order = order
        self.buckets = Buckets(order, seed)
        self.clock = Clock()
        self.killer = killer
        self.log: list[str] = []
        skews = {region: self.random.uniform(-90_000, 90_000) for region in order}
        self.gates = [
            Gate(region, tmp_path / region, self.buckets, self.clock, order, skews[region])
            for region in order
        ]
        self.down: set[str] = set()

    def happen(self) -> None:
        gate = self.random.choice(self.gates)
        events: dict[str, tuple[int, Callable[[Gate], None]]] = {
            "work": (40, self.work),
            "write": (20, self.write),
            "stray": (1, self.stray),
            "flag": (6, self.flag),
            "replicate": (12, lambda _: self.buckets.replicate(self.random.randrange(40))),
            "cut": (3, self.cut),
            "die": (8, self.die),
            "lose": (1, self.lose),
            "wait": (6, lambda _: self.clock.pass_by(self.random.choice((5, 60, 1000)))),
        }
        names = list(events)
        (name,) = self.random.choices(names, [events[each][0] for each in names])
        self.log.append(f"{name} {gate.region}")
        events[name][1](gate)

    def work(self, gate: Gate) -> None:
        if self.up(gate):
            gate.round(seconds=self.random.choice((1.0, 30.0)))

    def write(self, gate: Gate) -> None:
        """Clients are sent to a region that is ready."""
        if gate.region not in self.down and gate.ready and gate.role is Role.PRIMARY:
            gate.write()

    def stray(self, gate: Gate) -> None:
        if gate.region not in self.down:
            gate.write()

    def flag(self, gate: Gate) -> None:
        """As one gate sees a region; the controllers of the clusters may disagree."""
        gate.flags ^= {self.random.choice(self.order)}
        if gate.flags >= set(self.order):
            gate.flags = frozenset()

    def cut(self, gate: Gate) -> None:
        self.buckets.cut ^= {(gate.region, self.random.choice(self.order))}

    def die(self, gate: Gate) -> None:
        if not self.up(gate):
            return
        self.killer.left = self.random.randrange(1, 150)
        try:
            gate.round()
            self.killer.left = None
        except Died:
            self.killer.left = None
            if self.random.random() < 0.5:
                self.down.add(gate.region)
            else:
                gate.start_gate()

    def lose(self, gate: Gate) -> None:
        shutil.rmtree(gate.root)
        gate.root.mkdir()
        self.down.add(gate.region)

    def up(self, gate: Gate) -> bool:
        """Whether it runs; its pod is started when it does not."""
        if gate.region in self.down:
            try:
                gate.start()
            except RestoreError:
                return False
            self.down.discard(gate.region)
        return True

    def settle(self) -> None:
        """Everything heals, and all have time."""
        self.buckets.cut.clear()
        for _ in range(25):
            self.buckets.replicate()
            for gate in self.gates:
                gate.flags = frozenset()
                assert self.up(gate)
                gate.round()
        self.clock.pass_by(1000)
        for gate in self.gates * 3:
            gate.round()
            self.buckets.replicate()


def rows_ever(buckets: Buckets) -> set[str]:
    """Of all checkpoints that are still there; none was thinned out in so short a time, by the clocks of
    all."""
    found: set[str] = set()
    for region, objects in buckets.objects.items():
        prefix = prefix_of(region, COMPANY, "brain")
        below = {
            key.removeprefix(f"{prefix}/"): data for key, data in objects.items() if key.startswith(prefix)
        }
        for name in checkpoint_names(below).values():
            files = read_checkpoint(name, below.__getitem__).files
            found |= rows_of({path: below[file.key] for path, file in files.items()})
    return found


def rows_aside(buckets: Buckets, scratch: Path) -> set[str]:
    """Of what is below `diverged/` in the buckets: the fragment, and a graph that names it."""
    fragments: set[str] = set()
    for region, objects in buckets.objects.items():
        for key, data in objects.items():
            if key.startswith(f"{region}/") and "/diverged/" in key:
                if "/data/" in key:
                    fragments.add(key.rpartition("/")[2].removesuffix(".lance"))
                elif f"/{GRAPH}" in key:
                    (scratch / key).parent.mkdir(parents=True, exist_ok=True)
                    (scratch / key).write_bytes(data)
    return fragments & _in_graphs(scratch)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_that_was_uploaded_disappears(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = (US, EU) if seed % 2 else (US, EU, AP)
    # Checkpoints of a small memory are lists of changes, too, for some seeds.
    monkeypatch.setattr(checkpoint_forms, "SMALL", 0 if seed % 4 < 2 else checkpoint_forms.SMALL)
    company = Company(tmp_path, order, seed, Killer(monkeypatch))
    for _ in range(OPERATIONS):
        company.happen()
    ever = rows_ever(company.buckets)
    company.settle()
    first, *others = company.gates
    # Until it writes, there is nothing to choose between its memory and what late clients wrote elsewhere.
    first.write()
    company.settle()
    ever |= rows_ever(company.buckets)
    kept = set().union(*(gate.memory for gate in company.gates))
    aside = rows_aside(company.buckets, tmp_path / "aside")
    assert ever <= kept | aside, f"seed {seed}: lost {ever - kept - aside}; {company.log}"
    assert first.ready
    for gate in others:
        assert gate.memory == first.memory or gate.now_alarm, (seed, gate.region, gate.events[-5:])
    for gate in company.gates:
        assert gate.aside <= aside
