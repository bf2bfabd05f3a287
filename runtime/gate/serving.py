"""A region that serves: it catches up before it does, and notices when another memory has won meanwhile."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from runtime.gate.choosing import descends
from runtime.gate.keeping import Keeper
from runtime.gate.memory import State, place, point, standing
from runtime.gate.roles import Role
from runtime.gate.settings import GateSettings
from runtime.gate.sources import Found, Look
from runtime.gate.store import StoreError
from runtime.gate.winners import BRIEF_SECONDS, Winners

SWAP_SECONDS = 15 * 60.0
"""Between two exchanges while nothing presses: the kubelet forgets its back-off after ten minutes."""
WAIT_SECONDS = 120.0
"""How long catching up waits while no other region's bucket can be read."""
CLAIM_SECONDS = 120.0
"""How long the first region lets another's newer memory stand before it claims to have served at the same
time: its own flag may be on its way, for a kubelet that was cut off brings it only when it is connected
again and has looked at its volumes, which it does each minute."""
HANDOVER_SECONDS = 60.0
"""How long catching up waits for the last copy of a region that served until now."""
RETRY_SECONDS = 2.0
"""Between two looks while catching up."""


@dataclass
class CatchUp:
    """What is remembered of one catching up."""

    since: float
    next_look: float = 0.0
    unread: set[str] = field(default_factory=set)
    """Flagged regions whose buckets could not be read: they are tried once."""
    reached: bool = False


