"""The newest complete snapshot in another region's bucket, on the test S3; addresses; the timeline."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops import stack
from ops.aws import AwsAccess
from ops.checkpoints import CheckpointStore
from ops.drill.evaluate.baseline import has_snapshot
from ops.drill.evaluate.milestones import Milestone
from ops.drill.evaluate.steps import Step
from ops.drill.journal import Journal
from ops.drill.observe.clock import Clock, Observing
from ops.drill.observe.http import Address
from ops.drill.observe.record import BEGUN, ENDED, Record, StoredMarker, View, Writer
from ops.drill.observe.route53 import Check
from ops.drill.observe.snapshots import BucketSnapshots, ScanningBucket
from ops.drill.report.live import Live
from ops.drill.scenario import scenario_of
from ops.drill.target import Target, slow_checks
from tests.drill.scenarios import scenario
from tests.drill.simulated import Platform, Sabotage, SimulatedClock
from tests.ops.snapshots import EU, US, Snapshots, id_of
from tests.services import until


def newest(snapshots: Snapshots) -> float | None:
    known = stack.load(argparse.Namespace(config=snapshots.file, stack=None))
    [tenant, *_] = scenario_of(known, US, ["acme"], quick_replication=True).tenants
    return BucketSnapshots(known, AwsAccess(local=False, arguments={})).newest(tenant, EU)


def test_an_empty_bucket_has_no_snapshot(snapshots: Snapshots) -> None:
    snapshots.put(EU, id_of(1, "02:00"), {"a": "1"})
    assert newest(snapshots) is None


def test_the_newest_complete_snapshot_of_the_home_region_counts(snapshots: Snapshots) -> None:
    whole = snapshots.put(US, id_of(1, "02:00"), {"a": "1"}, bucket=EU)
    snapshots.put(US, id_of(1, "01:00"), {"a": "0"}, bucket=EU)
    snapshots.put(US, id_of(1, "03:00"), {"b": "2"}, bucket=EU, lost=("b",))
    snapshots.put(EU, id_of(1, "04:00"), {"c": "3"}, bucket=EU)
    assert newest(snapshots) == whole.id.at / 1000


def test_a_bucket_is_listed_again_only_for_a_newer_snapshot(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = stack.load(argparse.Namespace(config=snapshots.file, stack=None))
    [tenant, *_] = scenario_of(known, US, ["acme"], quick_replication=True).tenants
    found = BucketSnapshots(known, AwsAccess(local=False, arguments={}))
    snapshots.put(US, id_of(1, "02:00"), {"a": "1"}, bucket=EU)
    first = found.newest(tenant, EU)
    listed, whole = list[Any](), CheckpointStore.list

    def list_(self: CheckpointStore) -> Any:
        listed.append(self)
        return whole(self)

    monkeypatch.setattr(CheckpointStore, "list", list_)
    assert found.newest(tenant, EU) == first
    assert listed == []
    newer = snapshots.put(US, id_of(1, "03:00"), {"a": "2"}, bucket=EU)
    assert found.newest(tenant, EU) == newer.id.at / 1000
    assert len(listed) == 1


def test_the_time_of_a_snapshot_is_converted_to_the_run_s_clock() -> None:
    played = scenario()
    platform = Platform(played, Sabotage())
    clock, record, tenant = SimulatedClock(platform), Record(), played.tenants[0]
    clock.sleep(20)

    class Made:
        def newest(self, tenant: Any, region: str) -> float | None:
            return clock.utc() - 15

    ScanningBucket(Made(), tenant, EU, clock, record).turn()
    [snapshot] = record.view().snapshots
    assert snapshot.at == pytest.approx(20)
    assert snapshot.created == pytest.approx(5)
    view = record.view()
    assert not has_snapshot(view, tenant)
    for at, since in ((4.0, True), (6.0, False)):
        record = Record()
        record.add(snapshot)
        record.add(StoredMarker(company="acme", region=US, writer=Writer.BEFORE, number=1, at=at))
        assert has_snapshot(record.view(), tenant) is since


def target(snapshots: Snapshots, **edges: str) -> Target:
    known = stack.load(argparse.Namespace(config=snapshots.file, stack=None))
    clusters: Any = {}
    forwards: Any = None
    return Target(
        stack=known,
        state=Path("state"),
        clusters=clusters,
        access=AwsAccess(local=False, arguments={}),
        forwards=forwards,
        edges={name.replace("_", "-"): url for name, url in edges.items()},
        journal=Journal(Path("drill.json")),
        progress=print,
    )


def test_a_load_balancer_is_asked_at_its_configured_url_or_else_at_its_name(snapshots: Snapshots) -> None:
    name = f"{US}.agency.test"
    assert target(snapshots).address(name) == Address(host=name, port=443, tls=True)
    here = target(snapshots, us_east_1="http://10.88.0.12:8080")
    assert here.address(f"{name}.") == Address(host="10.88.0.12", port=8080, tls=False)
    authority = Path("ca.crt")
    second = replace(here, edges={name: "https://100.64.1.2"}, authority=authority)
    assert second.address(f"{name}.") == Address(host="100.64.1.2", port=443, tls=True, authority=authority)
    assert here.address(f"{EU}.agency.test").host == f"{EU}.agency.test"
    assert here.address("lb.example.net") == Address(host="lb.example.net", port=443, tls=True)


def test_health_checks_that_are_too_slow_are_reported() -> None:
    good = Check(id="a", name="us", path="/healthz/us", interval=10, threshold=1)
    slow = Check(id="b", name="eu", path="/healthz/eu", interval=30, threshold=3)
    assert slow_checks([good]) == []
    [problem] = slow_checks([good, slow])
    assert problem.startswith("health check b of eu/healthz/eu: every 30 s, 3 in a row")


# How it is observed, and shown.


def test_a_failed_observation_is_recorded_and_the_next_one_is_made() -> None:
    looks = iter([RuntimeError("the API is away")])

    class Observer:
        indicator: Any = "flag"
        every = 0.01

        def observe(self) -> Any:
            for error in looks:
                raise error
            return {}

    clock, record = Clock(), Record()
    looking = Observing(Observer(), ["acme", "globex"], clock, record)
    clock.start(looking)
    try:
        until(lambda: len(record.view().changes) == 2, "both were recorded", 10)
        until(lambda: next(looks, None) is None, "it went on", 10)
    finally:
        clock.close()
    assert {(change.subject, change.state) for change in record.view().changes} == {
        ("acme", "unknown"),
        ("globex", "unknown"),
    }
    assert {one.detail for one in record.view().changes} == {"RuntimeError: the API is away"}


def test_each_step_is_shown_once_with_the_seconds_since_its_part_began() -> None:
    now, lines = [100.0], list[str]()
    live = Live(lines.append, lambda: now[0])
    view = View(marks={BEGUN: 90.0})
    live.say("scaled to 0", view)
    flag = Milestone(step=Step.FLAG, times={"": 104.2})
    empty = Milestone(step=Step.ENDPOINTS, times={"acme": 103.0, "globex": 101.5})
    missing = Milestone(step=Step.DNS, times={"acme": None})
    live.show([flag, empty, missing], view, "DNS")
    live.show([flag, empty, missing], view, "DNS")
    now[0] = 107.0
    live.show([flag, empty, missing], view, "DNS")
    view = View(marks={BEGUN: 90.0, ENDED: 110.0})
    live.show([Milestone(step=Step.CLEAR, times={"": 121.0})], view, "")
    assert lines == [
        "   10.0 s  scaled to 0",
        "   13.0 s  no endpoint ready (for the first 1.5 s earlier)",
        "   14.2 s  flag set",
        "           … waiting for 7 s: DNS",
        "   11.0 s  flag cleared",
    ]
