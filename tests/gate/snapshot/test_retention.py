"""What goes and what stays, over random histories."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from runtime.contracts.gate import Retention
from runtime.gate.snapshot.retention import DAY_MS, HOUR_MS, KEEP_UNNAMED_MS, aged, due, thin
from runtime.gate.storage.keys import CheckpointId, is_collectable

NOW = 1_800_000_000_000
retentions = some.builds(
    Retention,
    all_hours=some.integers(0, 5),
    hourly_hours=some.integers(0, 50),
    daily_days=some.integers(0, 40),
)
histories = some.sets(
    some.builds(
        CheckpointId,
        generation=some.integers(0, 3),
        at=some.one_of(
            some.integers(NOW - 60 * DAY_MS, NOW + DAY_MS), some.integers(NOW - 3 * HOUR_MS, NOW + 1000)
        ),
    ),
    max_size=60,
)


@given(histories, retentions)
def test_the_newest_always_stays(ids: set[CheckpointId], retention: Retention) -> None:
    assert not ids or max(ids) not in thin(ids, NOW, retention)


@given(histories, retentions)
def test_all_of_the_last_hours_stay(ids: set[CheckpointId], retention: Retention) -> None:
    assert all(NOW - id.at > retention.all_hours * HOUR_MS for id in thin(ids, NOW, retention))


@given(histories, retentions)
def test_one_stays_of_each_hour_and_day_that_counts(ids: set[CheckpointId], retention: Retention) -> None:
    left = ids - thin(ids, NOW, retention)
    for unit, reach in ((HOUR_MS, retention.hourly_hours * HOUR_MS), (DAY_MS, retention.daily_days * DAY_MS)):
        last = {id.at // unit: id for id in sorted(ids, key=lambda id: (id.at, id))}
        assert all(id in left for id in last.values() if NOW - id.at <= reach)


@given(histories, retentions)
def test_nothing_else_stays(ids: set[CheckpointId], retention: Retention) -> None:
    left = ids - thin(ids, NOW, retention) - ({max(ids)} if ids else set())
    thinned = [id for id in left if NOW - id.at > retention.all_hours * HOUR_MS]
    hourly = [id for id in thinned if NOW - id.at <= retention.hourly_hours * HOUR_MS]
    daily = [id for id in thinned if id not in hourly]
    reach = max(retention.hourly_hours * HOUR_MS, retention.daily_days * DAY_MS)
    assert all(NOW - id.at <= reach for id in thinned)
    assert len({id.at // HOUR_MS for id in hourly}) == len(hourly)
    assert len({id.at // DAY_MS for id in daily}) == len(daily)


@given(histories, retentions, some.integers(0, 3 * DAY_MS))
def test_thinning_again_and_later_is_thinning_once(
    ids: set[CheckpointId], retention: Retention, later: int
) -> None:
    left = ids - thin(ids, NOW, retention)
    assert thin(left, NOW, retention) == frozenset()
    assert left - thin(left, NOW + later, retention) == left & (ids - thin(ids, NOW + later, retention))


@given(
    some.lists(
        some.tuples(some.integers(-5 * DAY_MS, 5 * DAY_MS), some.sets(some.sampled_from("abcdef"))),
        max_size=60,
    )
)
def test_no_object_goes_before_a_day_without_a_name_whatever_the_clock_does(
    runs: list[tuple[int, set[str]]],
) -> None:
    """`runs`: what the clock says has gone by since the last run, and which objects have no name."""
    ages: dict[str, int] = {}
    unnamed_since: dict[str, int] = {}
    for number, (elapsed, unnamed) in enumerate(runs):
        unnamed_since = {key: unnamed_since.get(key, number) for key in unnamed}
        ages = aged(unnamed, ages, elapsed)
        gone = due(ages)
        assert gone <= unnamed
        for key in gone:  # At most two hours count for a run, and the first is none.
            assert (number - unnamed_since[key]) * 2 * HOUR_MS >= KEEP_UNNAMED_MS
            since = runs[unnamed_since[key] + 1 : number + 1]
            assert sum(max(0, step) for step, _ in since) >= KEEP_UNNAMED_MS


def test_an_object_goes_after_a_day_of_hourly_runs() -> None:
    ages = aged({"a"}, {}, 0)
    for _ in range(24):
        assert not due(ages)
        ages = aged({"a"}, ages, HOUR_MS)
    assert due(ages) == {"a"}


@given(some.text())
def test_only_what_checkpoints_name_is_collected(name: str) -> None:
    for folder in ("diverged", "_orders", "_checkpoints"):
        assert not is_collectable(f"{folder}/{name}")
    assert is_collectable(f"data/{name}") and is_collectable(f"objects/{name}")
