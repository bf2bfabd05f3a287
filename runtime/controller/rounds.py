"""A round: observe, decide, hand over what is to be done.

Whoever is slow (the API, a peer, DNS) is waited for a bounded time; what it says later counts next round.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from runtime.contracts.controller import CONFIG_FILE
from runtime.controller.acting import Acting
from runtime.controller.decide import Counters, Decision, decide
from runtime.controller.peers import Peers
from runtime.controller.probes import Prober, Reply, Target
from runtime.controller.reopening import Closed, reopen, returning
from runtime.controller.settings import ControllerSettings, load_settings
from runtime.controller.views import Page
from runtime.controller.votes import Answers, Look, Sightings, look
from runtime.logs import log
from runtime.metrics import Metrics
from runtime.ports import AGENT_PORT, BRAIN_PORT, GATE_PORT

PORTS = {"agent": AGENT_PORT, "brain": BRAIN_PORT}
HEALTH = "/health"
READY = "/ready"


class SettingsFile:
    """The mounted settings, parsed again when their text changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._text: bytes | None = None
        self.current: ControllerSettings | None = None
        """Any thread may look at it."""
        self.problem = ""

    def read(self) -> ControllerSettings | None:
        """The settings now; while they can't be read, the last ones. None when there never were any."""
        problem = ""
        try:
            text = (self._folder / CONFIG_FILE).read_bytes()
            if text != self._text:
                self.current, self._text = load_settings(self._folder), text
                log("settings-read", regions=self.current.regions, companies=len(self.current.companies))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            problem = f"{type(error).__name__}: {error}"
        if problem and problem != self.problem:
            log("settings-unreadable", level="error", problem=problem)
        self.problem = problem
        return self.current


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What one round saw and decided: what the HTTP servers tell."""

    settings: ControllerSettings
    at: int
    """When the round ended, UTC in milliseconds."""
    ended: float
    """The same, by the monotonic clock."""
    seconds: float
    look: Look
    decision: Decision
    pages: Mapping[str, Page | str]
    """By region: the page, or why there is none."""
    failures: Mapping[str, str]
    """Probes that failed, `<namespace>/<workload>-<region>`, and why."""
    closed: Closed
    """Flagged regions, and those that return and are not ready yet."""

    @property
    def page(self) -> Page:
        return Page(cluster=self.settings.cluster, at=self.at, regions=self.look.views)


@dataclass(frozen=True, kw_only=True)
class Probes:
    """What to ask in a round, and what the replies say of the companies."""

    targets: Mapping[tuple[str, str, str], Target]
    """By region, namespace and workload."""

    @classmethod
    def of(cls, settings: ControllerSettings) -> Probes:
        """Whether the workloads answer, which no flag gates."""
        return cls._of(settings, settings.regions, PORTS, HEALTH)

    @classmethod
    def of_gates(cls, settings: ControllerSettings, regions: Iterable[str]) -> Probes:
        """Whether the workloads' gates let clients in."""
        return cls._of(settings, regions, dict.fromkeys(PORTS, GATE_PORT), READY)

    @classmethod
    def _of(
        cls, settings: ControllerSettings, regions: Iterable[str], ports: Mapping[str, int], path: str
    ) -> Probes:
        return cls(
            targets={
                (region, name, workload): Target(f"{workload}-{region}-headless.{name}.svc", port, path)
                for region in regions
                if region in settings.regions
                for name in settings.probed(region)
                for workload, port in ports.items()
            }
        )

    def answers(self, replies: Mapping[Target, Reply]) -> Answers:
        """A company answers in a region when its Agent and its Brain do."""
        found: dict[str, dict[str, bool]] = {}
        for (region, name, _), target in self.targets.items():
            companies = found.setdefault(region, {})
            answered = replies[target].status == HTTPStatus.OK
            companies[name] = companies.get(name, True) and answered
        return found

    def failures(self, replies: Mapping[Target, Reply]) -> dict[str, str]:
        return {
            f"{name}/{workload}-{region}": reply.error or f"HTTP {reply.status}"
            for (region, name, workload), target in self.targets.items()
            if (reply := replies[target]).status != HTTPStatus.OK
        }


@dataclass(kw_only=True)
class Rounds:
    """What goes from one round to the next. Used by one thread; `observed` may be looked at by any."""

    prober: Prober
    acting: Acting
    metrics: Metrics
    peers: Peers = field(default_factory=Peers)
    observed: Observed | None = None
    """None before the first round."""
    _counters: Counters = field(default_factory=Counters)
    _sightings: Sightings = field(default_factory=dict)
    _closed: Closed = field(default_factory=dict)
    _probes: tuple[ControllerSettings, Probes] | None = None

    def run(self, settings: ControllerSettings) -> None:
        began = time.monotonic()
        self.acting.start_reading()
        self.peers.ask(settings.peers, settings.timeout_seconds)
        if self._probes is None or self._probes[0] is not settings:
            self._probes = settings, Probes.of(settings)
        probes = self._probes[1]
        gates = Probes.of_gates(settings, returning(self._closed))
        asked = (*probes.targets.values(), *gates.targets.values())
        replies = self.prober.ask(asked, settings.timeout_seconds)
        # A connection and its TLS take several round trips: peers have twice as long as what is near.
        pages = self.peers.answers(max(began + 2 * settings.timeout_seconds - time.monotonic(), 0))
        self.acting.wait_for_reading(max(began + 2 * settings.timeout_seconds - time.monotonic(), 0))
        flags = self.acting.system.current.flags
        read = {region: page for region, page in pages.items() if isinstance(page, Page)}
        seen = look(settings, probes.answers(replies), read, flags, self._sightings)
        decision = decide(settings, self._counters, seen.evidence, flags)
        self._counters, self._sightings = decision.counters, seen.sightings
        self._closed = reopen(settings, self._closed, flags, gates.answers(replies), time.monotonic())
        self.observed = Observed(
            settings=settings,
            at=time.time_ns() // 1_000_000,
            ended=time.monotonic(),
            seconds=time.monotonic() - began,
            look=seen,
            decision=decision,
            pages=pages,
            failures=probes.failures(replies),
            closed=self._closed,
        )
        self.metrics.add("agency_controller_rounds_total", 1, "Rounds that ended.")
        flagged = frozenset().union(*flags.values())
        back = [region for region in settings.regions if region in flagged and seen.views[region].serving]
        self.acting.act(settings, decision.changes, back)
