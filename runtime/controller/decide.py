"""Which regions count as failed: a pure function of what was seen, so that every replica decides alike.

A region is failed when it did not serve for `failureThreshold` rounds in a row while another one, which this
cluster itself reaches and which is not flagged, here or in its own cluster, served in this round and the one
before: nothing is ever failed in favour of nothing. A round in which nothing serves anywhere is the prober's
own trouble and counts for nothing. A region of this cluster whose workloads answer, but which the others do
not reach, first says on its health path that it has failed, and is flagged DRAIN_SECONDS later: else its
clients would find it closed before DNS has led them elsewhere.

It is cleared when it served for `recoveryThreshold` rounds in a row; each time it was failed within the last
HOLD_DOWN_WINDOW rounds, after the first, doubles that, up to HOLD_DOWN_LIMIT times. A region of this cluster
whose workloads answer is cleared at once when no other was there to serve in this round and the one before.

A region that serves is thus cleared after at most `recovery_bound` rounds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from runtime.controller.config import ControllerConfig
from runtime.controller.votes import REGION_WIDE, Evidence, Flags

HOLD_DOWN_WINDOW = 60
"""Rounds: five minutes by default."""
HOLD_DOWN_LIMIT = 8
DRAIN_SECONDS = 60
"""What clients need to leave: a check of 10 s, an answer's 20 s in resolvers, and the same again."""


@dataclass(frozen=True, kw_only=True)
class Track:
    """The history of one region in one scope."""

    bad: int = 0
    """Rounds in a row in which it did not serve."""
    good: int = 0
    """Rounds in a row in which it served."""
    dead: int = 0
    """Rounds in a row in which none of its workloads answered, in its own cluster."""
    available: bool | None = None
    """Whether the region could take clients in the last round: it served, was reached, and was not
    flagged."""
    flagged: bool | None = None
    """Last round; None before the first."""
    failed: tuple[int, ...] = ()
    """The rounds in which it was seen to become flagged, within the window."""
    asked: int = 0
    """Rounds of serving that were asked for, last round; 0 while it is not flagged."""


_NEW = Track()


@dataclass(frozen=True, kw_only=True)
class Counters:
    """What a replica remembers between rounds. A new one begins with `Counters()`."""

    round: int = 0
    tracks: Mapping[tuple[str, str], Track] = field(default_factory=dict)
    """By scope and region."""


@dataclass(frozen=True, kw_only=True, order=True)
class Change:
    scope: str
    region: str
    failed: bool
    """True: to be flagged. False: to be cleared."""
    reason: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    counters: Counters
    changes: tuple[Change, ...]
    """Sorted. The leader carries them out; they come again each round until they are in force."""
    flags: Flags
    """Those in force with the changes."""
    unhealthy: Flags
    """Regions of this cluster whose health path answers 503 besides the flagged ones: those that are about
    to be flagged, and those in which nothing at all answered for `failureThreshold` rounds, even where no
    other region is known to serve. Route53 may know one; if it does not, it treats all unhealthy regions
    as healthy.
    """


def recovery_bound(config: ControllerConfig) -> int:
    """Rounds of serving after which a region is certainly cleared."""
    longest = config.recovery_threshold * HOLD_DOWN_LIMIT
    return min(longest, max(config.recovery_threshold, HOLD_DOWN_WINDOW + 1))


def decide(
    config: ControllerConfig,
    counters: Counters,
    evidence: Mapping[str, Mapping[str, Evidence]],
    flags: Flags,
) -> Decision:
    """One round. `flags` are those in force, whoever set them."""
    scopes = {
        scope: _Scope(config, counters, scope, evidence.get(scope, {}), flags.get(scope, frozenset()))
        for scope in sorted({*evidence, *flags, REGION_WIDE})
    }
    changes = tuple(sorted(change for scope in scopes.values() for change in scope.changes()))
    return Decision(
        counters=Counters(
            round=counters.round + 1,
            tracks={
                (name, region): track
                for name, scope in scopes.items()
                for region, track in scope.tracks.items()
            },
        ),
        changes=changes,
        flags=apply(flags, changes),
        unhealthy={
            name: frozenset(region for region in config.regions if scope.is_unhealthy(region))
            for name, scope in scopes.items()
        },
    )


def apply(flags: Flags, changes: Iterable[Change]) -> Flags:
    """Flags after changes; scopes without any are left out."""
    after = {scope: set(regions) for scope, regions in flags.items()}
    for change in changes:
        regions = after.setdefault(change.scope, set())
        (regions.add if change.failed else regions.discard)(change.region)
    return {scope: frozenset(regions) for scope, regions in sorted(after.items()) if regions}


def tenant_flags(config: ControllerConfig, namespace: str, flags: Flags) -> frozenset[str]:
    """What stands in a company's own `failed-regions`: never all of its regions.

    A dedicated company has flags of its own instead of the region's: it was asked itself, and what becomes of
    the others in a region does not move it.
    """
    company = config.companies[namespace]
    scope = namespace if company.dedicated else REGION_WIDE
    flagged = flags.get(scope, frozenset()).intersection(company.regions)
    return frozenset() if flagged.issuperset(company.regions) else flagged


