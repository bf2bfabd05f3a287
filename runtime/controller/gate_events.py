"""Posts the gates' events (swaps, divergence, loss guards) as Kubernetes Events of their pods.

The gates have no right to the API. Each round a few of them are asked in turn; those of companies whose
flags just changed come first.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice

from runtime.controller import events
from runtime.controller.config import ControllerConfig
from runtime.controller.events import Event
from runtime.controller.gates import Gate, gates
from runtime.controller.kubernetes import Kubernetes, Refused, Unavailable
from runtime.controller.probes import Prober
from runtime.controller.tenants import pods_of
from runtime.documents import Document, parse_list
from runtime.logs import log
from runtime.metrics import Metrics

IN_TURN = 10
AT_ONCE = 60
"""At most, in one round, with those of companies whose flags changed."""
ASK_AGAIN_SECONDS = (5.0, 30.0, 90.0)
"""Pauses after a change of flags: a swap takes a while."""
OLDEST_SECONDS = 600.0
"""Older events were posted already, or help nobody: Kubernetes keeps Events for an hour."""
LARGEST = 256 * 1024
"""Bytes of an answer."""
MOST_OF_A_GATE = 10
"""Events of one gate that are posted in a round: an answer is whatever the company's code makes it."""
MOST_AN_HOUR = 60
"""Events of one company."""
LATEST = 4_102_444_800_000
"""The year 2100: the API has no time after the year 9999."""
LONGEST_MESSAGE = 1024
_REASON = re.compile(r"[A-Z][A-Za-z]{0,63}")
TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class GateEvent:
    at: int
    """UTC, in milliseconds."""
    sequence: int
    """Grows, over restarts of the gate too: about the time in milliseconds."""
    warning: bool
    reason: str
    message: str


def parse(body: bytes) -> list[GateEvent]:
    """Raises ValueError for anything but a list of events."""
    return list(islice(map(_parsed_event, parse_list(body, "events", limit=LARGEST)), MOST_OF_A_GATE))


def _parsed_event(content: Document) -> GateEvent:
    return GateEvent(
        at=content.number("at", high=LATEST),
        sequence=content.number("sequence"),
        warning=content.text("type") == "Warning",
        reason=content.text("reason", pattern=_REASON),
        message=_shown(content.text("message")[:LONGEST_MESSAGE]),
    )


def _shown(text: str) -> str:
    """`kubectl` prints messages as they are: control characters would move an operator's cursor."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


class GateEvents:
    """Used by one thread."""

    def __init__(self, api: Kubernetes, prober: Prober, metrics: Metrics) -> None:
        self._api, self._prober, self._metrics = api, prober, metrics
        self._last: dict[Gate, int] = {}
        """Each gate's last sequence that was posted."""
        self._turn = deque[Gate]()
        self._hot = deque[tuple[float, str]]()
        self._posted: dict[str, deque[float]] = {}
        """By namespace, when each event of the last hour was posted."""

    def ask(self, config: ControllerConfig, changed: Iterable[str]) -> None:
        """Ask this round's gates; `changed` are the namespaces whose flags changed since the last."""
        now = time.monotonic()
        for pause in ASK_AGAIN_SECONDS:
            self._hot.extend((now + pause, name) for name in changed)
        chosen = dict.fromkeys((*self._due(config, now), *self._in_turn(config)))
        oldest = int((time.time() - OLDEST_SECONDS) * 1000)
        asked = {gate: gate.target(f"/events?after={self._last.get(gate, oldest)}") for gate in chosen}
        replies = self._prober.ask(asked.values(), TIMEOUT_SECONDS, LARGEST)
        for gate, target in asked.items():
            reply = replies[target]
            try:
                gate_events = parse(reply.body) if reply.status == HTTPStatus.OK else []
            except ValueError as error:
                log("gate-answer", level="warning", namespace=gate.namespace, pod=gate.pod, error=str(error))
                continue
            if gate_events:
                self._report(gate, gate_events)

    def _due(self, config: ControllerConfig, now: float) -> list[Gate]:
        found = list[Gate]()
        for _ in range(len(self._hot)):
            due, name = self._hot.popleft()
            if due > now or len(found) >= AT_ONCE - IN_TURN:
                self._hot.append((due, name))
            elif name in config.companies:
                found += _gates(config, name)
        return found

    def _in_turn(self, config: ControllerConfig) -> list[Gate]:
        if not self._turn:
            everyone = [gate for name in config.companies for gate in _gates(config, name)]
            self._turn.extend(everyone)
            self._last = {gate: self._last[gate] for gate in everyone if gate in self._last}
        chosen = [self._turn.popleft() for _ in range(min(IN_TURN, len(self._turn)))]
        return [gate for gate in chosen if gate.namespace in config.companies]

    def _report(self, gate: Gate, gate_events: list[GateEvent]) -> None:
        try:
            uids = {pod["name"]: pod["uid"] for pod in pods_of(self._api, gate.namespace)}
        except (Refused, Unavailable) as error:
            log("gate-events-delayed", level="warning", namespace=gate.namespace, why=str(error))
            return
        for event in sorted(gate_events, key=lambda event: event.sequence):
            if not self._may_post(gate.namespace):
                log("gate-events-dropped", level="warning", namespace=gate.namespace, pod=gate.pod)
                self._last[gate] = event.sequence
                continue
            if not events.post(self._api, _event(gate, event, uids.get(gate.pod, ""))):
                return
            self._last[gate] = event.sequence
            self._metrics.add(
                "agency_controller_gate_steps_total",
                1,
                "Events of gates that were posted as Kubernetes Events.",
            )

    def _may_post(self, namespace: str) -> bool:
        """Counts an event of this company; False when it had MOST_AN_HOUR in the last hour."""
        now = time.monotonic()
        posted = self._posted.setdefault(namespace, deque())
        while posted and now - posted[0] > 3600:
            posted.popleft()
        if len(posted) >= MOST_AN_HOUR:
            return False
        posted.append(now)
        return True


def _gates(config: ControllerConfig, namespace: str) -> list[Gate]:
    here = [region for region in config.companies[namespace].regions if region in config.regions]
    return gates(namespace, here)


def _event(gate: Gate, event: GateEvent, uid: str) -> Event:
    return Event(
        kind="Pod",
        namespace=gate.namespace,
        name=gate.pod,
        uid=uid,
        reason=event.reason,
        message=event.message,
        warning=event.warning,
        at=event.at,
        identity=f"{event.sequence} {event.reason}",
    )
