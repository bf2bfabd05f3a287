"""Which checkpoints go, and which objects then may."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from runtime.gate.checkpoint import DATA, OBJECTS, CheckpointId
from runtime.gate.settings import Retention

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
KEEP_UNNAMED_MS = DAY_MS
"""An object goes when no checkpoint has named it for so long: by then no restore from one that did is under
way, and no other bucket has one that did for its newest."""

STEP_MS = 2 * HOUR_MS


def thin(ids: Collection[CheckpointId], now: int, retention: Retention) -> frozenset[CheckpointId]:
    """The checkpoints to delete at `now` (in milliseconds).

    All of the last hours stay; of those before, the last in each hour (of the clock, so that it is the same
    one each time); then the last of each day. The newest always stays, and what seems to be of the future.
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


def is_collectable(key: str) -> bool:
    """Only what checkpoints name: never orders, what diverged, or what somebody else put there."""
    return key.startswith((f"{DATA}/", f"{OBJECTS}/"))


def aged(unnamed: Iterable[str], ages: Mapping[str, int], elapsed: int) -> dict[str, int]:
    """For how long, in milliseconds, each key has been named by no checkpoint.

    `ages` are those of the last run, `elapsed` after it. Of that no more counts than two hours: a clock that
    is put forward must not make anything old.
    """
    return {key: ages[key] + min(max(elapsed, 0), STEP_MS) if key in ages else 0 for key in unnamed}


def due(ages: Mapping[str, int]) -> frozenset[str]:
    return frozenset(key for key, age in ages.items() if age >= KEEP_UNNAMED_MS)
