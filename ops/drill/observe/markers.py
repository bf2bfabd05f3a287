"""Markers: memories that the drill stores each second where a Brain serves, and looks for elsewhere.

They are stored under a company name of the drill's own, so they have a folder of their own and no company's
Agent ever recalls one.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, replace

from ops.drill.observe.brains import BrainError, PodBrains
from ops.drill.observe.clock import Clock
from ops.drill.observe.record import FoundMarkers, Record, StoredMarker, Writer, of_company
from ops.drill.scenario import Tenant
from ops.probing.test_data import DRILL

EVERY_SECONDS = 1.0
SPARE = 50
"""A query asks for this many memories more than there should be."""


@dataclass(frozen=True, kw_only=True)
class Markers:
    """The markers of one run."""

    run: str
    """Letters and digits that no other run has."""

    @property
    def company(self) -> str:
        return f"{DRILL}-{self.run}"

    @property
    def unknown_company(self) -> str:
        """A company for which nothing is ever stored."""
        return f"{self.company}-nobody"

    def text(self, tenant: Tenant, writer: Writer, number: int) -> str:
        return f"{self.company}.{tenant.namespace}.{writer}.{number:05d}"

    @property
    def pattern(self) -> str:
        return rf"{self.company}\.[a-z0-9-]+\.(?:{Writer.BEFORE}|{Writer.DURING})\.\d{{5}}"

    def parse(self, tenant: Tenant, region: str, at: float, text: str) -> FoundMarkers:
        """The markers in a text."""
        numbers: dict[str, set[int]] = {Writer.BEFORE: set(), Writer.DURING: set()}
        foreign = set()
        for marker in re.findall(self.pattern, text):
            _, namespace, writer, number = marker.split(".")
            if namespace == tenant.namespace:
                numbers[writer].add(int(number))
            else:
                foreign.add(marker)
        return FoundMarkers(
            company=tenant.namespace,
            region=region,
            at=at,
            before=frozenset(numbers[Writer.BEFORE]),
            during=frozenset(numbers[Writer.DURING]),
            foreign=tuple(sorted(foreign)),
        )


@dataclass(frozen=True, kw_only=True)
class BrainTarget:
    """A company's Brain in one region, and what its tasks need."""

    brains: PodBrains
    markers: Markers
    tenant: Tenant
    region: str
    clock: Clock
    record: Record

    def not_serving(self) -> str:
        return self.brains.not_serving(self.tenant.namespace, self.region)


class Storing:
    """A task that stores one marker a turn, until it is stopped, or until the first failure once it
    `ends_with_failure`."""

    every = EVERY_SECONDS

    def __init__(self, target: BrainTarget, writer: Writer) -> None:
        self._target, self._writer = target, writer
        self._number = 0
        self.stopped = threading.Event()
        self.last_failure = ""
        self.ends_with_failure = False

    def turn(self) -> None:
        target = self._target
        if self.stopped.is_set() or (self._writer is Writer.DURING and target.not_serving()):
            return
        self._number += 1
        text = target.markers.text(target.tenant, self._writer, self._number)
        try:
            target.brains.store(target.tenant.namespace, target.region, target.markers.company, text)
        except BrainError as error:
            self.last_failure = str(error)
            if self.ends_with_failure:
                self.stopped.set()
            return
        stored = StoredMarker(
            company=target.tenant.namespace,
            region=target.region,
            writer=self._writer,
            number=self._number,
            at=target.clock.now(),
        )
        target.record.add(stored)


class Finding:
    """A task that asks a region's Brain for the markers while it serves. With the first answer that has some,
    it also asks for those of a company that has none."""

    every = EVERY_SECONDS

    def __init__(self, target: BrainTarget) -> None:
        self._target = target
        self._asked_unknown_company = False
        self.stopped = threading.Event()
        self.problem = "not asked yet"
        """Why the last turn found no marker."""

    def turn(self) -> None:
        if self.stopped.is_set():
            return
        try:
            self.problem = self._target.not_serving() or self._find()
        except BrainError as error:
            self.problem = str(error)

    def _find(self) -> str:
        answer = self._query(self._target.markers.company)
        if not (answer.markers or answer.foreign):
            return f"the Brain in {self._target.region} serves, and knows no marker"
        if not self._asked_unknown_company:
            self._asked_unknown_company = True
            self._ask_unknown_company()
        self._target.record.add(answer)
        return ""

    def _ask_unknown_company(self) -> None:
        markers = self._target.markers
        answer = self._query(markers.unknown_company)
        own = [markers.text(self._target.tenant, *marker) for marker in sorted(answer.markers)]
        if known := [*own, *answer.foreign]:
            foreign = tuple(f"{each} when asked for company {markers.unknown_company}" for each in known)
            self._target.record.add(replace(answer, before=frozenset(), during=frozenset(), foreign=foreign))

    def _query(self, company: str) -> FoundMarkers:
        target, namespace = self._target, self._target.tenant.namespace
        limit = SPARE + len(of_company(target.record.view().stored, namespace))
        text = target.brains.query(namespace, target.region, company, target.markers.company, limit)
        return target.markers.parse(target.tenant, target.region, target.clock.now(), text)
