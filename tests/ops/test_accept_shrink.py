"""`python -m ops accept-shrink`: what it shows, and the order that releases a gate's loss guard."""

from __future__ import annotations

import time

import pytest

from ops.__main__ import main
from ops.errors import DONE, FAILED, NOT_CONFIRMED, NOTHING_FOUND
from tests.ops.copies import ASIA, EU, US, Copies, id_of

ORDER = f"{US}/acme/brain/_orders/accept-shrink.json"
LANCE = "acme/episodic/memories.lance"


def accept_shrink(copies: Copies, *more: str) -> int:
    return main(["accept-shrink", "--config", str(copies.file), "--company", "acme", *more])


def test_it_names_the_newest_checkpoint_of_the_region_itself(copies: Copies) -> None:
    copies.put(US, id_of(1, "02:00"), {"a": "1"})
    newest = copies.put(US, id_of(2, "01:00"), {"a": "2"})
    copies.put(EU, id_of(3, "03:00"), {"a": "3"}, bucket=US)
    assert accept_shrink(copies, "--yes") == DONE
    assert copies.read(US, ORDER) == {"checkpoint": str(newest.id)}
    assert copies.orders() == [ORDER]


def test_it_shows_what_that_one_holds(copies: Copies, capsys: pytest.CaptureFixture[str]) -> None:
    files = {
        f"{LANCE}/data/1.lance": "x" * 4096,
        f"{LANCE}/_versions/1.manifest": "m",
        "acme/graph.json": "{}",
    }
    newest = copies.put(US, id_of(1, "02:00"), files)
    assert accept_shrink(copies) == NOT_CONFIRMED
    said = capsys.readouterr()
    assert f"{newest.id}, 2026-11-23T02:00:00Z, 3 files, 4.0 KiB, 1 tables\n  {LANCE}\n" in said.out
    assert f"region {US}: the first region of acme by priority" in said.out
    assert copies.orders() == []


def test_it_is_for_the_region_that_is_named_a_passive_one_too(copies: Copies) -> None:
    copies.policy, copies.regions = "latency", [US, EU, {"name": ASIA, "active": False}]
    newest = copies.put(ASIA, id_of(0, "02:00"), {"a": "1"})
    assert accept_shrink(copies, "--region", ASIA, "--yes") == DONE
    assert copies.read(ASIA, ORDER.replace(US, ASIA)) == {"checkpoint": str(newest.id)}


def test_without_a_snapshot_there_is_nothing_to_accept(
    copies: Copies, capsys: pytest.CaptureFixture[str]
) -> None:
    copies.put(EU, id_of(1, "02:00"), {"a": "1"}, bucket=US)
    assert accept_shrink(copies, "--yes") == NOTHING_FOUND
    assert "has no checkpoint of the brain of acme" in capsys.readouterr().err
    assert copies.orders() == []


def test_a_newest_checkpoint_that_is_none_is_reported(
    copies: Copies, capsys: pytest.CaptureFixture[str]
) -> None:
    key = f"{US}/acme/brain/{id_of(1, '02:00').key}"
    copies.s3.client().put_object(Bucket=copies.s3.buckets[US], Key=key, Body=b"[]")
    assert accept_shrink(copies, "--yes") == FAILED
    assert "python -m ops restore" in capsys.readouterr().err
    assert copies.orders() == []


def test_a_company_may_begin_empty(copies: Copies, capsys: pytest.CaptureFixture[str]) -> None:
    assert accept_shrink(copies, "--empty") == NOT_CONFIRMED
    assert copies.orders() == []
    before = int(time.time() * 1000)
    assert accept_shrink(copies, "--empty", "--yes") == DONE
    (order,) = copies.orders()

    assert order == f"{US}/acme/brain/_orders/begin-empty.json"
    assert before <= int(copies.read(US, order)["at"]) <= time.time() * 1000
    said = capsys.readouterr()
    assert "has an empty volume" in said.out and "may begin empty" in said.err
