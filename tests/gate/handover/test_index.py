"""What regions learn of each other without listing buckets."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest

from runtime.gate.snapshot import checkpoint_forms
from runtime.gate.snapshot.checkpoint_names import LIST_SECONDS
from runtime.gate.storage.errors import Refused, Unreachable
from runtime.gate.storage.keys import ANNOUNCEMENT, CHECKPOINTS, INDEX, CheckpointId
from tests.gate.handover.buckets import Buckets, BucketStore
from tests.gate.handover.flows import both, clear, failover, flag
from tests.gate.handover.gates import COMPANY, Gate
from tests.gate.handover.memories import EU, US

PREFIX = f"{US}/{COMPANY}/brain"
IDLE_ROUNDS = 14
"""Each region's takes a minute of the common clock."""


def index(buckets: Buckets, region: str = US) -> dict[str, object]:
    content: dict[str, object] = json.loads(buckets.objects[region][f"{PREFIX}/{INDEX}"])
    return content


def newest(buckets: Buckets) -> CheckpointId:
    names = index(buckets)["checkpoints"]
    assert isinstance(names, list)
    return CheckpointId.parse(names[-1])


def settled(us: Gate, eu: Gate, buckets: Buckets) -> None:
    us.write()
    both(us, eu, buckets, 20)


def test_while_nothing_happens_nobody_lists(us: Gate, eu: Gate, buckets: Buckets) -> None:
    settled(us, eu, buckets)
    buckets.listings.clear()

    both(us, eu, buckets, IDLE_ROUNDS)
    own = [one for one in buckets.listings if one == f"{PREFIX}/{CHECKPOINTS}/"]
    others = [one for one in buckets.listings if one not in own]

    assert len(own) <= 2 * IDLE_ROUNDS * 60 / LIST_SECONDS + 1
    assert len(others) <= 2 and all(one.endswith("/_orders/") for one in others)


