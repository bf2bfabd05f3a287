"""What hostile companies can and cannot cause: they know whether they are probed, and answer as they like."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256

import pytest

from runtime.contracts.controller import Company
from runtime.controller.config import SAMPLE_SIZE, ControllerConfig
from runtime.controller.decide import Counters, apply, decide
from runtime.controller.survey import CONFIRMATION_SIZE, IN_TURN, START_SECONDS, Findings, Survey, most_fail
from runtime.controller.views import Page, RegionView
from runtime.controller.votes import REGION_WIDE, Flags, PageHistories, assess

US, EU = "us-east-1", "eu-west-1"
INTERVAL = 5
SIZES = (1, 2, 3, 5, 25, 500)

Fails = Callable[[int, str], bool]
"""Whether a company fails in a round."""


def config_of(
    names: Iterable[str], secret: str = "known to no company", dedicated: int = 0
) -> ControllerConfig:
    companies = {
        name: Company(regions=(US, EU), dedicated=number < dedicated) for number, name in enumerate(names)
    }
    return ControllerConfig(
        cluster="us",
        regions=(US,),
        all=(US, EU),
        peers={EU: "https://eu"},
        companies=companies,
        secret=secret,
    )


def named(count: int) -> list[str]:
    return [f"company-{number}" for number in range(count)]


@dataclass
class Controller:
    """The controller of US; EU serves all the time."""

    config: ControllerConfig
    fails: Fails
    seed: int = 0
    started: float = -1000.0
    round: int = 0
    flags: Flags = field(default_factory=dict)
    histories: PageHistories = field(default_factory=dict)
    counters: Counters = field(default_factory=Counters)
    findings: list[Findings] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    """Companies, in each round."""

    def __post_init__(self) -> None:
        self.survey = Survey(started=self.started, draw=random.Random(self.seed).sample)

    def play(self, rounds: int) -> list[Flags]:
        return [self._play() for _ in range(rounds)]

    def _play(self) -> Flags:
        self.round += 1
        wanted, answers, asked = (
            self.survey.ask(self.config, self.round * INTERVAL),
            {US: dict[str, bool]()},
            0,
        )
        while wanted:
            asked += len(wanted[US])
            answers[US] |= {name: not self.fails(self.round, name) for name in wanted[US]}
            wanted = self.survey.ask_also(self.config, answers)
        counted, findings = self.survey.count(self.config, answers)
        there = RegionView(
            serving=True, in_own_cluster=True, companies=dict.fromkeys(self.config.dedicated, True)
        )
        page = Page(cluster="eu", at=self.round, regions={EU: there})
        seen = assess(self.config, counted, {EU: page}, self.flags, self.histories, findings)
        decision = decide(self.config, self.counters, seen.evidence, self.flags)
        self.histories, self.counters = seen.histories, decision.counters
        self.flags = apply(self.flags, decision.changes)
        self.findings.append(findings)
        self.asked.append(asked)
        return self.flags


def nobody(round: int, name: str) -> bool:
    return False


def behaviours(hostile: set[str], by: random.Random) -> dict[str, Fails]:
    """A slow answer, an answer that is no HTTP and a flood are all no answer in time, and 200 with garbage is
    an answer: to the survey a company only answers or fails."""
    return {
        "never ready": lambda round, name: name in hostile,
        "flapping together": lambda round, name: name in hostile and round // 3 % 2 == 0,
        "flapping apart": lambda round, name: name in hostile and by.random() < 0.7,
        "only when it hurts": lambda round, name: name in hostile and round % 7 > 2,
    }


def hostile_of(config: ControllerConfig, count: int) -> set[str]:
    """The worst case: those of the sample first."""
    return set(config.shared[US][:count])


@pytest.mark.parametrize("size", [size for size in SIZES if size > 1])
def test_one_hostile_company_moves_no_other_while_another_one_restarts(size: int) -> None:
    config = config_of(named(size))
    (hostile,), honest = hostile_of(config, 1), config.shared[US][1]
    for what, fails in behaviours({hostile}, random.Random(size)).items():
        controller = Controller(config, lambda round, name, fails=fails: fails(round, name))  # type: ignore[misc]
        assert not any(controller.play(60)), what
        if size > 2:
            controller = Controller(
                config,
                lambda round, name, fails=fails: fails(round, name) or (name == honest and round % 20 < 8),  # type: ignore[misc]
            )
            assert not any(controller.play(60)), what


def test_a_company_alone_in_a_region_moves_itself_and_two_that_fail_move_both() -> None:
    for size in (1, 2):
        controller = Controller(config_of(named(size)), lambda round, name: True)
        assert controller.play(3)[-1] == {REGION_WIDE: frozenset({US})}


@pytest.mark.parametrize(("size", "share"), [(3, 2), (5, 3), (25, 13), (500, 500 // 3)])
def test_so_many_companies_together_do_not_move_the_others(size: int, share: int) -> None:
    """At 500 they hold every seat of the sample, which no choice of names gives them."""
    config = config_of(named(size))
    for what, fails in behaviours(hostile_of(config, share), random.Random(size)).items():
        for seed in range(3):
            controller = Controller(config, fails, seed=seed)
            assert not any(controller.play(150)), what


def test_a_sample_that_fails_alone_raises_the_alarm_and_one_that_answers_alone_does_too() -> None:
    config = config_of(named(500))
    sample = set(config.samples[US])
    controller = Controller(config, lambda round, name: name in sample)
    controller.play(3)
    assert [found.disagreeing for found in controller.findings] == [{US}] * 3
    controller = Controller(config, lambda round, name: name not in sample)
    controller.play(60)
    assert controller.findings[-1].disagreeing == {US}
    calm = Controller(config, nobody)
    assert not any(calm.play(60)) and not any(found.disagreeing for found in calm.findings)


@pytest.mark.parametrize("size", [*SIZES, 26, 35, 100, 101])
def test_a_region_that_dies_is_flagged_in_the_third_round_and_cleared_in_the_third(size: int) -> None:
    """As before there was a confirmation."""
    controller = Controller(config_of(named(size)), lambda round, name: 60 < round <= 100)
    flags = controller.play(110)
    flagged = [round for round, each in enumerate(flags, 1) if each]
    assert (flagged[0], flagged[-1]) == (63, 102)
    assert not any(found.disagreeing for found in controller.findings[60:100]), "a failure is no disagreement"
    assert not controller.findings[105].disagreeing


@pytest.mark.parametrize("size", [25, 26, 100, 500])
def test_colluders_that_answer_in_a_dead_region_keep_it_open_only_with_half_of_the_sample(size: int) -> None:
    config = config_of(named(size))
    few = set(config.samples[US][: (SAMPLE_SIZE - 1) // 2 - 1])
    controller = Controller(config, lambda round, name: round > 10 and name not in few)
    assert controller.play(13)[-1] == {REGION_WIDE: frozenset({US})}


def test_a_dedicated_company_moves_itself_alone() -> None:
    config = config_of(named(30), dedicated=1)
    (own,) = config.dedicated
    controller = Controller(config, lambda round, name: name == own)
    assert controller.play(10)[-1] == {own: frozenset({US})}


def test_what_a_round_asks() -> None:
    """50 probes a region before, and 20 more: the confirmation adds 200 while the sample fails."""
    config = config_of(named(500))
    assert set(_asked(Controller(config, nobody), 60)) == {SAMPLE_SIZE + IN_TURN, SAMPLE_SIZE + 5}
    assert (
        max(_asked(Controller(config, lambda round, name: True), 60))
        <= SAMPLE_SIZE + IN_TURN + CONFIRMATION_SIZE
    )
    assert set(_asked(Controller(config_of(named(25)), lambda round, name: True), 9)) == {25}


def _asked(controller: Controller, rounds: int) -> list[int]:
    controller.play(rounds)
    return controller.asked


def test_names_that_are_chosen_to_be_sampled_are_not_without_the_secret() -> None:
    """Names that win every seat without a secret win no more sampled than others with one."""
    honest = named(487)
    chosen = sorted(
        (f"evil-{number}" for number in range(20_000)),
        key=lambda name: sha256(f"{US}{name}".encode()).hexdigest(),
    )[:13]
    companies = [*honest, *chosen]
    assert set(chosen) <= set(config_of(companies, secret="").samples[US])
    sampled = [len(set(config_of(companies, f"secret-{n}").samples[US]) & set(chosen)) for n in range(20)]
    assert max(sampled) <= 4 and sum(sampled) / len(sampled) < 1.5


def test_a_controller_that_was_never_answered_says_nothing_for_a_while() -> None:
    """So it is after a start, before network policies know its address."""
    config = config_of(named(5))
    controller = Controller(config, lambda round, name: True, started=0)
    quiet = int(START_SECONDS // INTERVAL) - 1
    assert not any(controller.play(quiet))
    assert {found.unknown for found in controller.findings} == {frozenset({US})}
    assert controller.play(4)[-1] == {REGION_WIDE: frozenset({US})}


def test_a_start_clears_no_flag_of_a_region_that_is_still_dead() -> None:
    controller = Controller(config_of(named(5)), lambda round, name: True, started=0)
    controller.flags = {REGION_WIDE: frozenset({US})}
    assert all(flags == {REGION_WIDE: frozenset({US})} for flags in controller.play(60))


@pytest.mark.parametrize("size", [3, 25, 500])
def test_policies_that_learn_a_new_address_one_by_one_flag_nobody(size: int) -> None:
    names = named(size)
    config = config_of(names)
    order = random.Random(size).sample(names, size)
    learned = {name: 1 + number * 20 // size for number, name in enumerate(order)}
    controller = Controller(config, lambda round, name: round < learned[name], started=0)
    assert not any(controller.play(60))


def test_after_its_first_good_answers_a_controller_flags_in_the_third_round() -> None:
    for size in SIZES:
        controller = Controller(config_of(named(size)), lambda round, name: round > 2, started=0)
        assert [bool(flags) for flags in controller.play(5)] == [False] * 4 + [True], size


def test_one_company_more_or_less_decides_nothing_alone() -> None:
    for size in range(2, 60):
        for failed in range(size):
            answers = [False] * failed + [True] * (size - failed)
            if most_fail(answers):
                assert failed * 2 > size, "more than half"
                without = answers[1:]
                assert without.count(False) * 2 > len(without), "without any one of them, too"


def test_a_confirmation_that_cannot_be_asked_refutes_nothing() -> None:
    config = config_of(named(500))
    survey = Survey(started=-1000.0)
    wanted = survey.ask(config, 0.0)
    answers = {US: dict.fromkeys(wanted[US], False)}
    survey.ask_also(config, answers)
    _, findings = survey.count(config, answers)
    assert findings.refuted == frozenset()
