"""A round: observe, decide, hand the decision to the actions.

Slow answers (the API, a peer, DNS) are awaited for a limited time; a late answer counts in the next round.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from runtime.contracts.controller import CONFIG_FILE
from runtime.controller.actions import Actions
from runtime.controller.config import ControllerConfig, load_config
from runtime.controller.decide import Counters, Decision, decide
from runtime.controller.peers import Peers
from runtime.controller.probes import Prober, Reply, Target
from runtime.controller.reopening import Closed, reopen, returning
from runtime.controller.views import Page
from runtime.controller.votes import Answers, Assessment, PageHistories, assess
from runtime.logs import log
from runtime.metrics import Metrics
from runtime.ports import AGENT_PORT, BRAIN_PORT, GATE_PORT

PORTS = {"agent": AGENT_PORT, "brain": BRAIN_PORT}
HEALTH = "/health"
READY = "/ready"


class LiveConfig:
    """The mounted settings, parsed again when their text changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._text: bytes | None = None
        self.current: ControllerConfig | None = None
        """Any thread may read it."""
        self.problem = ""

    def read(self) -> ControllerConfig | None:
        """The settings now; while they can't be read, the last ones. None when there never were any."""
        problem = ""
        try:
            text = (self._folder / CONFIG_FILE).read_bytes()
            if text != self._text:
                self.current, self._text = load_config(self._folder), text
                log("settings-read", regions=self.current.regions, companies=len(self.current.companies))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            problem = f"{type(error).__name__}: {error}"
        if problem and problem != self.problem:
            log("settings-unreadable", level="error", problem=problem)
        self.problem = problem
        return self.current


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What one round observed and decided: the source of the HTTP pages."""

    config: ControllerConfig
    at: int
    """When the round ended, UTC in milliseconds."""
    ended: float
    """The same, by the monotonic clock."""
    seconds: float
    assessment: Assessment
    decision: Decision
    pages: Mapping[str, Page | str]
    """By region: the page, or why there is none."""
    failures: Mapping[str, str]
    """Probes that failed, `<namespace>/<workload>-<region>`, and why."""
    closed: Closed
    """Flagged regions, and those that return and are not ready yet."""

    @property
    def page(self) -> Page:
        return Page(cluster=self.config.cluster, at=self.at, regions=self.assessment.views)


@dataclass(frozen=True, kw_only=True)
class Probes:
    """What to ask in a round, and what the replies say of the companies."""

    targets: Mapping[tuple[str, str, str], Target]
    """By region, namespace and workload."""

    @classmethod
    def of(cls, config: ControllerConfig) -> Probes:
        """Whether the workloads answer, which no flag gates."""
        return cls._of(config, config.regions, PORTS, HEALTH)

    @classmethod
    def of_gates(cls, config: ControllerConfig, regions: Iterable[str]) -> Probes:
        """Whether the workloads' gates let clients in."""
        return cls._of(config, regions, dict.fromkeys(PORTS, GATE_PORT), READY)

    @classmethod
    def _of(
        cls, config: ControllerConfig, regions: Iterable[str], ports: Mapping[str, int], path: str
    ) -> Probes:
        return cls(
            targets={
                (region, name, workload): Target(f"{workload}-{region}-headless.{name}.svc", port, path)
                for region in regions
                if region in config.regions
                for name in config.probed(region)
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
    """Runs rounds, with what one round keeps for the next. Used by one thread; any may read `observed`."""

    prober: Prober
    actions: Actions
    metrics: Metrics
    peers: Peers = field(default_factory=Peers)
    observed: Observed | None = None
    """None before the first round."""
    _counters: Counters = field(default_factory=Counters)
    _sightings: PageHistories = field(default_factory=dict)
    _closed: Closed = field(default_factory=dict)
    _probes: tuple[ControllerConfig, Probes] | None = None

    def run(self, config: ControllerConfig) -> None:
        began = time.monotonic()
        self.actions.start_reading()
        self.peers.ask(config.peers, config.timeout_seconds)
        if self._probes is None or self._probes[0] is not config:
            self._probes = config, Probes.of(config)
        probes = self._probes[1]
        gates = Probes.of_gates(config, returning(self._closed))
        asked = (*probes.targets.values(), *gates.targets.values())
        replies = self.prober.ask(asked, config.timeout_seconds)
        # A connection and its TLS take several round trips: peers have twice as long as what is near.
        pages = self.peers.answers(max(began + 2 * config.timeout_seconds - time.monotonic(), 0))
        self.actions.wait_for_reading(max(began + 2 * config.timeout_seconds - time.monotonic(), 0))
        flags = self.actions.system.current.flags
        read = {region: page for region, page in pages.items() if isinstance(page, Page)}
        seen = assess(config, probes.answers(replies), read, flags, self._sightings)
        decision = decide(config, self._counters, seen.evidence, flags)
        self._counters, self._sightings = decision.counters, seen.histories
        self._closed = reopen(config, self._closed, flags, gates.answers(replies), time.monotonic())
        self.observed = Observed(
            config=config,
            at=time.time_ns() // 1_000_000,
            ended=time.monotonic(),
            seconds=time.monotonic() - began,
            assessment=seen,
            decision=decision,
            pages=pages,
            failures=probes.failures(replies),
            closed=self._closed,
        )
        self.metrics.add("agency_controller_rounds_total", 1, "Rounds that ended.")
        flagged = frozenset().union(*flags.values())
        back = [region for region in config.regions if region in flagged and seen.views[region].serving]
        self.actions.act(config, decision.changes, back)