class Serving:
    """The rounds of a gate whose region serves."""

    def __init__(self, keeper: Keeper, winners: Winners) -> None:
        self._keeper = keeper
        self._winners = winners
        self._catching_up: CatchUp | None = None
        self._next_look = 0.0
        self._announced = False
        self._told: str | None = None
        self._outranked_since: float | None = None
        self.caught_up = False

    def leave(self) -> None:
        """The region does not serve any more."""
        self.caught_up = self._announced = False
        self._catching_up = None
        self._outranked_since = None

    def round(self, settings: GateSettings, flags: Collection[str]) -> None:
        """Raises Interrupted and OSError; errors of S3 are recorded."""
        if not self.caught_up:
            self._catch_up(settings, flags)
        elif self._keeper.clock() >= self._next_look:
            self._next_look = self._keeper.clock() + settings.sync_interval
            self._announced = False
            self._watch(settings)
        if self.caught_up and settings.ranked and not self._announced:
            self._announce(settings)

    def _announce(self, settings: GateSettings) -> None:
        """Once; it is made sure of with each look, for it may have failed."""
        self._announced = True
        try:
            self._keeper.announce(settings)
        except StoreError as error:
            self._tell("Unannounced", f"{settings.region} serves, and its bucket cannot say so yet: {error}")

    def _catch_up(self, settings: GateSettings, flags: Collection[str]) -> None:
        keeper, now = self._keeper, self._keeper.clock()
        if self._catching_up is None:
            self._catching_up = CatchUp(since=now)
            keeper.parts.record(
                "CatchingUp", f"{settings.region} serves: it looks for the newest memory first"
            )
        catching = self._catching_up
        if now < catching.next_look:
            return
        catching.next_look = now + RETRY_SECONDS
        keeper.say(ready=False, reason="catching up with the region that served", catching_up=True)
        state = self._state(settings)
        if state is not None and self._own(settings, state):
            self._done(settings, state)
            return
        look = self._winners.press(settings, flags, catching.unread)
        catching.unread |= set(look.errors) & set(flags)
        catching.reached |= any(region in look.listed for region in settings.follows)
        if self._awaits_handover(flags, look):
            return
        if state is not None and self._take_best(settings, flags, state, look):
            catching.next_look = now  # There may be a newer one by now.
            return
        if not self._must_wait(settings, flags, state, look):
            self._done(settings, state)

    def _awaits_handover(self, flags: Collection[str], look: Look) -> bool:
        """Whether a region that is not flagged serves still, as its bucket has it, and may yet copy more."""
        catching = self._catching_up
        assert catching is not None
        serving = ", ".join(sorted(look.serving.difference(flags)))
        if not serving:
            return False
        if self._keeper.clock() - catching.since < HANDOVER_SECONDS:
            self._tell("HandoverAwaited", f"{serving} has not handed over yet", warning=False)
            return True
        told = f"{serving} has not handed over in {HANDOVER_SECONDS:.0f} s and is not waited for any longer"
        self._tell("HandoverMissed", told)
        return False

    def _state(self, settings: GateSettings) -> State | None:
        try:
            return self._keeper.state(settings)
        except StoreError as error:
            self._tell("StateUnknown", f"what this memory is cannot be told yet: {error}")
            return None

    def _own(self, settings: GateSettings, state: State) -> bool:
        """Whether this memory is the company's, whatever others hold: it served alone until now."""
        if not settings.ranked:
            return state.serving and state.raised
        return False

    def _take_best(self, settings: GateSettings, flags: Collection[str], state: State, look: Look) -> bool:
        if self._claims(settings, state):
            return False
        for found in self._winners.of(settings, Role.SERVING, state, look):
            # A region that is flagged may stop answering in the middle; the next best memory then does.
            timeout = BRIEF_SECONDS if set(found.buckets) & set(flags) else None
            if self._keeper.take(settings, state, found, timeout=timeout):
                return True
        return False

    def _claims(self, settings: GateSettings, state: State) -> bool:
        """Memories did not rank until now, and this region served: its memory is the company's from now
        on."""
        return settings.ranked and not state.ranked and state.serving and state.raised

    def _must_wait(
        self, settings: GateSettings, flags: Collection[str], state: State | None, look: Look
    ) -> bool:
        catching = self._catching_up
        assert catching is not None
        waited = self._keeper.clock() - catching.since
        others = [region for region in settings.follows if region not in flags and region in settings.buckets]
        if state is not None and (catching.reached or not others):
            return False
        if waited < WAIT_SECONDS:
            unread = ", ".join(f"{region}: {error}" for region, error in look.errors.items())
            self._tell("CatchUpWaits", f"no other region's bucket can be read ({unread})")
            return True
        told = (
            f"no other region's bucket could be read for {waited:.0f} s: {settings.region} serves what it has"
        )
        self._keeper.parts.record("CatchUpGaveUp", told, warning=True)
        return False

    def _done(self, settings: GateSettings, state: State | None) -> None:
        if state is not None:
            state = self._keeper.state(settings)
            if self._claims(settings, state):
                state = state.raise_generation()
            self._keeper.save(replace(state, serving=True, served=True, ranked=settings.ranked))
        self.caught_up = True
        self._catching_up = None
        self._told = None
        self._next_look = self._keeper.clock() + settings.sync_interval
        self._keeper.parts.record("CaughtUp", f"{settings.region} has the newest memory that can be reached")
        self._keeper.say()

    def _watch(self, settings: GateSettings) -> None:
        """Another region may have served at the same time, unseen; its memory's generation tells."""
        try:
            state = self._keeper.state(settings)
            look = self._winners.own_bucket(settings)
        except StoreError as error:
            self._tell("StateUnknown", f"what this memory is cannot be told yet: {error}")
            return
        if not (state.serving and state.served):
            state = replace(state, serving=True, served=True, ranked=settings.ranked)
        if look.highest > state.seen:
            state = replace(state, seen=look.highest)
        self._keeper.save(state)
        if settings.ranked and (found := self._winners.of(settings, Role.SERVING, state, look)):
            self._outranked(settings, state, found[0])
        else:
            self._outranked_since = None

    def _outranked(self, settings: GateSettings, state: State, found: Found) -> None:
        parts, there = self._keeper.parts, standing(found.checkpoint)
        if self._outranked_since is None:
            self._outranked_since = self._keeper.clock()
        if self._follows_from_here(state, found):
            if state.swapped_at is None or self._keeper.clock() - state.swapped_at >= SWAP_SECONDS:
                told = f"{there.region} went on with this memory, and nothing was written here since"
                parts.record("Outranked", told, warning=True)
                self.caught_up = False
        elif place(settings.region, settings.order) < place(there.region, settings.order):
            if self._keeper.clock() - self._outranked_since >= CLAIM_SECONDS:
                self._claim(settings, state, there.region)
            else:
                told = f"{there.region} serves too, unless the flag of {settings.region} is on its way"
                self._tell("ServedTwice", told)
        else:
            self._tell("ServedTwice", f"{there.region} serves too; what is written here will be set aside")

    def _claim(self, settings: GateSettings, state: State, other: str) -> None:
        state = state.raise_generation()
        self._keeper.save(state)
        told = f"{other} served at the same time; {settings.region} comes first and wins"
        self._keeper.parts.record("GenerationRaised", f"{told}: generation {state.generation}", warning=True)

    def _follows_from_here(self, state: State, found: Found) -> bool:
        """Whether the other memory has all that this one holds."""
        if self._keeper.changed(state):
            return False
        parts = self._keeper.parts
        here = state.base
        if state.raised:
            line = parts.memory.line()
            here = None if line is None else point(line)
        if here is None:
            return not state.raised and parts.volume.empty()
        return descends(found.checkpoint, here, parts.sources.at)

    def _tell(self, reason: str, message: str, *, warning: bool = True) -> None:
        """Once, until something else is told."""
        if message != self._told:
            self._told = message
            self._keeper.parts.record(reason, message, warning=warning)
