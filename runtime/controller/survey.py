"""Which companies are asked about a region, and what their answers say together.

A company's pods run what the company chooses: they answer, or do not, as it likes. So

- no company decides for others: of the sample, more than half must fail even without any single one;
- the sample is drawn by a secret (`ControllerConfig.samples`), and where it fails, a confirmation is asked in
  the same round: CONFIRMATION_SIZE companies of all, drawn anew each time. Only when most of them fail too
  does the region fail;
- IN_TURN companies beside the sample are asked each round, all of them in turn. Where they, or the
  confirmation, say something else than the sample, the sample "disagrees": an alarm.

For START_SECONDS after the start a company that has not answered yet does not count as failing: the network
policies of the companies may not know the new controller's address yet. A region of which less than half of
the sample has answered is unknown meanwhile.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from runtime.controller.config import SAMPLE_SIZE, ControllerConfig

CONFIRMATION_SIZE = 100
"""A third of 500 companies, together, has most of so many about once in 30,000 draws, and a region fails only
after several rounds in a row."""
IN_TURN = 10
"""500 companies are through after 48 rounds."""
START_SECONDS = 180.0
"""At 20 requests a second, 3,600 network policies have a new address by then."""

Answers = Mapping[str, Mapping[str, bool]]
"""By region and company, of those that could be asked."""
Draw = Callable[[Sequence[str], int], list[str]]


def most_fail(answers: Collection[bool]) -> bool:
    """Whether all fail, or more than half even without one of those that do."""
    failed = sum(not answer for answer in answers)
    return failed > 0 and (failed == len(answers) or 2 * (failed - 1) > len(answers) - 1)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Of one round, regions of this cluster."""

    unknown: frozenset[str] = frozenset()
    """Nothing can be said of their workloads yet."""
    refuted: frozenset[str] = frozenset()
    """Most of the sample failed, and most of the confirmation did not."""
    disagreeing: frozenset[str] = frozenset()
    """The sample says something else than the other companies."""


NOTHING_FOUND = Findings()


@dataclass(kw_only=True)
class Survey:
    """Of one replica. A round is `ask`, `ask_also`, `count`. Used by one thread; asks nobody itself."""

    started: float
    """By the clock of `now`, in seconds."""
    draw: Draw = field(default_factory=lambda: random.SystemRandom().sample)
    _now: float = 0.0
    _answered: set[tuple[str, str]] = field(default_factory=set)
    """Regions and companies: those that have answered since the start."""
    _round: int = 0
    _last_answers: dict[str, dict[str, bool]] = field(default_factory=dict)
    """By region, the last answers of companies in turn."""
    _turn: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _confirmation: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _suspected: frozenset[str] = frozenset()
    """Regions whose sample failed in the last round."""

    def ask(self, config: ControllerConfig, now: float) -> dict[str, tuple[str, ...]]:
        """Whom to ask first in this round, by region."""
        self._now, self._round = now, self._round + 1
        self._turn = {region: self._next(config.shared[region][SAMPLE_SIZE:]) for region in config.regions}
        suspected = self._suspected.intersection(config.regions)
        self._confirmation = {region: self._drawn(config, region) for region in suspected}
        return {
            region: tuple(
                dict.fromkeys(
                    (*config.probed(region), *self._turn[region], *self._confirmation.get(region, ()))
                )
            )
            for region in config.regions
        }

    def ask_also(self, config: ControllerConfig, answers: Answers) -> dict[str, tuple[str, ...]]:
        """Whom to ask besides: the confirmation of regions whose sample fails for the first time."""
        self._note(answers)
        found = {}
        for region in config.regions:
            if region not in self._confirmation and most_fail(self._sample(config, region, answers)):
                drawn = self._confirmation[region] = self._drawn(config, region)
                found[region] = tuple(name for name in drawn if name not in answers[region])
        return {region: names for region, names in found.items() if names}

    def count(self, config: ControllerConfig, answers: Answers) -> tuple[Answers, Findings]:
        """The answers of samples and dedicated companies that count, and what else was found."""
        self._note(answers)
        counted = {region: self._counted(config, region, answers[region]) for region in config.regions}
        unknown = frozenset(region for region in config.regions if self._is_unknown(config, region))
        failing = {region for region in config.regions if most_fail(self._sample(config, region, answers))}
        refuted = {region for region in failing if self._is_refuted(region, answers[region])}
        silent = {
            region
            for region in config.regions
            if region not in failing and self._most_companies_fail(config, region, answers)
        }
        for region in failing:
            # These answers are older than the failure.
            self._last_answers.pop(region, None)
        self._suspected = frozenset(failing)
        disagreeing = frozenset(refuted | silent) - unknown
        return counted, Findings(unknown=unknown, refuted=frozenset(refuted), disagreeing=disagreeing)

    def _note(self, answers: Answers) -> None:
        if self._is_starting:
            self._answered |= {
                (region, name) for region, each in answers.items() for name, good in each.items() if good
            }

    @property
    def _is_starting(self) -> bool:
        return self._now - self.started < START_SECONDS

    def _counts(self, region: str, name: str) -> bool:
        return not self._is_starting or (region, name) in self._answered

    def _counted(self, config: ControllerConfig, region: str, answers: Mapping[str, bool]) -> dict[str, bool]:
        sample = {
            name: answers[name] or not self._counts(region, name)
            for name in config.samples[region]
            if name in answers
        }
        dedicated = {
            name: answers[name] for name in config.dedicated if name in answers and self._counts(region, name)
        }
        return sample | dedicated

    def _sample(self, config: ControllerConfig, region: str, answers: Answers) -> list[bool]:
        counted = self._counted(config, region, answers.get(region, {}))
        return [counted[name] for name in config.samples[region] if name in counted]

    def _is_unknown(self, config: ControllerConfig, region: str) -> bool:
        sample = config.samples[region]
        return 2 * sum(self._counts(region, name) for name in sample) < len(sample)

    def _drawn(self, config: ControllerConfig, region: str) -> tuple[str, ...]:
        known = [name for name in config.shared[region] if self._counts(region, name)]
        return tuple(self.draw(known, min(len(known), CONFIRMATION_SIZE)))

    def _is_refuted(self, region: str, answers: Mapping[str, bool]) -> bool:
        """A confirmation of which less than half could be asked, as without DNS, refutes nothing."""
        drawn = self._confirmation.get(region, ())
        asked = [answers[name] for name in drawn if name in answers]
        return 2 * len(asked) >= len(drawn) > 0 and not most_fail(asked)

    def _next(self, rest: Sequence[str]) -> tuple[str, ...]:
        turns = -(-len(rest) // IN_TURN)
        first = self._round % turns * IN_TURN if turns else 0
        return tuple(rest[first : first + IN_TURN])

    def _most_companies_fail(self, config: ControllerConfig, region: str, answers: Answers) -> bool:
        """Whether most of all companies fail, by what each answered last."""
        last, here = self._last_answers.setdefault(region, {}), set(config.shared[region][SAMPLE_SIZE:])
        for name in self._turn.get(region, ()):
            if name in answers[region] and self._counts(region, name):
                last[name] = answers[region][name]
        for name in last.keys() - here:
            del last[name]
        return bool(last) and most_fail([*self._sample(config, region, answers), *last.values()])
