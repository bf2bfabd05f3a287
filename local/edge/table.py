"""Where a request leads: what is known of the cluster, and what follows from it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from local.edge import objects
from local.edge.objects import Backend, Ingress, Object, Rule, Slice

Key = tuple[str, str]
"""Namespace and name."""
T = TypeVar("T")


class Known(Generic[T]):
    """Objects of one kind, each as what `read` makes of it; those of which it makes None are left out."""

    def __init__(self, read: Callable[[Object], T | None]) -> None:
        self._read = read
        self.all: dict[Key, T] = {}
        self.listed = False
        self.on_change: list[Callable[[], None]] = []

    def replace(self, found: Iterable[Object]) -> None:
        """What there is, and nothing else."""
        read = {_key(one): self._read(one) for one in found}
        self.all = {key: value for key, value in read.items() if value is not None}
        self.listed = True
        self._tell()

    def put(self, one: Object) -> None:
        value = self._read(one)
        if value is None:
            self.all.pop(_key(one), None)
        else:
            self.all[_key(one)] = value
        self._tell()

    def remove(self, one: Object) -> None:
        self.all.pop(_key(one), None)
        self._tell()

    def _tell(self) -> None:
        for tell in self.on_change:
            tell()


class Table:
    def __init__(self) -> None:
        self.ingresses: Known[Ingress] = Known(objects.ingress)
        self.services: Known[Mapping[int, str]] = Known(objects.service)
        self.slices: Known[Slice] = Known(objects.endpoint_slice)
        self._rules: dict[str, list[Rule]] | None = None
        self._slices: dict[Key, list[Slice]] | None = None
        self._turns: dict[Backend, int] = {}
        self.ingresses.on_change += [self._forget_rules, self._look]
        self.services.on_change.append(self._look)
        self.slices.on_change += [self._forget_slices, self._look]
        self.complete = asyncio.Event()
        """Everything was seen once."""

    def find(self, host: str, target: str) -> Backend | None:
        """Where a request with this Host leads. A rule of the host goes before one of all hosts below a
        domain, and that before one of any host; a longer path before a shorter one.
        """
        name, path = _name_of(host), target.partition("?")[0]
        if self._rules is None:
            self._rules = _by_host(self.ingresses.all.values())
        for asked in (name, f"*.{name.partition('.')[2]}", ""):
            for rule in self._rules.get(asked, ()):
                if rule.takes(path):
                    return rule.backend
        return None

    def endpoints(self, backend: Backend) -> list[tuple[str, int]]:
        """Address and port of each ready endpoint; the one whose turn it is comes first."""
        name = self._port_name(backend)
        if name is None:
            return []
        if self._slices is None:
            self._slices = _by_service(self.slices.all.values())
        found = sorted(
            (address, one.ports[name])
            for one in self._slices.get((backend.namespace, backend.service), ())
            if name in one.ports
            for address in one.ready
        )
        if not found:
            return []
        turn = self._turns[backend] = self._turns.get(backend, -1) + 1
        first = turn % len(found)
        return found[first:] + found[:first]

    def _port_name(self, backend: Backend) -> str | None:
        if isinstance(backend.port, str):
            return backend.port
        return self.services.all.get((backend.namespace, backend.service), {}).get(backend.port)

    def _look(self) -> None:
        if self.ingresses.listed and self.services.listed and self.slices.listed:
            self.complete.set()

    def _forget_rules(self) -> None:
        self._rules, self._turns = None, {}

    def _forget_slices(self) -> None:
        self._slices = None


def _key(one: Object) -> Key:
    return one["metadata"]["namespace"], one["metadata"]["name"]


def _name_of(host: str) -> str:
    """Without the port."""
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return name.lower().rstrip(".")


def _by_host(ingresses: Iterable[Ingress]) -> dict[str, list[Rule]]:
    found = defaultdict[str, list[Rule]](list)
    for one in sorted(ingresses, key=lambda one: one.age):
        for rule in one.rules:
            found[rule.host].append(rule)
    for rules in found.values():
        rules.sort(key=lambda rule: (-len(rule.path.rstrip("/")), not rule.exact))
    return dict(found)


def _by_service(slices: Iterable[Slice]) -> dict[Key, list[Slice]]:
    found = defaultdict[Key, list[Slice]](list)
    for one in slices:
        found[one.service].append(one)
    return dict(found)
