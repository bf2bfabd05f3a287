"""What a gate does with its memory, whatever the role: knows its state, copies it, exchanges it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from runtime.gate.checkpoint import SERVING, Base, Checkpoint
from runtime.gate.copier import PassResult
from runtime.gate.diverged import send
from runtime.gate.memory import LINE, TAKEN, State, point, write_checkpoint
from runtime.gate.settings import GateSettings
from runtime.gate.sources import Found
from runtime.gate.store import StoreError
from runtime.gate.swap import Swapped
from runtime.gate.taking import Parts, build, changed, exchange, state_after
from runtime.metrics import Metrics

REPEAT_SECONDS = 120.0
"""How long a memory that was tampered with is asked for."""


class Copier(Protocol):
    def run(self, *, generation: int, base: Base | None) -> PassResult: ...


@dataclass(frozen=True, kw_only=True)
class Following:
    """Where the memory stands, for readiness, health and metrics."""

    ready: bool
    """Whether a pod of the role that `step` was last told may serve, as far as the memory goes."""
    reason: str | None
    """Why not."""
    swapping: bool = False
    catching_up: bool = False
    alarm: str | None = None
    """What somebody has to look at."""


class Keeper:
    """The memory of one volume. All but `now` belongs to one thread."""

    def __init__(
        self,
        parts: Parts,
        copiers: Callable[[GateSettings], Copier],
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self.parts = parts
        self.clock = clock
        self.metrics = metrics
        self._copiers = copiers
        self._repeating_since: float | None = None
        self._begun = False
        self.now = Following(ready=False, reason="the gate has not looked at the memory yet")

    def say(
        self,
        *,
        ready: bool = True,
        reason: str | None = None,
        catching_up: bool = False,
        alarm: str | None = None,
    ) -> None:
        """What holds from now on."""
        self.now = Following(ready=ready, reason=reason, catching_up=catching_up, alarm=alarm)

    def state(self, settings: GateSettings) -> State:
        """Raises StoreError while only the bucket could tell, OSError, and ValueError when the file is
        damaged."""
        return self.parts.memory.load() or self._adopt(settings)

    def save(self, state: State) -> None:
        if state != self.parts.memory.load():
            self.parts.memory.save(state)

    def changed(self, state: State) -> bool:
        """Whether something was written here that no checkpoint of this memory has."""
        memory = self.parts.memory
        return changed(self.parts.volume, (memory.line() if state.raised else None) or memory.taken())

    def go_on(self) -> None:
        """Finish an exchange that was broken off. Raises OSError."""
        if self.parts.swap.unfinished or not self._begun:
            self._begun = True
            self._placing(self.parts.swap.placing)
            self.parts.swap.place()
            self._placing(False)
            self._swapped(self.parts.swap.settle())

    def repeat(self, settings: GateSettings) -> bool:
        """Take a memory once more that the application changed in the middle of its exchange. Returns whether
        that is still to be done: until then nobody may serve. Raises Interrupted and OSError."""
        swap, memory = self.parts.swap, self.parts.memory
        taken = memory.taken()
        if not swap.tampered or taken is None:
            return False
        self.say(
            ready=False, reason="the memory is taken once more: the application wrote while it was exchanged"
        )
        state = self.state(settings)
        self._repeating_since = self._repeating_since or self.clock()
        buckets = tuple(dict.fromkeys([settings.region, taken.region, *settings.buckets]))
        if self.take(settings, state, Found(checkpoint=taken, buckets=buckets), after=state):
            return swap.tampered
        if self.clock() - self._repeating_since < REPEAT_SECONDS:
            return True
        # Without a base it descends from nothing: no region drops what it has for the sake of this memory.
        memory.save(replace(state, base=None))
        swap.forgive()
        self._repeating_since = None
        self.parts.record("TamperedKept", "no bucket gives the memory again: it stays as it is", warning=True)
        return False

    def own(self, settings: GateSettings) -> None:
        """The memory follows nobody's, and is always written to rightfully."""
        if (state := self.parts.memory.load()) is not None:
            self.save(replace(state, serving=True, served=True, ranked=settings.ranked))
        self.say()

    def copy(self, settings: GateSettings, *, rightful: bool) -> PassResult | None:
        """A pass. `rightful`: this region serves, so what is new here raises the generation.

        None while the memory is not whole. Raises what Copier.run does.
        """
        if self.parts.swap.placing:
            return None
        # First: until it is in the bucket, the newest checkpoint there is still that of the memory that
        # diverged, and should this volume be lost, restore sets aside what that one holds.
        self.send_diverged(settings)
        state = self.state(settings)
        if rightful:
            state = self.raise_for_changes(settings, state)
        result = self._copiers(settings).run(generation=state.generation, base=state.base)
        if result.checkpoint is not None:
            write_checkpoint(self.parts.memory.folder / LINE, result.checkpoint)
        if not rightful and result.guarded is None:
            self._withdraw(settings)
        return result

    def announce(self, settings: GateSettings) -> None:
        """Say in the own bucket that this region serves: who serves next waits for its last copy.

        Raises StoreError.
        """
        state = self.state(settings)
        if not state.announced:
            self.parts.stores(settings.region, settings.region).put(SERVING, b"")
            self.save(replace(state, announced=True))

    def _withdraw(self, settings: GateSettings) -> None:
        """What `announce` said: all that was written meanwhile is copied. Raises StoreError."""
        state = self.state(settings)
        if state.announced:
            self.parts.stores(settings.region, settings.region).delete([SERVING])
            self.save(replace(state, announced=False))

    def raise_for_changes(self, settings: GateSettings, state: State) -> State:
        """What is written by the region that serves is a memory of its own from then on; it says so before
        it is copied."""
        if state.raised or not self.changed(state):
            return state
        base = state.base
        if settings.follows or (base is not None and base.checkpoint.generation == state.generation):
            state = state.raise_generation()
            told = f"what is written in {settings.region} is generation {state.generation} from now on"
            self.parts.record("GenerationRaised", told)
        else:
            state = replace(state, raised=True, served=True)
        self.parts.memory.save(state)
        return state

    def take(
        self,
        settings: GateSettings,
        state: State,
        found: Found,
        after: State | None = None,
        timeout: float | None = None,
    ) -> bool:
        """Make another memory this volume's; False (and recorded) when no bucket gives it.

        What was written here and is not copied yet is copied first, if that is possible; what the other
        memory does not hold is set aside in any case. `after`: its state; that of a follower, if not given.
        `timeout`: in seconds, of each operation on a bucket.
        """
        checkpoint = found.checkpoint
        if not build(self.parts, found, timeout):
            return False
        if self.changed(state) and not self.parts.swap.tampered:
            try:
                self.copy(settings, rightful=False)
            except (StoreError, OSError) as error:
                told = f"what is here could not be copied before it is set aside on the volume: {error}"
                self.parts.record("CopyBeforeSwapFailed", told, warning=True)
            state = self.state(settings)
        after = after or state_after(settings, state, checkpoint, clock=self.clock)
        swapped = exchange(self.parts, settings, state, checkpoint, after, placing=self._placing)
        if swapped is None:
            self.parts.record("MemoryIsTheSame", f"as {_named(checkpoint)}: nothing had to be exchanged")
        self._swapped(swapped)
        return True

    def send_diverged(self, settings: GateSettings) -> None:
        """Store what was set aside in the own bucket. Raises StoreError; it is tried again then."""
        state = self.state(settings)
        for name in state.unsent:
            files = send(self.parts.volume.root, name, self.parts.stores(settings.region, settings.region))
            state = replace(state, unsent=tuple(left for left in state.unsent if left != name))
            self.save(state)
            self.parts.record("DivergedStored", f"diverged/{name} with {files} files is in the bucket, too")

    def _placing(self, placing: bool) -> None:
        reason = "the memory is being exchanged" if placing else self.now.reason
        self.now = replace(self.now, swapping=placing, ready=self.now.ready and not placing, reason=reason)
        self.metrics.set("agency_swapping", int(placing), "1 while the memory is being exchanged.")

    def _swapped(self, swapped: Swapped | None) -> None:
        if swapped is None:
            return
        self.metrics.add("agency_swaps_total", 1, _SWAPS_HELP)
        taken = self.parts.memory.taken()
        self.parts.record(
            "MemorySwapped", f"the memory is {_named(taken)}" if taken else "the memory was exchanged"
        )
        for name in swapped.aside:
            self.metrics.add("agency_diverged_total", 1, _DIVERGED_HELP)
            told = f"what the winning memory does not hold is in diverged/{name}, here and in the bucket"
            self.parts.record("Diverged", told, warning=True)
        if swapped.tampered:
            told = "the application wrote in the middle of the exchange: the memory is taken once more"
            self.parts.record("MemoryTampered", told, warning=True)

    def _adopt(self, settings: GateSettings) -> State:
        """The state of a volume that has none: it stands on the own bucket's newest checkpoint."""
        own = settings.region
        look = self.parts.sources.look([(own, own)], own=own)
        if own in look.errors:
            raise look.errors[own]
        state = State(generation=look.highest, seen=look.highest, announced=True, ranked=settings.ranked)
        if (found := look.found.get(own)) is not None and not self.parts.volume.empty():
            write_checkpoint(self.parts.memory.folder / TAKEN, found.checkpoint)
            state = replace(state, base=point(found.checkpoint))
        self.parts.memory.save(state)
        return state


def _named(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.region}'s checkpoint {checkpoint.id}"


_SWAPS_HELP = "Times that the memory was exchanged for another."
_DIVERGED_HELP = "Folders of memory that were set aside below diverged/."
