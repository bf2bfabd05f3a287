"""`python -m ops accept-shrink`: what it shows, and the request that releases a gate's loss guard."""

from __future__ import annotations

import time

import pytest

from ops.__main__ import main
from ops.errors import DONE, FAILED, NOT_CONFIRMED, NOTHING_FOUND
from tests.ops.snapshots import ASIA, EU, US, Snapshots, id_of

REQUEST = f"{US}/acme/brain/_orders/accept-shrink.json"
LANCE = "acme/episodic/memories.lance"


def accept_shrink(snapshots: Snapshots, *more: str) -> int:
    return main(["accept-shrink", "--config", str(snapshots.file), "--company", "acme", *more])


def test_it_names_the_newest_checkpoint_of_the_region_itself(snapshots: Snapshots) -> None:
    snapshots.put(US, id_of(1, "02:00"), {"a": "1"})
    newest = snapshots.put(US, id_of(2, "01:00"), {"a": "2"})
    snapshots.put(EU, id_of(3, "03:00"), {"a": "3"}, bucket=US)
    assert accept_shrink(snapshots, "--yes") == DONE
    assert snapshots.read(US, REQUEST) == {"checkpoint": str(newest.id)}
    assert snapshots.requests() == [REQUEST]


def test_it_shows_what_that_one_holds(snapshots: Snapshots, capsys: pytest.CaptureFixture[str]) -> None:
    files = {
        f"{LANCE}/data/1.lance": "x" * 4096,
        f"{LANCE}/_versions/1.manifest": "m",
        "acme/graph.json": "{}",
    }
    newest = snapshots.put(US, id_of(1, "02:00"), files)
    assert accept_shrink(snapshots) == NOT_CONFIRMED
    said = capsys.readouterr()
    assert f"{newest.id}, 2026-11-23T02:00:00Z, 3 files, 4.0 KiB, 1 tables\n  {LANCE}\n" in said.out
    assert f"region {US}: the first region of acme by priority" in said.out
    assert snapshots.requests() == []


def test_it_is_for_the_region_that_is_named_a_passive_one_too(snapshots: Snapshots) -> None:
    snapshots.policy, snapshots.regions = "latency", [US, EU, {"name": ASIA, "active": False}]
    newest = snapshots.put(ASIA, id_of(0, "02:00"), {"a": "1"})
    assert accept_shrink(snapshots, "--region", ASIA, "--yes") == DONE
    assert snapshots.read(ASIA, REQUEST.replace(US, ASIA)) == {"checkpoint": str(newest.id)}


def test_without_a_snapshot_there_is_nothing_to_accept(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshots.put(EU, id_of(1, "02:00"), {"a": "1"}, bucket=US)
    assert accept_shrink(snapshots, "--yes") == NOTHING_FOUND
    assert "has no checkpoint of the brain of acme" in capsys.readouterr().err
    assert snapshots.requests() == []


def test_a_newest_checkpoint_that_is_none_is_reported(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    key = f"{US}/acme/brain/{id_of(1, '02:00').key}"
    snapshots.s3.client().put_object(Bucket=snapshots.s3.buckets[US], Key=key, Body=b"[]")
    assert accept_shrink(snapshots, "--yes") == FAILED
    assert "python -m ops restore" in capsys.readouterr().err
    assert snapshots.requests() == []


def test_a_company_may_begin_empty(snapshots: Snapshots, capsys: pytest.CaptureFixture[str]) -> None:
    assert accept_shrink(snapshots, "--empty") == NOT_CONFIRMED
    assert snapshots.requests() == []
    before = int(time.time() * 1000)
    assert accept_shrink(snapshots, "--empty", "--yes") == DONE
    (request,) = snapshots.requests()

    assert request == f"{US}/acme/brain/_orders/begin-empty.json"
    assert before <= int(snapshots.read(US, request)["at"]) <= time.time() * 1000
    said = capsys.readouterr()
    assert "has an empty volume" in said.out and "may begin empty" in said.err
