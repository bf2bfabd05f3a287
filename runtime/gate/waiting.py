"""A region that does not serve: it keeps the serving region's newest memory beside its own, and changes
over to it."""

from __future__ import annotations

from dataclasses import replace

from runtime.gate.keeping import Keeper
from runtime.gate.memory import State
from runtime.gate.roles import Role
from runtime.gate.serving import SWAP_SECONDS
from runtime.gate.settings import GateSettings
from runtime.gate.sources import Found
from runtime.gate.store import StoreError
from runtime.gate.taking import build
from runtime.gate.winners import Winners


class Waiting:
    """The rounds of a gate whose region stands by."""

    def __init__(self, keeper: Keeper, winners: Winners) -> None:
        self._keeper = keeper
        self._winners = winners
        self._next_look = 0.0
        self._alarm: str | None = None
        self._told: str | None = None

    def round(self, settings: GateSettings, *, just_left: bool) -> None:
        """`just_left`: the region served until now, caught up. Raises Interrupted and OSError."""
        keeper = self._keeper
        if just_left or keeper.clock() >= self._next_look:
            # First comes the copy that the next region waits for.
            self._next_look = keeper.clock() + (0 if just_left else settings.sync_interval)
            try:
                state = self._hand_over(settings, keeper.state(settings))
                if not just_left:
                    self._follow(settings, state)
                self._told = None
            except StoreError as error:
                self._tell("FollowingFailed", f"the other regions' memories cannot be looked at: {error}")
        keeper.say(alarm=self._alarm)

    def _hand_over(self, settings: GateSettings, state: State) -> State:
        """What was written while the region served was rightful, though no pass has seen it yet."""
        if not state.serving:
            return state
        state = replace(self._keeper.raise_for_changes(settings, state), serving=False)
        self._keeper.save(state)
        return state

    def _follow(self, settings: GateSettings, state: State) -> None:
        keeper = self._keeper
        look = self._winners.idle(settings)
        if settings.region in look.errors and not look.listed:
            raise look.errors[settings.region]
        seen = max(state.seen, look.highest)
        state = replace(state, seen=seen, ranked=settings.ranked)
        keeper.save(state)
        self._judge(settings, state)
        for found in self._winners.of(settings, Role.STANDBY, state, look):
            if self._use(settings, state, found):
                return

    def _judge(self, settings: GateSettings, state: State) -> None:
        """A memory that was written to though the region never served is nobody's to take away, but it is
        wrong."""
        alarm = None
        if not state.served and self._keeper.changed(state):
            told = "stands by, but its memory was written to: it does not follow until it serves"
            alarm = f"{settings.region} {told}"
        if alarm is not None and self._alarm is None:
            self._keeper.parts.record("StandbyWritten", alarm, warning=True)
        elif alarm is None and self._alarm is not None:
            self._keeper.parts.record(
                "StandbyClean", "the memory is again what was taken from the serving region"
            )
        self._alarm = alarm

    def _use(self, settings: GateSettings, state: State, found: Found) -> bool:
        """Keep it beside the memory; change over when it is time. False when it cannot be had."""
        now = self._keeper.clock()
        early = state.swapped_at is not None and 0 <= now - state.swapped_at < SWAP_SECONDS
        if self._alarm is not None or early:
            return build(self._keeper.parts, found)
        return self._keeper.take(settings, state, found)

    def _tell(self, reason: str, message: str) -> None:
        if message != self._told:
            self._told = message
            self._keeper.parts.record(reason, message, warning=True)
