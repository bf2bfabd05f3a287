"""Turns the steps that the gates report (swaps, divergence, guards) into Events of their pods.

The gates have no right to the API. Each round a few of them are asked in turn; those of companies whose flags
just changed come first.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from runtime.controller import events
from runtime.controller.events import Event
from runtime.controller.gates import Gate, gates
from runtime.controller.kubernetes import Away, Kubernetes, Refused
from runtime.controller.probes import Prober
from runtime.controller.settings import ControllerSettings
from runtime.controller.tenants import pods_of
from runtime.logs import log
from runtime.metrics import Metrics

IN_TURN = 10
AT_ONCE = 60
"""At most, in one round, with those of companies whose flags changed."""
LOOKED_AGAIN_SECONDS = (5.0, 30.0, 90.0)
"""After a change of flags: a swap takes a while."""
OLDEST_SECONDS = 600.0
"""A step that is older was told already, or helps nobody: Events last an hour."""
LARGEST = 256 * 1024
TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Step:
    at: int
    """UTC, in milliseconds."""
    sequence: int
    """Grows, over restarts of the gate too: about the time in milliseconds."""
    warning: bool
    reason: str
    message: str


def parse(body: bytes) -> list[Step]:
    """Raises ValueError for what is no list of steps."""
    try:
        return [_step(told) for told in json.loads(body)]
    except (KeyError, TypeError) as error:
        raise ValueError(f"no steps: {error!r}") from error


def _step(told: dict[str, Any]) -> Step:
    return Step(
        at=int(told["at"]),
        sequence=int(told["sequence"]),
        warning=told["type"] == "Warning",
        reason=str(told["reason"]),
        message=str(told["message"]),
    )


class GateSteps:
    """Used by one thread."""

    def __init__(self, api: Kubernetes, prober: Prober, metrics: Metrics) -> None:
        self._api, self._prober, self._metrics = api, prober, metrics
        self._told: dict[Gate, int] = {}
        """The sequence of the last step of each gate that stands as an Event."""
        self._turn = deque[Gate]()
        self._hot = deque[tuple[float, str]]()

    def ask(self, settings: ControllerSettings, changed: Iterable[str]) -> None:
        """Ask this round's gates; `changed` are the namespaces whose flags changed since the last."""
        now = time.monotonic()
        for pause in LOOKED_AGAIN_SECONDS:
            self._hot.extend((now + pause, name) for name in changed)
        chosen = dict.fromkeys((*self._due(settings, now), *self._in_turn(settings)))
        oldest = int((time.time() - OLDEST_SECONDS) * 1000)
        asked = {gate: gate.target(f"/events?after={self._told.get(gate, oldest)}") for gate in chosen}
        replies = self._prober.ask(asked.values(), TIMEOUT_SECONDS, LARGEST)
        for gate, target in asked.items():
            reply = replies[target]
            try:
                steps = parse(reply.body) if reply.status == HTTPStatus.OK else []
            except ValueError as error:
                log("gate-answer", level="warning", namespace=gate.namespace, pod=gate.pod, error=str(error))
                continue
            if steps:
                self._tell(gate, steps)

    def _due(self, settings: ControllerSettings, now: float) -> list[Gate]:
        found = list[Gate]()
        for _ in range(len(self._hot)):
            due, name = self._hot.popleft()
            if due > now or len(found) >= AT_ONCE - IN_TURN:
                self._hot.append((due, name))
            elif name in settings.companies:
                found += _gates(settings, name)
        return found

    def _in_turn(self, settings: ControllerSettings) -> list[Gate]:
        if not self._turn:
            everyone = [gate for name in settings.companies for gate in _gates(settings, name)]
            self._turn.extend(everyone)
            self._told = {gate: self._told[gate] for gate in everyone if gate in self._told}
        chosen = [self._turn.popleft() for _ in range(min(IN_TURN, len(self._turn)))]
        return [gate for gate in chosen if gate.namespace in settings.companies]

    def _tell(self, gate: Gate, steps: list[Step]) -> None:
        try:
            uids = {pod["name"]: pod["uid"] for pod in pods_of(self._api, gate.namespace)}
        except (Refused, Away) as error:
            log("gate-steps-kept", level="warning", namespace=gate.namespace, why=str(error))
            return
        for step in sorted(steps, key=lambda step: step.sequence):
            if not events.post(self._api, _event(gate, step, uids.get(gate.pod, ""))):
                return
            self._told[gate] = step.sequence
            self._metrics.add("agency_controller_gate_steps_total", 1, "Gates' steps told as Events.")


def _gates(settings: ControllerSettings, namespace: str) -> list[Gate]:
    here = [region for region in settings.companies[namespace].regions if region in settings.regions]
    return gates(namespace, here)


def _event(gate: Gate, step: Step, uid: str) -> Event:
    return Event(
        kind="Pod",
        namespace=gate.namespace,
        name=gate.pod,
        uid=uid,
        reason=step.reason,
        message=step.message,
        warning=step.warning,
        at=step.at,
        identity=f"{step.sequence} {step.reason}",
    )
