"""Plays every situation and writes what comes of it: `python -m tests.controller.splitbrain`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from plan.records import RoutingPolicy
from tests.controller.chaos import longest_shut
from tests.controller.failovers import HEALTHY, UNHEALTHY
from tests.controller.others import PARTS, SEVERAL_REGIONS, THREE_CLUSTERS
from tests.controller.simulation import Moment, Simulation
from tests.controller.situations import ACTIVE, NEVER, Situation

PAGE = Path(__file__).resolve().parents[2] / "docs" / "splitbrain.md"
SEEDS = range(6)
CALM, FAULT, HEALED = 60, 240, 240
"""Seconds before the fault, of the fault, and after it."""

CHAPTERS: Mapping[str, Sequence[Situation]] = {
    "Two active regions: `latency`, `weighted`, `geo` (k8gb: round robin, weighted, GeoIP)": ACTIVE,
    "`failover`, the primary healthy": HEALTHY,
    "`failover`, the primary's workloads dead": UNHEALTHY,
    "Three clusters": THREE_CLUSTERS,
    "A cluster with two regions (us-east-1, us-west-2), and one with one": SEVERAL_REGIONS,
    "Edges, controllers, workloads; two clusters": PARTS,
}


HISTORIES = range(60)
"""Seeds of the random ones."""


@dataclass(frozen=True)
class Outcome:
    """What came of a situation: the end of the fault, and how many seconds things took."""

    flags: Mapping[str, frozenset[str]]
    answering: Mapping[RoutingPolicy, frozenset[str]]
    flagged: int
    """From the fault until the flags were those of its end."""
    gap: int
    """From the fault until no client was without an answer; NEVER when the fault ended before."""
    lost_again: int
    """Seconds after the fault in which a client had no answer, though all had one at its end."""
    heals: int
    """From the end of the fault until flags and answers were as before."""


@cache
def play(situation: Situation, seed: int) -> Outcome:
    simulation = Simulation(situation.layout, seed=seed, own_edges=situation.own_edges)
    simulation.run(CALM)
    before = simulation.history[-1]
    assert not any(before.flags.values()) and not before.unanswered, f"not calm at first: {before}"
    situation.fault(simulation)
    simulation.run(FAULT, situation.each_second)
    simulation.heal()
    simulation.run(HEALED)
    during, after = simulation.history[CALM : CALM + FAULT], simulation.history[CALM + FAULT :]
    end = during[-1]

    def unanswered(moment: Moment) -> bool:
        return any(policy in situation.policies for policy, _ in moment.unanswered)

    return Outcome(
        flags={cluster: end.flagged(cluster) for cluster in situation.layout},
        answering={policy: end.answering[policy] for policy in situation.policies},
        flagged=_until(during, lambda moment: moment.flags != end.flags),
        gap=NEVER if unanswered(end) else _until(during, unanswered),
        lost_again=0 if unanswered(end) else sum(map(unanswered, after)),
        heals=_until(after, lambda moment: _state(moment) != _state(before)),
    )


def _state(moment: Moment) -> object:
    return moment.flags, moment.answering, moment.unanswered


def _until(moments: Sequence[Moment], unsettled: Callable[[Moment], bool]) -> int:
    """Seconds until the last unsettled moment has passed."""
    return max((number + 1 for number, moment in enumerate(moments) if unsettled(moment)), default=0)


def expected_answers(situation: Situation) -> dict[RoutingPolicy, frozenset[str]]:
    order = [name for names in situation.layout.values() for name in names]
    first = next(name for name in order if name in situation.answering)
    return {
        policy: frozenset({first} if policy is RoutingPolicy.FAILOVER else situation.answering)
        for policy in situation.policies
    }


HEAD = Path(__file__).with_name("splitbrain_head.md")


def page() -> str:
    head = HEAD.read_text(encoding="utf-8").format(
        plays=len(SEEDS), fault=FAULT, histories=len(HISTORIES), shut=max(map(longest_shut, HISTORIES))
    )
    return "\n".join([head, *(_chapter(title, CHAPTERS[title]) for title in CHAPTERS)])


def _chapter(title: str, situations: Sequence[Situation]) -> str:
    compared = any(situation.k8gb for situation in situations)
    head = ["situation", "counts as failed", "clients go to", "no answer", "flags after", "healed after"]
    rows = [_row(situation, compared=compared) for situation in situations]
    table = [head + ["k8gb's page"] * compared, ["---"] * (len(head) + compared), *rows]
    lines = [f"| {' | '.join(cells)} |" for cells in table]
    return "\n".join([f"## {title}", "", *lines, ""])


def _row(situation: Situation, *, compared: bool) -> list[str]:
    outcomes = [play(situation, seed) for seed in SEEDS]
    end = outcomes[0]
    return [
        situation.title,
        _flags(end.flags),
        _answers(end.answering),
        _seconds(max(outcome.gap for outcome in outcomes)),
        _seconds(max(outcome.flagged for outcome in outcomes)),
        _seconds(max(outcome.heals for outcome in outcomes)),
    ] + [situation.k8gb or "–"] * compared


def _flags(flags: Mapping[str, frozenset[str]]) -> str:
    parts = [f"in `{cluster}`: {', '.join(sorted(regions))}" for cluster, regions in flags.items() if regions]
    return "; ".join(parts) or "nobody"


def _answers(answering: Mapping[RoutingPolicy, frozenset[str]]) -> str:
    spread = {
        ", ".join(sorted(answer))
        for policy, answer in answering.items()
        if policy is not RoutingPolicy.FAILOVER
    }
    first = answering.get(RoutingPolicy.FAILOVER)
    parts = [*sorted(spread), *([f"`failover`: {', '.join(sorted(first))}"] if first else [])]
    return "; ".join(parts) if spread else parts[0].partition(": ")[2]


def _seconds(seconds: int) -> str:
    return "all the time" if seconds >= NEVER else f"{seconds} s" if seconds else "–"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
