"""Memory follows traffic: what one gate does with its volume's memory, round by round.

For the worker's loop (one thread; everything of a gate's volume happens in it):

    follower = Follower(volume=…, settings=…, stores=…, copiers=…, application=…, record=…, metrics=…)
    following = follower.step(role, flags)     # about once a second; waits by itself between its looks at S3
    result = follower.copy(role)               # when a pass is due; the ONLY caller of Copier.run
    follower.now                               # the latest Following, from any thread
    follower.unfit(role)                       # why `/ready` must say 503 to a pod of that role; any thread

- `settings()` gives the latest GateSettings. `stores(bucket_region, writer, timeout)` gives a Store on that
  region's bucket and the prefix of that writer; `timeout` (seconds, None: the usual) bounds each of its
  operations. `copiers(settings)` gives the Copier of this volume on the own bucket and prefix.
  `record(reason, message, warning=False)` is `steps.record`.
- `step` raises Interrupted (from a Store) when the role changes or a stop is asked for: call it again with
  the new role. It raises OSError (disk full included) when the volume cannot be worked with: report it and
  call again; everything is then as before, or goes on from the journal. Errors of S3 never leave it: they are
  recorded, and it looks again later.
- `copy` gives None when no pass may be made now (a swap is unfinished); else it raises and returns what
  Copier.run does. Call it for the last pass after the application has stopped, too.
- `/ready` reads the flags itself and asks `unfit(role_of(settings, flags))`: a region that has just begun to
  serve is unfit until it has caught up, even before the worker has noticed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from runtime.gate.application import Application
from runtime.gate.copier import PassResult
from runtime.gate.keeping import Copier, Following, Keeper
from runtime.gate.memory import Memory
from runtime.gate.orders import RestoreOrder, read_order
from runtime.gate.roles import Role
from runtime.gate.serving import Serving
from runtime.gate.settings import GateSettings
from runtime.gate.sources import Found, Sources, Stores
from runtime.gate.standby import Standby
from runtime.gate.store import StoreError
from runtime.gate.swap import Swap
from runtime.gate.taking import Parts, Record, state_ordered
from runtime.gate.volume import Volume
from runtime.gate.waiting import Waiting
from runtime.gate.winners import Winners
from runtime.metrics import Metrics

__all__ = ["Follower", "Following"]


class Follower:
    """One gate's following. `step` and `copy` belong to one thread."""

    def __init__(
        self,
        *,
        volume: Volume,
        settings: Callable[[], GateSettings],
        stores: Stores,
        copiers: Callable[[GateSettings], Copier],
        application: Application,
        record: Record,
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock`: seconds since 1970."""
        told = settings()
        swap = Swap(
            volume,
            component=told.component,
            region=told.region,
            application=application,
            replicas=lambda: settings().replicas,
            clock=clock,
        )
        self._parts = Parts(
            volume=volume,
            memory=Memory(volume.root),
            standby=Standby(volume, told.component),
            swap=swap,
            sources=Sources(stores, clock),
            stores=stores,
            record=record,
        )
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._keeper = Keeper(self._parts, copiers, metrics, clock)
        winners = Winners(self._parts, clock)
        self._serving = Serving(self._keeper, winners)
        self._waiting = Waiting(self._keeper, winners)
        self._next_chores = 0.0
        self._told: str | None = None

    @property
    def now(self) -> Following:
        """Where the memory stands, as of the latest step; from any thread."""
        return self._keeper.now

    def unfit(self, role: Role) -> str | None:
        """Why a pod of this role must not serve, as far as the memory goes; from any thread."""
        now = self.now
        if not now.ready:
            return now.reason
        if role is Role.SERVING and self._settings().follows and not self._serving.caught_up:
            return "catching up with the region that served"
        return None

    def step(self, role: Role, flags: Collection[str]) -> Following:
        """One round. Raises Interrupted, OSError, and ValueError for a damaged state."""
        settings = self._settings()
        self._keeper.go_on()
        if self._keeper.repeat(settings):
            return self.now
        if not settings.follows:
            self._serving.leave()
            self._keeper.own(settings)
        elif role is Role.SERVING:
            self._serving.round(settings, flags)
        else:
            just_left = self._serving.caught_up
            self._serving.leave()
            self._waiting.round(settings, just_left=just_left)
        self._chores(settings)
        self._measure()
        return self.now

    def copy(self, role: Role) -> PassResult | None:
        """One pass; None while the memory is not whole. Raises what Copier.run does."""
        settings = self._settings()
        rightful = not settings.follows or (role is Role.SERVING and self._serving.caught_up)
        return self._keeper.copy(settings, rightful=rightful)

    def _chores(self, settings: GateSettings) -> None:
        """What can wait: storing what was set aside, an operator's order."""
        if self._clock() < self._next_chores:
            return
        self._next_chores = self._clock() + settings.sync_interval
        if settings.follows and (age := self._age()) is not None:
            self._metrics.set("agency_standby_age_seconds", age, "How old the newest memory kept here is.")
        try:
            self._keeper.send_diverged(settings)
            order = read_order(self._parts.stores(settings.region, settings.region))
            if order is not None and (not settings.follows or self._serving.caught_up):
                self._obey(settings, order)
            self._told = None
        except StoreError as error:
            if str(error) != self._told:
                self._told = str(error)
                self._parts.record("ChoreFailed", str(error), warning=True)

    def _obey(self, settings: GateSettings, order: RestoreOrder) -> None:
        """Raises StoreError when the checkpoint is not to be had: it is tried again then."""
        state = self._keeper.state(settings)
        if not order.is_new(state.last_order):
            return
        found = self._find(settings, order)
        after = state_ordered(settings, state, found.checkpoint, order.order, self._clock())
        if not self._keeper.take(settings, state, found, after):
            raise StoreError(f"the checkpoint {order.checkpoint} of {order.region} could not be read")
        self._keeper.say()
        told = f"{order.region}'s checkpoint {order.checkpoint} is the memory: generation {after.generation}"
        self._parts.record("Restored", told)

    def _find(self, settings: GateSettings, order: RestoreOrder) -> Found:
        problems = []
        for bucket in dict.fromkeys([settings.region, order.region, *settings.buckets]):
            if bucket not in settings.buckets:
                continue
            try:
                checkpoint = self._parts.sources.checkpoint(bucket, order.region, order.checkpoint)
                missing = self._parts.sources.missing(bucket, checkpoint)
            except StoreError as error:
                problems.append(str(error))
                continue
            if not missing:
                return Found(checkpoint=checkpoint, buckets=(bucket,))
            problems.append(f"the bucket of {bucket} lacks {len(missing)} of its objects, as {missing[0]}")
        wanted = f"{order.region}'s checkpoint {order.checkpoint}, ordered by {order.order},"
        raise StoreError(f"{wanted} is whole in no bucket: {'; '.join(problems)}")

    def _measure(self) -> None:
        now, metrics = self.now, self._metrics
        metrics.set("agency_catching_up", int(now.catching_up), "1 while catching up.")
        metrics.set("agency_alarm", int(now.alarm is not None), "1 while a standby was written to.")
        state = self._parts.memory.load()
        if state is not None:
            metrics.set("agency_generation", state.generation, "The generation of the memory.")

    def _age(self) -> float | None:
        """Of the standby, else of what the memory was taken from; by two machines' clocks."""
        standby = self._parts.standby.current() or self._parts.memory.taken()
        return None if standby is None else max(0.0, self._clock() - standby.id.at / 1000)