class _Scope:
    """One scope in one round."""

    def __init__(
        self,
        config: ControllerConfig,
        counters: Counters,
        scope: str,
        evidence: Mapping[str, Evidence],
        flags: frozenset[str],
    ) -> None:
        self._settings = config
        self._scope = scope
        self._evidence = evidence
        self._flags = flags
        self._round = counters.round + 1
        self._isolated = not any(seen.serving for seen in evidence.values())
        self._before = {region: counters.tracks.get((scope, region), _NEW) for region in sorted(evidence)}
        self.tracks = {region: self._track(region) for region in sorted(evidence)}
        for region in sorted(flags & self.tracks.keys()):
            self.tracks[region] = replace(self.tracks[region], asked=self._needed(region))

    def changes(self) -> Iterable[Change]:
        for region in sorted(self._flags - self.tracks.keys()):
            yield self._change(region, failed=False, reason="it is no longer one of the regions asked about")
        for region in self.tracks:
            if region in self._flags:
                if reason := self._why_clear(region):
                    yield self._change(region, failed=False, reason=reason)
            elif reason := self._why_fail(region):
                yield self._change(region, failed=True, reason=reason)

    def is_unhealthy(self, region: str) -> bool:
        dead = self.tracks.get(region, _NEW).dead >= self._settings.failure_threshold
        return dead or (region in self.tracks and self._fails(region))

    def _change(self, region: str, *, failed: bool, reason: str) -> Change:
        return Change(scope=self._scope, region=region, failed=failed, reason=reason)

    def _track(self, region: str) -> Track:
        last, seen, flagged = self._before[region], self._evidence[region], region in self._flags
        if last.flagged is not None and last.flagged is not flagged:
            # Whoever changed it: what comes next needs evidence of its own.
            last = replace(last, bad=0, good=0)
        track = replace(
            last,
            dead=last.dead + 1 if seen.dead else 0,
            available=bool(seen.serving) and seen.reached and not flagged and not seen.flagged_by_its_cluster,
            flagged=flagged,
            asked=0,
            failed=tuple(
                at
                for at in (*last.failed, *([self._round] if flagged and last.flagged is False else ()))
                if at > self._round - HOLD_DOWN_WINDOW
            ),
        )
        if self._isolated or seen.serving is None:
            return track
        if seen.serving:
            return replace(track, good=last.good + 1, bad=0)
        bad = last.bad + 1
        return replace(track, bad=bad if seen.failing is None else min(bad, seen.failing), good=0)

    def _why_fail(self, region: str) -> str | None:
        bad, seen = self.tracks[region].bad, self._evidence[region]
        drain = math.ceil(DRAIN_SECONDS / self._settings.interval_seconds) if seen.open else 0
        if not self._fails(region) or bad < self._settings.failure_threshold + drain:
            return None
        others = ", ".join(name for name in self.tracks if name != region and self._was_available(name))
        return f"it did not serve for {bad} rounds; {others} did in the last two"

    def _fails(self, region: str) -> bool:
        """Whether it may be given up: with the evidence for it, and in favour of another."""
        return (
            self._evidence[region].serving is False
            and self.tracks[region].bad >= self._settings.failure_threshold
            and any(self._was_available(name) for name in self.tracks if name != region)
        )

    def _why_clear(self, region: str) -> str | None:
        track, seen = self.tracks[region], self._evidence[region]
        if seen.alive and all(self._is_gone(name) for name in self.tracks if name != region):
            return "its workloads answer, and no other region was seen to serve in the last two rounds"
        if seen.serving and track.good >= track.asked:
            # They become fewer when an earlier failure has left the window.
            asked = max(track.asked, min(track.good, self._before[region].asked))
            return cleared_reason(track.good, asked)
        return None

    def _needed(self, region: str) -> int:
        """Rounds of serving. Held down only while another region is there to serve meanwhile."""
        threshold = self._settings.recovery_threshold
        if not any(self._was_available(name) for name in self.tracks if name != region):
            return threshold
        flaps = max(0, len(self.tracks[region].failed) - 1)
        return threshold * min(HOLD_DOWN_LIMIT, 1 << flaps)

    def _was_available(self, region: str) -> bool:
        """It was there to serve in this round and in the one before."""
        return bool(self.tracks[region].available and self._before[region].available)

    def _is_gone(self, region: str) -> bool:
        """It was not there to serve in this round nor in the one before; a first round proves nothing."""
        return self.tracks[region].available is False and self._before[region].available is False


def cleared_reason(served: int, required: int) -> str:
    return f"it served for {served} rounds in a row, {required} were asked for"


def required_rounds(reason: str) -> int | None:
    """The number in a `cleared_reason`, None for any other reason. The Event is its only carrier."""
    found = re.fullmatch(r"it served for \d+ rounds in a row, (\d+) were asked for", reason)
    return int(found[1]) if found else None
