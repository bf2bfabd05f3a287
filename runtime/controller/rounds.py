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
from runtime.controller.config import ControllerConfig, load_config, load_secret
from runtime.controller.decide import Counters, Decision, decide
from runtime.controller.peers import Peers
from runtime.controller.probes import Prober, Reply, Target
from runtime.controller.reopening import Closed, reopen, returning
from runtime.controller.survey import Findings, Survey
from runtime.controller.views import Page
from runtime.controller.votes import Answers, Assessment, PageHistories, assess
from runtime.logs import log
from runtime.metrics import Metrics
from runtime.ports import AGENT_PORT, BRAIN_PORT, GATE_PORT

PORTS = {"agent": AGENT_PORT, "brain": BRAIN_PORT}
HEALTH = "/health"
READY = "/ready"
LOGGED = 50
"""Workloads that a line of the log names."""


class LiveConfig:
    """The mounted settings and Secret, parsed again when their text changed."""

    def __init__(self, folder: Path, secret: Path | None = None) -> None:
        self._folder, self._secret = folder, secret
        self._text: tuple[bytes, str] | None = None
        self.current: ControllerConfig | None = None
        """Any thread may read it."""
        self.problem = ""

    def read(self) -> ControllerConfig | None:
        """The settings now; while they can't be read, the last ones. None when there never were any.

        A Secret that can't be read is a problem, and stops nothing: the sample is guessable meanwhile, and
        nobody reads more than the public pages.
        """
        secret, problem = self._read_secret()
        try:
            text = (self._folder / CONFIG_FILE).read_bytes(), secret
            if text != self._text:
                self.current, self._text = load_config(self._folder, secret), text
                log("settings-read", regions=self.current.regions, companies=len(self.current.companies))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            problem = f"{type(error).__name__}: {error}"
        if problem and problem != self.problem:
            log("settings-unreadable", level="error", problem=problem)
        self.problem = problem
        return self.current

    def _read_secret(self) -> tuple[str, str]:
        """The Secret, or the last one, and the problem, if any."""
        if self._secret is None:
            return "", ""
        try:
            return load_secret(self._secret), ""
        except (OSError, ValueError) as error:
            last = self.current.secret if self.current else ""
            return last, f"no Secret: {type(error).__name__}: {error}"


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
    findings: Findings

    @property
    def page(self) -> Page:
        return Page(cluster=self.config.cluster, at=self.at, regions=self.assessment.views)


@dataclass(frozen=True, kw_only=True)
class Probes:
    """What to ask in a round, and what the replies say of the companies."""

    targets: Mapping[tuple[str, str, str], Target]
    """By region, namespace and workload."""

    @classmethod
    def of(cls, companies: Mapping[str, Iterable[str]]) -> Probes:
        """Whether the workloads of these companies, by region, answer, which no flag gates."""
        return cls._of(companies, PORTS, HEALTH)

    @classmethod
    def of_gates(cls, companies: Mapping[str, Iterable[str]]) -> Probes:
        """Whether the workloads' gates let clients in."""
        return cls._of(companies, dict.fromkeys(PORTS, GATE_PORT), READY)

    @classmethod
    def _of(cls, companies: Mapping[str, Iterable[str]], ports: Mapping[str, int], path: str) -> Probes:
        return cls(
            targets={
                (region, name, workload): Target(f"{workload}-{region}-headless.{name}.svc", port, path)
                for region, names in companies.items()
                for name in names
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

    def unasked(self, replies: Mapping[Target, Reply]) -> set[tuple[str, str]]:
        """Regions and companies of which some workload could not be asked."""
        return {
            (region, name) for (region, name, _), target in self.targets.items() if replies[target].unasked
        }

    def failures(self, replies: Mapping[Target, Reply]) -> dict[str, str]:
        return {
            f"{name}/{workload}-{region}": reply.error or f"HTTP {reply.status}"
            for (region, name, workload), target in self.targets.items()
            if (reply := replies[target]).status != HTTPStatus.OK
        }


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What the companies replied in one round."""

    answers: Answers
    ready: Answers
    """Of the gates."""
    failures: Mapping[str, str]


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
    _histories: PageHistories = field(default_factory=dict)
    _closed: Closed = field(default_factory=dict)
    survey: Survey = field(default_factory=lambda: Survey(started=time.monotonic()))
    _disagreeing: frozenset[str] = frozenset()

    def run(self, config: ControllerConfig) -> None:
        began = time.monotonic()
        self.actions.start_reading()
        self.peers.ask(config.peers, config.timeout_seconds, config.token)
        returns = {region: config.probed(region) for region in returning(self._closed) & {*config.regions}}
        gates = Probes.of_gates(returns)
        asked = self._ask(config, gates)
        # A connection and its TLS take several round trips: peers have twice as long as what is near.
        pages = self.peers.answers(max(began + 2 * config.timeout_seconds - time.monotonic(), 0))
        self.actions.wait_for_reading(max(began + 2 * config.timeout_seconds - time.monotonic(), 0))
        flags = self.actions.system.current.flags
        read = {region: page for region, page in pages.items() if isinstance(page, Page)}
        counted, findings = self.survey.count(config, asked.answers)
        self._report(findings, asked.failures)
        seen = assess(config, counted, read, flags, self._histories, findings)
        decision = decide(config, self._counters, seen.evidence, flags)
        self._counters, self._histories = decision.counters, seen.histories
        self._closed = reopen(config, self._closed, flags, asked.ready, time.monotonic())
        self.observed = Observed(
            config=config,
            at=time.time_ns() // 1_000_000,
            ended=time.monotonic(),
            seconds=time.monotonic() - began,
            assessment=seen,
            decision=decision,
            pages=pages,
            failures=asked.failures,
            findings=findings,
            closed=self._closed,
        )
        self.metrics.add("agency_controller_rounds_total", 1, "Rounds that ended.")
        flagged = frozenset().union(*flags.values())
        back = [region for region in config.regions if region in flagged and seen.views[region].serving]
        self.actions.act(config, decision.changes, back)

    def _ask(self, config: ControllerConfig, gates: Probes) -> _Asked:
        """The sample first and, where it fails, the confirmation."""
        answers: dict[str, dict[str, bool]] = {region: {} for region in config.regions}
        failures, ready = dict[str, str](), gates
        wanted = self.survey.ask(config, time.monotonic())
        replies: dict[Target, Reply] = {}
        # Whom nobody could ask in time is no evidence, but for companies that are asked in every round.
        always = {(region, name) for region in config.regions for name in config.probed(region)}
        while wanted:
            probes = Probes.of(wanted)
            fresh = self.prober.ask(
                (*probes.targets.values(), *gates.targets.values()), config.timeout_seconds
            )
            replies |= fresh
            left_out = probes.unasked(fresh) - always
            for region, each in probes.answers(fresh).items():
                answers[region] |= {
                    name: good for name, good in each.items() if (region, name) not in left_out
                }
            failures |= probes.failures(fresh)
            wanted, gates = self.survey.ask_also(config, answers), Probes(targets={})
        return _Asked(answers=answers, ready=ready.answers(replies), failures=failures)

    def _report(self, findings: Findings, failures: Mapping[str, str]) -> None:
        """Log regions whose sample says something else than before."""
        if findings.disagreeing != self._disagreeing:
            self._disagreeing = findings.disagreeing
            log(
                "sample-disagrees" if findings.disagreeing else "sample-agrees",
                level="warning",
                regions=sorted(findings.disagreeing),
                failing=sorted(failures)[:LOGGED],
            )
