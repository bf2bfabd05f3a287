"""Marked memories: stored each second where a company's Brain serves, looked for where it should be known.

They are stored under a company name of the drill's own, so that they lie in a folder of their own and no
company's Agent ever recalls one.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from ops.drill.record import Found, Record, Stored, Writer
from ops.drill.scene import Tenant
from ops.drill.watching import Stage

STORE_SECONDS = 1.0
FIND_SECONDS = 1.0
MORE = 50
"""Memories that are asked for beyond those that there should be."""


class NoBrain(Exception):
    """A Brain, or its gate, did not answer, or not with what was asked for."""


class Brains(Protocol):
    """The companies' Brains, as MCP clients use them. All of it raises NoBrain."""

    def store(self, namespace: str, region: str, company: str, text: str) -> None: ...

    def query(self, namespace: str, region: str, company: str, text: str, limit: int) -> str:
        """The memories as text."""

    def why_not(self, namespace: str, region: str) -> str:
        """Why the region's Brain does not serve the company now; empty when it does. One that stands by must
        not be asked, or it would take the question for a use of its memory."""

    def set_aside(self, namespace: str, region: str, pattern: str) -> list[str]:
        """What matches the pattern among the files under `diverged/` of the Brain's volume."""


@dataclass(frozen=True, kw_only=True)
class Markers:
    """The texts of one run's memories."""

    run: str
    """Letters and digits that no other run has."""

    @property
    def company(self) -> str:
        return f"drill-{self.run}"

    @property
    def nobody(self) -> str:
        """A company that nothing is ever stored for."""
        return f"drill-{self.run}-nobody"

    def text(self, tenant: Tenant, writer: Writer, number: int) -> str:
        return f"drill-{self.run}.{tenant.namespace}.{writer}.{number:05d}"

    @property
    def pattern(self) -> str:
        return rf"drill-{self.run}\.[a-z0-9-]+\.(?:home|away)\.\d{{5}}"

    def found(self, tenant: Tenant, region: str, at: float, text: str) -> Found:
        """What an answer holds, sorted."""
        numbers: Mapping[Writer, set[int]] = {writer: set() for writer in Writer}
        strange = set()
        for marker in re.findall(self.pattern, text):
            _, namespace, writer, number = marker.split(".")
            if namespace == tenant.namespace:
                numbers[Writer(writer)].add(int(number))
            else:
                strange.add(marker)
        return Found(
            company=tenant.namespace,
            region=region,
            at=at,
            home=frozenset(numbers[Writer.HOME]),
            away=frozenset(numbers[Writer.AWAY]),
            strange=tuple(sorted(strange)),
        )


class Writing:
    """Stores one memory a turn, until it is told to stop, or the first failure after `ends_with_failure`."""

    every = STORE_SECONDS

    def __init__(
        self,
        brains: Brains,
        markers: Markers,
        tenant: Tenant,
        region: str,
        writer: Writer,
        stage: Stage,
        record: Record,
    ) -> None:
        self._brains, self._markers, self._tenant, self._region = brains, markers, tenant, region
        self._writer, self._stage, self._record = writer, stage, record
        self._number = 0
        self.stopped = threading.Event()
        self.last_failure = ""
        self.ends_with_failure = False

    def turn(self) -> None:
        if self.stopped.is_set():
            return
        if self._writer is Writer.AWAY and self._brains.why_not(self._tenant.namespace, self._region):
            return
        self._number += 1
        text = self._markers.text(self._tenant, self._writer, self._number)
        try:
            self._brains.store(self._tenant.namespace, self._region, self._markers.company, text)
        except NoBrain as error:
            self.last_failure = str(error)
            if self.ends_with_failure:
                self.stopped.set()
            return
        self._record.add(
            Stored(
                company=self._tenant.namespace,
                region=self._region,
                writer=self._writer,
                number=self._number,
                at=self._stage.now(),
            )
        )


class Finding:
    """Asks a region's Brain for the memories while it serves; the first answer that has some also for those
    of a company that has none."""

    every = FIND_SECONDS

    def __init__(
        self, brains: Brains, markers: Markers, tenant: Tenant, region: str, stage: Stage, record: Record
    ) -> None:
        self._brains, self._markers, self._tenant, self._region = brains, markers, tenant, region
        self._stage, self._record = stage, record
        self._asked_for_nobody = False
        self.stopped = threading.Event()
        self.why_not = "not asked yet"
        """Why nothing was found when it was asked last."""

    def turn(self) -> None:
        if self.stopped.is_set():
            return
        try:
            self.why_not = self._brains.why_not(self._tenant.namespace, self._region) or self._ask()
        except NoBrain as error:
            self.why_not = str(error)

    def _ask(self) -> str:
        found = self._found(self._markers.company)
        if not (found.home or found.away or found.strange):
            return f"the Brain in {self._region} serves, and knows none of them"
        if not self._asked_for_nobody:
            self._asked_for_nobody = True
            self._ask_for_nobody()
        self._record.add(found)
        return ""

    def _ask_for_nobody(self) -> None:
        other = self._found(self._markers.nobody)
        if known := _texts(other, self._markers, self._tenant):
            told = tuple(f"{one} when asked for company {self._markers.nobody}" for one in known)
            self._record.add(replace(other, home=frozenset(), away=frozenset(), strange=told))

    def _found(self, company: str) -> Found:
        stored = sum(one.company == self._tenant.namespace for one in self._record.view().stored)
        text = self._brains.query(
            self._tenant.namespace, self._region, company, self._markers.company, stored + MORE
        )
        return self._markers.found(self._tenant, self._region, self._stage.now(), text)


def _texts(found: Found, markers: Markers, tenant: Tenant) -> list[str]:
    own = [markers.text(tenant, writer, number) for writer in Writer for number in sorted(found.of(writer))]
    return [*own, *found.strange]
