"""Which checkpoints are deleted, and which objects may be deleted afterwards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from runtime.contracts.gate import Retention
from runtime.gate.storage.keys import CheckpointId

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
KEEP_UNNAMED_MS = DAY_MS
"""An object is deleted when no checkpoint has named it for so long: by then no restore that needs it is under
way, and no other bucket's newest checkpoint names it."""

MAX_ELAPSED_MS = 2 * HOUR_MS


def thin(ids: Collection[CheckpointId], now: int, retention: Retention) -> frozenset[CheckpointId]:
    """The checkpoints to delete at `now` (in milliseconds).

    All checkpoints of the last hours stay; of older ones the last of each hour by the clock, then the last
    of each day. The newest always stays, and so does a checkpoint with a time in the future.
    """
    last_of_hour = {id.at // HOUR_MS: id for id in sorted(ids, key=lambda id: (id.at, id))}
    last_of_day = {id.at // DAY_MS: id for id in sorted(ids, key=lambda id: (id.at, id))}

    def stays(id: CheckpointId) -> bool:
        age = now - id.at
        if age <= retention.all_hours * HOUR_MS or id == newest:
            return True
        if age <= retention.hourly_hours * HOUR_MS and last_of_hour[id.at // HOUR_MS] == id:
            return True
        return age <= retention.daily_days * DAY_MS and last_of_day[id.at // DAY_MS] == id

    newest = max(ids, default=None)
    return frozenset(id for id in ids if not stays(id))


def aged(unnamed: Iterable[str], ages: Mapping[str, int], elapsed: int) -> dict[str, int]:
    """For how long, in milliseconds, each key has been named by no checkpoint.

    `ages` are those of the last run, `elapsed` ago. At most two hours of it count: a clock that jumps ahead
    must not make anything old.
    """
    return {key: ages[key] + min(max(elapsed, 0), MAX_ELAPSED_MS) if key in ages else 0 for key in unnamed}


def due(ages: Mapping[str, int]) -> frozenset[str]:
    return frozenset(key for key, age in ages.items() if age >= KEEP_UNNAMED_MS)
