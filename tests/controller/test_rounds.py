"""A whole round on pretended replies: who is asked, what is left out, what pages and metrics say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from runtime.controller.config import SAMPLE_SIZE, ControllerConfig
from runtime.controller.probes import Reply, Target
from runtime.controller.rounds import Rounds
from runtime.controller.server import Pages
from runtime.controller.status import StatusReport
from runtime.controller.survey import CONFIRMATION_SIZE, IN_TURN, Survey
from runtime.metrics import Metrics
from tests.controller.test_survey import US, config_of, named

OK, DOWN, UNASKED = Reply(200), Reply(0, error="no answer"), Reply(0, error="no address", unasked=True)


@dataclass
class FakeProber:
    reply: Callable[[str], Reply]
    """By company."""
    asked: list[set[str]] = field(default_factory=list)

    def ask(self, targets: Iterable[Target], timeout: float, largest: int = 0) -> dict[Target, Reply]:
        replies = {target: self.reply(target.host.split(".")[1]) for target in targets}
        self.asked.append({target.host.split(".")[1] for target in replies})
        return replies


def rounds_of(reply: Callable[[str], Reply], *, started: float = -1e6) -> tuple[Rounds, FakeProber]:
    current = SimpleNamespace(flags={})
    actions: Any = SimpleNamespace(
        start_reading=lambda: None,
        wait_for_reading=lambda limit: None,
        act=lambda *_: None,
        system=SimpleNamespace(current=current, problem=""),
        tenants=SimpleNamespace(pending=lambda: 0, problems=dict),
    )
    prober: Any = FakeProber(reply)
    rounds = Rounds(prober=prober, actions=actions, metrics=Metrics(), survey=Survey(started=started))
    return rounds, prober


def config() -> ControllerConfig:
    return ControllerConfig(**{**config_of(named(500)).__dict__, "peers": {}})


def serving(rounds: Rounds) -> bool:
    assert rounds.observed is not None
    return rounds.observed.page.regions[US].serving


def gauge(rounds: Rounds, name: str) -> float | None:
    lease: Any = SimpleNamespace(held=lambda: True)
    report = StatusReport(observed=rounds.observed, actions=rounds.actions, lease=lease, config_problem="")
    return report.gauges().value(f"agency_controller_{name}", region=US)


def test_a_round_in_which_all_answer_asks_the_sample_and_some_of_the_others() -> None:
    rounds, prober = rounds_of(lambda name: OK)
    rounds.run(config())
    assert [len(each) for each in prober.asked] == [SAMPLE_SIZE + IN_TURN]
    assert serving(rounds) and gauge(rounds, "sample_disagrees") == gauge(rounds, "unknown") == 0


def test_a_sample_that_fails_alone_is_refuted_in_the_same_round_and_in_one_go_afterwards() -> None:
    found = config()
    sample = set(found.samples[US])
    rounds, prober = rounds_of(lambda name: DOWN if name in sample else OK)
    for _ in range(3):
        rounds.run(found)
        assert serving(rounds) and gauge(rounds, "sample_disagrees") == 1
    first, more, *later = prober.asked
    assert sample < first and not first & more
    assert CONFIRMATION_SIZE - SAMPLE_SIZE - IN_TURN <= len(more) <= CONFIRMATION_SIZE
    assert len(later) == 2 and later[0] & set(found.companies) != later[1], "drawn anew"


@pytest.mark.parametrize("others", [DOWN, UNASKED], ids=["all are down", "DNS is away, too"])
def test_a_region_that_dies_does_not_serve_whether_others_can_be_looked_up_or_not(others: Reply) -> None:
    found = config()
    sample = set(found.samples[US])
    rounds, _ = rounds_of(lambda name: DOWN if name in sample else others)
    rounds.run(found)
    assert not serving(rounds) and gauge(rounds, "sample_disagrees") == 0


def test_names_that_nobody_looked_up_yet_are_no_evidence() -> None:
    found = config()
    sample, slow = set(found.samples[US]), set(found.shared[US][-200:])
    rounds, _ = rounds_of(lambda name: DOWN if name in sample else UNASKED if name in slow else OK)
    rounds.run(found)
    assert serving(rounds)


def test_a_new_replica_is_ready_with_the_first_good_answers_and_says_nothing_before() -> None:
    replies = {"now": DOWN}
    rounds, _ = rounds_of(lambda name: replies["now"], started=float("inf"))
    known: Any = {"lease": None, "config": SimpleNamespace(problem="")}
    pages = Pages(rounds=rounds, actions=rounds.actions, metrics=rounds.metrics, started=0.0, **known)
    rounds.run(config())
    assert (pages.inside("/ready").status, serving(rounds), gauge(rounds, "unknown")) == (503, True, 1)
    replies["now"] = OK
    rounds.run(config())
    assert (pages.inside("/ready").status, serving(rounds), gauge(rounds, "unknown")) == (200, True, 0)
    replies["now"] = DOWN
    rounds.run(config())
    assert (pages.inside("/ready").status, serving(rounds)) == (200, False)