def test_a_role_that_lost_its_rights_is_noticed_by_an_idle_gate(
    us: Gate, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    us.write()
    us.round(3)

    def refuse(self: BucketStore, folder: str = "") -> dict[str, int]:
        raise Refused("AccessDenied")

    monkeypatch.setattr(BucketStore, "list", refuse)
    us.round(70)

    assert us.messages("ChoreFailed") == ["AccessDenied"]


def test_a_change_is_seen_at_the_next_look_and_nobody_lists(us: Gate, eu: Gate, buckets: Buckets) -> None:
    settled(us, eu, buckets)
    buckets.listings.clear()
    row = us.write()

    both(us, eu, buckets)

    assert row in eu.staged | eu.memory
    assert len(buckets.listings) <= 1


def test_what_a_writer_deleted_long_ago_is_neither_listed_nor_restored(
    us: Gate, region: Callable[[str], Gate], buckets: Buckets
) -> None:
    """Without the replication of delete markers, replicas have every checkpoint ever made."""
    us.write()
    us.round(2)
    buckets.replicate()
    old = b"{}"
    for at in range(50):
        buckets.objects[EU][f"{PREFIX}/{CHECKPOINTS}/000001-{1600000000000 + at}.json"] = old

    buckets.listings.clear()
    eu = region(EU)
    eu.round(3)

    assert eu.memory == us.memory
    assert f"{PREFIX}/{CHECKPOINTS}/" not in [one for one in buckets.listings if one.startswith(EU)]
    scan = eu.coordinator.parts.candidates.scan_own_bucket(eu.config)
    assert scan.listed[EU] < 50


def test_a_writer_of_the_previous_version_is_followed_by_listing(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    settled(us, eu, buckets)
    for region in (US, EU):
        del buckets.objects[region][f"{PREFIX}/{INDEX}"]
    row = us.write()
    us.round()
    for region in (US, EU):
        buckets.objects[region].pop(f"{PREFIX}/{INDEX}", None)
    buckets.under_way = [one for one in buckets.under_way if not one[1].endswith(INDEX)]
    buckets.replicate()
    eu.round()

    assert row in eu.staged | eu.memory


def test_an_index_that_lacks_newer_checkpoints_is_not_trusted(
    us: Gate, eu: Gate, buckets: Buckets, clock: object
) -> None:
    """A gate was rolled back: its index stays as it was."""
    settled(us, eu, buckets)
    stale = buckets.objects[US][f"{PREFIX}/{INDEX}"]
    for _ in range(int(LIST_SECONDS // 60) + 1):
        row = us.write()
        us.round()
        buckets.objects[US][f"{PREFIX}/{INDEX}"] = stale
        buckets.under_way = [one for one in buckets.under_way if not one[1].endswith(INDEX)]
        buckets.replicate()
        eu.round()
    assert row in eu.staged | eu.memory

    row = us.write()
    us.round()
    buckets.objects[US][f"{PREFIX}/{INDEX}"] = stale
    buckets.under_way = [one for one in buckets.under_way if not one[1].endswith(INDEX)]
    buckets.replicate()
    flag(US, us, eu)
    eu.round(2)

    assert eu.ready and row in eu.memory


def test_an_index_that_lies_is_no_worse_than_a_lying_listing(us: Gate, eu: Gate, buckets: Buckets) -> None:
    settled(us, eu, buckets)
    memory = us.memory
    lies: list[object] = [
        {"checkpoints": ["000900000-1999999999999"], "serving": True},
        {"checkpoints": ["000001-1999999999999"], "serving": True},
        {"checkpoints": [f"000001-1999999999999~{newest(buckets)}"], "serving": True},
        {"checkpoints": ["../../x"]},
        {"checkpoints": "all"},
        [],
    ]
    for lie in lies:
        for region in (US, EU):
            buckets.objects[region][f"{PREFIX}/{INDEX}"] = json.dumps(lie).encode()
        eu.round()
        assert eu.memory | eu.staged == memory

    row = us.write()
    both(us, eu, buckets, 2)
    assert row in eu.memory | eu.staged


@pytest.mark.parametrize("field", ["at", "generation"])
def test_an_index_that_names_what_cannot_be_is_not_believed(
    us: Gate, eu: Gate, buckets: Buckets, field: str
) -> None:
    """A checkpoint of next year, or of a generation that no failovers lead to: S3's time of it is now."""
    settled(us, eu, buckets)
    row = us.write()
    us.round()
    real, year = newest(buckets), 365 * 24 * 3600 * 1000
    forged = replace(real, at=real.at + year) if field == "at" else replace(real, generation=900_000)
    content = buckets.objects[US][f"{PREFIX}/{real.key}"]
    old, new = (f'"generation": {each.generation}'.encode() for each in (real, forged))
    buckets.replicate()
    for region in (US, EU):
        buckets.objects[region][f"{PREFIX}/{forged.key}"] = content.replace(old, new)
        lie = index(buckets, region) | {"checkpoints": [str(real), str(forged)]}
        buckets.objects[region][f"{PREFIX}/{INDEX}"] = json.dumps(lie).encode()
    buckets.at[f"{PREFIX}/{forged.key}"] = int(buckets.now() * 1000)
    eu.round()

    assert row in eu.memory | eu.staged
    parts = eu.coordinator.parts
    taken = parts.staging.staged.current() or parts.active.records.restored()
    assert taken is not None and taken.id == real
    assert len(eu.messages("CheckpointIgnored")) == 2, "in the bucket of each region"
    assert eu.state.highest < 100

    failover(us, eu, buckets)
    assert eu.ready and row in eu.memory and eu.state.highest < 100


def test_the_announcement_of_a_lost_volume_ends_with_it(
    us: Gate, eu: Gate, buckets: Buckets, region: Callable[[str], Gate]
) -> None:
    settled(us, eu, buckets)
    assert f"{PREFIX}/{ANNOUNCEMENT}" in buckets.objects[US] and index(buckets)["serving"] is True
    failover(us, eu, buckets)

    buckets.write(US, f"{PREFIX}/{ANNOUNCEMENT}", b"")
    shutil.rmtree(us.root)
    us.flags = frozenset({US})
    us.root.mkdir()
    us.start()

    assert f"{PREFIX}/{ANNOUNCEMENT}" not in buckets.objects[US]
    assert index(buckets)["serving"] is False


def test_a_region_that_follows_nobody_now_announces_nothing(us: Gate, eu: Gate, buckets: Buckets) -> None:
    settled(us, eu, buckets)
    assert index(buckets)["serving"] is True

    us.config = us.config.__class__(**{**us.config.__dict__, "ranked": False, "follows": ()})
    us.round(2)

    assert f"{PREFIX}/{ANNOUNCEMENT}" not in buckets.objects[US] and index(buckets)["serving"] is False


def test_a_request_is_seen_within_an_interval_and_looking_for_it_lists_nothing(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    settled(us, eu, buckets)
    before = newest(buckets)
    us.write()
    both(us, eu, buckets)
    buckets.listings.clear()
    request = {"order": "1", "region": US, "checkpoint": str(before)}
    buckets.objects[US][f"{PREFIX}/_orders/restore.json"] = json.dumps(request).encode()

    us.round()

    assert us.messages("Restored")
    assert f"{PREFIX}/_orders/" not in buckets.listings
    clear(US, us, eu)


def test_the_last_upload_of_a_primary_is_a_whole_list_and_is_known_on_its_volume(
    us: Gate, eu: Gate, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_forms, "SMALL", 0)
    for number in range(30):
        us.write(f"row-{number}")
    settled(us, eu, buckets)
    us.write()
    both(us, eu, buckets)
    names = index(buckets)["checkpoints"]
    assert isinstance(names, list) and "~" in names[-1]

    us.write()
    failover(us, eu, buckets)

    names = index(buckets)["checkpoints"]
    assert isinstance(names, list) and "~" not in names[-1]
    uploaded = us.coordinator.parts.active.records.uploaded()
    assert uploaded is not None and str(uploaded.id) == names[-1]
    assert eu.memory == us.memory


def test_a_bucket_that_answers_too_slowly_for_a_listing_is_read_by_its_index(
    us: Gate, eu: Gate, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(us, eu, buckets)
    row = us.write()
    us.round()
    buckets.replicate()

    def slow(self: BucketStore, folder: str = "") -> dict[str, int]:
        raise Unreachable("no answer within 5 s")

    monkeypatch.setattr(BucketStore, "list", slow)
    flag(US, us, eu)
    eu.round(2)

    assert eu.ready and row in eu.memory
