"""Random histories of what controllers see, and replicas that decide on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import hypothesis
from hypothesis import strategies as st

from runtime.contracts.controller import Company
from runtime.controller.config import ControllerConfig
from runtime.controller.decide import Change, Counters, Decision, apply, decide
from runtime.controller.votes import REGION_WIDE, Evidence, Flags

untimed = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
"""A busy machine is no fault."""

NAMES = ("us-east-1", "us-east-10", "eu-west-1", "ap-southeast-2", "sa-east-1")
Seen = Mapping[str, Mapping[str, Evidence]]


def settings_of(
    own: tuple[str, ...], everywhere: tuple[str, ...], failure: int = 3, recovery: int = 3
) -> ControllerConfig:
    return ControllerConfig(
        cluster="here",
        regions=own,
        all=everywhere,
        peers={},
        companies={"big": Company(regions=everywhere, dedicated=True), "small": Company(regions=everywhere)},
        failure_threshold=failure,
        recovery_threshold=recovery,
    )


@st.composite
def settings(draw: st.DrawFn) -> ControllerConfig:
    everywhere = NAMES[: draw(st.integers(2, 5))]
    own = tuple(sorted(draw(st.sets(st.sampled_from(everywhere), min_size=1))))
    return settings_of(own, everywhere, draw(st.integers(1, 4)), draw(st.integers(1, 4)))


def evidence(
    config: ControllerConfig, region: str, serving: bool | None, *, by_its_cluster: bool = False
) -> Evidence:
    """As votes would have it: of the own regions' workloads one knows more than whether they serve."""
    mine = region in config.regions
    return Evidence(
        serving=serving,
        flagged_by_its_cluster=by_its_cluster,
        alive=mine and serving is not False,
        dead=mine and serving is False,
    )


def _round(config: ControllerConfig, drawn: bytes) -> dict[str, Evidence]:
    """One round of one scope, a byte a region: cheap to draw, and it shrinks to regions that serve."""
    return {region: _one(config, region, byte) for region, byte in zip(config.all, drawn, strict=False)}


def _one(config: ControllerConfig, region: str, byte: int) -> Evidence:
    serving = (True, True, False, False, None)[byte % 5]
    odd = byte // 5 % 10
    if serving is False and odd > 5:
        if region in config.regions:
            return Evidence(serving=False, alive=True, open=True)
        return Evidence(serving=False, failing=odd - 5)
    return replace(evidence(config, region, serving), flagged_by_its_cluster=odd == 1, reached=odd != 2)


@st.composite
def histories(draw: st.DrawFn, config: ControllerConfig, most: int = 40) -> list[Seen]:
    """Rounds that mostly go on as they were, so that thresholds are reached."""
    size = len(config.all)
    rounds = st.binary(min_size=2 * size, max_size=2 * size)
    history: list[Seen] = []
    for drawn, times in draw(
        st.lists(st.tuples(rounds, st.integers(1, 8)), min_size=1, max_size=max(1, most // 3))
    ):
        seen = {REGION_WIDE: _round(config, drawn), "big": _round(config, drawn[size:])}
        history += [seen] * times
    return history[:most]


@dataclass
class Cluster:
    """Replicas that each see every round; one leads in each, and any may lose its counters between two."""

    config: ControllerConfig
    replicas: int = 1
    flags: Flags = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    flagged: list[Flags] = field(default_factory=list)
    """The flags in force at the beginning of each round."""
    log: list[tuple[int, Change, int]] = field(default_factory=list)
    """Round, change, and how many rounds its replica had seen."""

    def __post_init__(self) -> None:
        self._counters = [Counters() for _ in range(self.replicas)]

    def restart(self, replica: int) -> None:
        self._counters[replica] = Counters()

    def play(self, seen: Seen, leader: int = 0) -> Decision:
        self.seen.append(seen)
        self.flagged.append(self.flags)
        decisions = [decide(self.config, counters, seen, self.flags) for counters in self._counters]
        self._counters = [decision.counters for decision in decisions]
        led = decisions[leader]
        self.log += [(len(self.seen), change, led.counters.round) for change in led.changes]
        self.flags = apply(self.flags, led.changes)
        return led

    def last(self, scope: str, region: str, rounds: int) -> list[bool]:
        """What those of the last `rounds` rounds that said something said, newest first."""
        said = []
        for seen in self.seen[::-1][:rounds]:
            somebody = any(each.serving for each in seen[scope].values())
            if somebody and (serving := seen[scope][region].serving) is not None:
                said.append(serving)
        return said

    def availability(self, scope: str, region: str) -> list[bool]:
        """For each of the last two rounds: it served, within reach, and was flagged neither here nor by
        its own cluster.
        """
        return [
            bool(seen[scope][region].serving)
            and seen[scope][region].reached
            and not seen[scope][region].flagged_by_its_cluster
            and region not in flags.get(scope, frozenset())
            for seen, flags in zip(self.seen[-2:], self.flagged[-2:], strict=True)
        ]
