"""Ids of checkpoints never run ahead of S3's clock, and ids that do count for nothing."""

from __future__ import annotations

import time

import pytest

from runtime.contracts.gate import Retention
from runtime.gate.storage.errors import StoreError
from runtime.gate.storage.keys import CheckpointId, Listed, sort_names
from runtime.gate.storage.server_clock import ServerClock
from tests.gate.snapshot.company import Company, QuickCompany

HOUR, YEAR = 3600.0, 365 * 86400.0
NOTICE = 'NOTICE: Time may be set wrong - time from "s3" is {} different from this computer\n'


@pytest.mark.parametrize(
    ("duration", "ahead"),
    [("8760h0m0.6s", YEAR + 0.6), ("-8760h0m0.6s", -YEAR - 0.6), ("5m0.5s", 300.5), ("-1h30m0s", -5400.0)],
)
def test_rclone_says_how_wrong_the_clock_is(duration: str, ahead: float) -> None:
    wall, passed = [1000 + 2 * YEAR], [0.0]
    clock = ServerClock(lambda: wall[0], lambda: passed[0])
    assert clock() == wall[0]
    clock.learn(NOTICE.format(duration), answered=True)
    assert clock() == pytest.approx(wall[0] - ahead)
    wall[0] += 1e6  # The clock is corrected, or goes wrong again, between two answers.
    passed[0] += 60
    assert clock() == pytest.approx(1000 + 2 * YEAR - ahead + 60)
    clock.learn("connection refused", answered=False)
    assert clock() == pytest.approx(1000 + 2 * YEAR - ahead + 60)
    clock.learn("", answered=True)
    assert clock() == pytest.approx(wall[0])


@pytest.mark.services
@pytest.mark.parametrize("ahead", [YEAR, -YEAR, 2 * HOUR])
def test_a_gate_whose_node_has_the_wrong_time_writes_s3_s_time(company: Company, ahead: float) -> None:
    """The node's clock is this machine's."""
    company.s3.clock.now = lambda: time.time() - ahead
    company.write("acme/file", b"1")
    company.uploader().run(generation=0, base=None)
    (id,) = company.checkpoints()
    calls = len(company.s3.calls)
    listed = company.store().listing()[id.key]

    assert [call.operation for call in company.s3.calls[calls:]] == ["ListObjectsV2"]
    assert abs(id.at - listed.at) < 5000
    assert list(sort_names({id.key: listed}).good) == [id]


def ahead(quick: QuickCompany, seconds: float, generation: int = 0) -> CheckpointId:
    """Somebody's checkpoint."""
    id = CheckpointId(generation=generation, at=int((quick.now + seconds) * 1000))
    quick.bucket.objects[id.key] = quick.content(quick.checkpoints()[0].key)
    quick.bucket.at[id.key] = int(quick.now * 1000)
    return id


def test_checkpoints_from_the_future_decide_nothing_and_go_after_a_day(quick: QuickCompany) -> None:
    """As a gate with a wrong clock wrote them, or somebody who means harm."""
    retention = Retention(all_hours=1, hourly_hours=24, daily_days=30)
    told: list[CheckpointId] = []
    uploader = quick.uploader(retention)
    uploader._on_ignored = lambda bucket, writer, ids: told.extend(ids)
    quick.write("acme/file", b"0")
    uploader.run(generation=0, base=None)
    planted = [ahead(quick, YEAR + number) for number in range(361)]
    planted += [ahead(quick, 0, generation=5000)]
    for number in range(30):
        quick.now += HOUR
        quick.write("acme/file", b"%d" % (number + 1))
        assert uploader.run(generation=0, base=None).changed
        assert quick.checkpoint(max(set(quick.checkpoints()) - set(planted))).id.at <= quick.now * 1000

    assert set(told) == set(planted)
    assert not set(planted) & set(quick.checkpoints())
    assert len(quick.checkpoints()) < 30


def test_each_id_has_one_name(quick: QuickCompany) -> None:
    """A second name of the newest id must not make the gate search what is not there."""
    quick.write("acme/file", b"0")
    quick.uploader().run(generation=0, base=None)
    now = int(quick.now * 1000)
    quick.put(f"_checkpoints/0000000-{now + 1}.json", b"{}")
    quick.write("acme/file", b"1")

    assert quick.uploader().run(generation=0, base=None).changed


def test_a_checkpoint_that_s3_does_not_hand_out_is_one_damaged_checkpoint(quick: QuickCompany) -> None:
    """Encrypted with somebody's key, or in an archive."""
    quick.write("acme/file", b"0")
    quick.uploader().run(generation=0, base=None)
    locked = ahead(quick, 1.0)

    def fault(what: str, key: str) -> None:
        if what == "read" and key == locked.key:
            raise StoreError("InvalidObjectState")

    quick.bucket.fault = fault
    quick.now += 60
    quick.write("acme/file", b"1")
    assert quick.uploader().run(generation=0, base=None).changed
    quick.bucket.fault = lambda what, key: (_ for _ in ()).throw(StoreError("no")) if what == "read" else None
    with pytest.raises(StoreError):
        quick.uploader().run(generation=0, base=None)


def test_generations_count_from_one_that_exists() -> None:
    def listing(*generations: int) -> dict[str, Listed]:
        ids = [CheckpointId(generation=each, at=10**12) for each in generations]
        return {id.key: Listed(1, 10**12) for id in ids}

    assert [id.generation for id in sort_names(listing(1, 900, 5000)).good] == [1, 900]
    assert [id.generation for id in sort_names(listing(4000, 4001, 900_000), known=4001).good] == [4000, 4001]
    assert not sort_names(listing(999_999)).good
