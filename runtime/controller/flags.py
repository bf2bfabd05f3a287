"""The flags in force: the ConfigMap `failed-regions` of the system namespace, the only source of truth."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from runtime.controller.decide import Change, apply
from runtime.controller.kubernetes import MERGE_PATCH, Kubernetes, Object, Refused, Unavailable
from runtime.controller.lease import SYSTEM_NAMESPACE
from runtime.controller.tenants import config_map_path, lines, parse_lines
from runtime.controller.votes import REGION_WIDE, Flags
from runtime.flags import KEY
from runtime.logs import log

COMPANIES_KEY = "failedCompanies"
"""Lines `<namespace> <region>`: the flags of companies with health checks of their own."""
PATH = config_map_path(SYSTEM_NAMESPACE)


@dataclass(frozen=True, kw_only=True)
class InForce:
    flags: Flags
    version: str = ""
    """The ConfigMap's resource version; "" when it was read from the mounted folder."""
    uid: str = ""


@dataclass(frozen=True, kw_only=True)
class Transition:
    """A flag that was set or cleared, by whomever."""

    change: Change
    version: str
    """Which both replicas see alike."""
    uid: str
    at: int
    """UTC, in milliseconds."""


@dataclass(kw_only=True)
class SystemFlags:
    """Read and changed by one thread; any thread may read `current`."""

    api: Kubernetes
    current: InForce
    problem: str = "not read yet"
    """Why the API could not be read when it was asked last."""
    _transitions: list[Transition] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, reasons: Iterable[Change] = ()) -> None:
        """Read the flags in force; without the API the last ones stay."""
        try:
            self._take(self.api.call("GET", PATH), reasons)
            problem = ""
        except (Refused, Unavailable) as error:
            problem = str(error)
        if bool(problem) != bool(self.problem):
            log("flags-unreadable" if problem else "flags-readable", level="warning", problem=problem)
        self.problem = problem

    def carry_out(self, changes: Iterable[Change]) -> bool:
        """Write changes, unless the ConfigMap was changed since it was read; returns whether they are
        written."""
        changes, before = tuple(changes), self.current
        if not before.version:
            return False
        try:
            answer = self.api.call("PATCH", PATH, _patch(before, changes), content=MERGE_PATCH)
        except (Refused, Unavailable) as error:
            conflict = isinstance(error, Refused) and error.status == HTTPStatus.CONFLICT
            log("flags-not-changed", level="info" if conflict else "error", why=str(error))
            return False
        self._take(answer, changes)
        return True

    def take_transitions(self) -> list[Transition]:
        """Those since this was asked last."""
        with self._lock:
            found, self._transitions = self._transitions, []
        return found

    def _take(self, config_map: Object, reasons: Iterable[Change]) -> None:
        metadata = config_map["metadata"]
        after = InForce(
            flags=_parse(config_map), version=metadata["resourceVersion"], uid=metadata.get("uid", "")
        )
        known = {(each.scope, each.region, each.failed): each for each in reasons}
        before, self.current = self.current, after
        found = list[Transition]()
        for scope, region, failed in _differences(before.flags, after.flags):
            unknown = Change(scope=scope, region=region, failed=failed, reason="changed by somebody else")
            change = known.get((scope, region, failed), unknown)
            now = time.time_ns() // 1_000_000
            found.append(Transition(change=change, version=after.version, uid=after.uid, at=now))
            event = "region-failed" if failed else "region-cleared"
            log(event, level="warning", region=region, namespace=scope or None, reason=change.reason)
        with self._lock:
            self._transitions += found


def mounted(folder: Path) -> Flags:
    """The flags of the mounted ConfigMap: older than the API's, and readable without the API."""
    data = {}
    for key in (KEY, COMPANIES_KEY):
        try:
            data[key] = (folder / key).read_text()
        except OSError:
            continue
    return _parse({"data": data})


def _parse(config_map: Object) -> Flags:
    flags: dict[str, set[str]] = {REGION_WIDE: set(parse_lines(config_map))}
    for line in parse_lines(config_map, COMPANIES_KEY):
        namespace, _, region = line.partition(" ")
        flags.setdefault(namespace, set()).add(region.strip())
    return {scope: frozenset(regions) for scope, regions in flags.items() if regions}


def _patch(before: InForce, changes: Iterable[Change]) -> Object:
    flags = apply(before.flags, changes)
    companies = lines(
        [f"{scope} {region}" for scope, regions in flags.items() if scope for region in regions]
    )
    data = {KEY: lines(flags.get(REGION_WIDE, ())) or None, COMPANIES_KEY: companies or None}
    return {"metadata": {"resourceVersion": before.version}, "data": data}


def _differences(before: Flags, after: Flags) -> Iterable[tuple[str, str, bool]]:
    for scope in sorted({*before, *after}):
        old, new = before.get(scope, frozenset()), after.get(scope, frozenset())
        yield from ((scope, region, True) for region in sorted(new - old))
        yield from ((scope, region, False) for region in sorted(old - new))
