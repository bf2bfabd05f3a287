"""Which other memories win over the present one: asked of the buckets and of the standby on this volume."""

from __future__ import annotations

from collections.abc import Callable, Collection

from runtime.gate.checkpoint import Checkpoint
from runtime.gate.choosing import beats, best_first, stands_at
from runtime.gate.memory import State, point
from runtime.gate.roles import Role
from runtime.gate.settings import GateSettings
from runtime.gate.sources import PATIENCE_SECONDS, Found, Look, pairs
from runtime.gate.taking import Parts

BRIEF_SECONDS = 5.0
"""For each operation on the bucket of a region that is flagged."""
USUAL_SECONDS = 15.0
"""For each operation on another region's bucket, while clients wait."""
BACK_OFF_SECONDS = 300.0
"""Before a bucket that could not be read is tried again, while nobody waits."""


class Winners:
    """Looks at buckets, and leaves alone for a while those that could not be read."""

    def __init__(self, parts: Parts, clock: Callable[[], float]) -> None:
        self._parts = parts
        self._clock = clock
        self._unread: dict[str, float] = {}

    def press(self, settings: GateSettings, flags: Collection[str], without: Collection[str]) -> Look:
        """All writers in all buckets but some, those of flagged regions briefly: clients wait."""
        buckets = [region for region in settings.follows if region not in without]
        brief = {region: BRIEF_SECONDS if region in flags else USUAL_SECONDS for region in buckets}
        asked = pairs(settings, settings.follows, buckets)
        asked = [(bucket, writer) for bucket, writer in asked if bucket not in without]
        return self._parts.sources.look(asked, own=settings.region, timeouts=brief)

    def idle(self, settings: GateSettings) -> Look:
        """Each writer's replica in the own bucket, and its own bucket, which counts when the replica is
        late."""
        asked = pairs(settings, settings.follows, [])
        now = self._clock()
        asked += [
            (region, region)
            for region in settings.follows
            if region in settings.buckets and self._unread.get(region, 0) <= now
        ]
        timeouts = dict.fromkeys(settings.follows, USUAL_SECONDS)
        look = self._parts.sources.look(
            asked, own=settings.region, patience=PATIENCE_SECONDS, timeouts=timeouts
        )
        for region in set(look.errors) - {settings.region}:
            self._unread[region] = now + BACK_OFF_SECONDS
        return look

    def own_bucket(self, settings: GateSettings) -> Look:
        """The writers' replicas in the own bucket alone."""
        return self._parts.sources.look(pairs(settings, settings.follows, []), own=settings.region)

    def of(self, settings: GateSettings, role: Role, state: State, look: Look) -> list[Found]:
        """Those that win over the present memory, the best first; the standby on this volume may be one."""
        found = [one for writer, one in look.found.items() if writer in settings.follows]
        if (standby := self._standby(settings)) is not None and all(
            point(one.checkpoint) != point(standby) for one in found
        ):
            found.append(Found(checkpoint=standby, buckets=()))
        empty = self._parts.volume.empty()
        present = stands_at(settings, state, empty=empty)
        return best_first(
            settings, [one for one in found if beats(settings, role, state, present, one.checkpoint)]
        )

    def _standby(self, settings: GateSettings) -> Checkpoint | None:
        standby = self._parts.standby.current()
        return standby if standby is not None and standby.region in settings.follows else None
