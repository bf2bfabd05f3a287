"""`python -m ops restore`: which checkpoint of which region is chosen, what is shown, what is requested."""

from __future__ import annotations

import json
import threading

import pytest

from ops import restore as restore_command
from ops.errors import DONE, NOT_CONFIRMED, TIMED_OUT, WRONG_CALL
from runtime.gate.snapshot.checkpoint import CheckpointRef
from tests.ops.snapshots import ASIA, EU, US, Snapshots, at, id_of, restore
from tests.services import until

REQUEST = "_orders/restore.json"
FIRST, SECOND, THIRD = (
    {"c/graph.json": "{}"},
    {"c/graph.json": "{1}", "a": "x" * 2048},
    {"c/graph.json": "{22}"},
)


def request_of(snapshots: Snapshots, region: str, prefix: str = "acme/brain") -> dict[str, str]:
    request: dict[str, str] = snapshots.read(region, f"{region}/{prefix}/{REQUEST}")
    return request


def test_the_newest_checkpoint_at_or_before_the_time_is_requested(snapshots: Snapshots) -> None:
    snapshots.put(US, id_of(1, "02:00"), FIRST)
    chosen = snapshots.put(US, id_of(1, "03:00"), SECOND)
    snapshots.put(US, id_of(1, "03:00:00.001"), THIRD)
    assert restore(snapshots, "--at", "2026-11-23T03:00:00Z", "--yes", "--no-wait") == DONE
    request = request_of(snapshots, US)
    assert request.pop("order").isdigit()
    assert request == {"region": US, "checkpoint": str(chosen.id)}


def test_what_happens_is_shown_before_it_does(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = snapshots.put(US, id_of(1, "02:00"), SECOND)
    newest = snapshots.put(US, id_of(1, "03:00"), THIRD)
    assert restore(snapshots, "--at", "2026-11-23T02:30:00Z") == NOT_CONFIRMED
    said = capsys.readouterr()
    rows = [line.split() for line in said.out.splitlines()]
    assert [str(newest.id), US, "2026-11-23T03:00:00Z", "1", "4", "B", "the", "memory", "now"] in rows
    assert [str(chosen.id), US, "2026-11-23T02:00:00Z", "2", "2.0", "KiB", "will", "be", "restored"] in rows
    assert f"region {US}: the first region of acme by priority" in said.out
    assert "stops the Brain" in said.out and "diverged/<time>/" in said.out
    assert "repeat the command with --yes" in said.err
    assert snapshots.requests() == []


def test_a_time_while_another_region_served_is_found_in_the_own_bucket(snapshots: Snapshots) -> None:
    snapshots.put(US, id_of(1, "02:00"), FIRST)
    served = snapshots.put(EU, id_of(2, "03:00"), SECOND, bucket=US)
    snapshots.put(US, id_of(3, "04:00"), THIRD)
    assert restore(snapshots, "--at", "2026-11-23T03:30:00Z", "--yes", "--no-wait") == DONE
    assert request_of(snapshots, US) | {"order": ""} == {
        "order": "",
        "region": EU,
        "checkpoint": str(served.id),
    }


def test_a_standby_s_later_copy_of_an_older_generation_does_not_win(snapshots: Snapshots) -> None:
    serving = snapshots.put(EU, id_of(2, "03:00"), SECOND, bucket=US)
    snapshots.put(US, id_of(1, "03:10"), FIRST)
    snapshots.put(ASIA, id_of(2, "03:10"), FIRST, bucket=US)
    assert restore(snapshots, "--at", "2026-11-23T03:30:00Z", "--yes", "--no-wait") == DONE
    assert request_of(snapshots, US)["checkpoint"] == str(serving.id)


def test_a_standby_s_copy_of_the_same_generation_is_older_than_what_was_served_since(
    snapshots: Snapshots,
) -> None:
    first = snapshots.put(EU, id_of(2, "03:00"), FIRST, bucket=US)
    stands = CheckpointRef(region=EU, checkpoint=first.id)
    snapshots.put(US, id_of(2, "03:20"), FIRST, base=stands)
    served = snapshots.put(EU, id_of(2, "03:10"), SECOND, bucket=US)
    snapshots.put(ASIA, id_of(2, "03:25"), FIRST, base=stands, bucket=US)
    assert restore(snapshots, "--at", "2026-11-23T03:30:00Z", "--yes", "--no-wait") == DONE
    assert request_of(snapshots, US) | {"order": ""} == {
        "order": "",
        "region": EU,
        "checkpoint": str(served.id),
    }


def test_a_copy_that_a_standby_made_is_taken_where_the_original_is_not_whole(snapshots: Snapshots) -> None:
    original = snapshots.put(EU, id_of(2, "03:00"), SECOND, bucket=US, lost=("a",))
    copy = snapshots.put(US, id_of(2, "03:01"), SECOND, base=CheckpointRef(region=EU, checkpoint=original.id))
    snapshots.put(US, id_of(1, "02:00"), FIRST)
    assert restore(snapshots, "--at", "2026-11-23T03:30:00Z", "--yes", "--no-wait") == DONE
    assert request_of(snapshots, US)["checkpoint"] == str(copy.id)


def test_one_that_is_not_whole_is_passed_over_with_what_it_lacks(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = snapshots.put(US, id_of(1, "02:00"), FIRST)
    snapshots.put(US, id_of(1, "02:30"), SECOND, lost=("a",))
    broken = f"{US}/acme/brain/{id_of(1, '02:40').key}"
    snapshots.s3.clock.now = lambda: at("02:40") / 1000
    snapshots.s3.client().put_object(Bucket=snapshots.s3.buckets[US], Key=broken, Body=b"{}")
    truncated = snapshots.put(US, id_of(1, "02:50"), {"b": "12345"}).files["b"].key
    snapshots.s3.client().put_object(
        Bucket=snapshots.s3.buckets[US], Key=f"{US}/acme/brain/{truncated}", Body=b"123"
    )
    assert restore(snapshots, "--at", "2026-11-23T03:00:00Z", "--yes", "--no-wait") == DONE
    assert request_of(snapshots, US)["checkpoint"] == str(whole.id)
    said = capsys.readouterr().out
    assert "skipped: 1 of 2 objects missing, such as objects/" in said
    assert "skipped: unreadable: checkpoint 000001-" in said
    assert f"skipped: 1 of 1 objects missing, such as {truncated}" in said


def test_without_a_time_all_that_can_be_restored_is_listed(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshots.put(US, id_of(1, "02:00"), FIRST)
    snapshots.put(EU, id_of(2, "03:00"), SECOND, bucket=US, lost=("a",))
    assert restore(snapshots) == DONE
    lines = capsys.readouterr().out.splitlines()
    shown = [line for line in lines if line.startswith("00000")]
    assert [line.split()[1] for line in shown] == [EU, US]
    assert "1 of 2 objects missing" in shown[0] and shown[1].endswith("2 B")
    assert lines[-1].startswith("1 of 2 can be restored")
    assert snapshots.requests() == []


def test_an_agent_s_volume_is_restored_from_its_own_region_s_snapshots(snapshots: Snapshots) -> None:
    snapshots.put(EU, id_of(0, "02:00"), FIRST, prefix="acme/agent", bucket=US)
    own = snapshots.put(US, id_of(0, "01:00"), SECOND, prefix="acme/agent")
    more = ("--component", "agent", "--at", "2026-11-23T03:00:00Z", "--yes", "--no-wait")
    assert restore(snapshots, "--region", US, *more) == DONE
    assert request_of(snapshots, US, "acme/agent")["checkpoint"] == str(own.id)
    assert restore(snapshots, *more) == WRONG_CALL


def test_it_says_when_another_region_s_memory_wins_now(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshots.put(US, id_of(1, "02:00"), FIRST)
    snapshots.put(EU, id_of(2, "03:00"), SECOND, bucket=US)
    assert restore(snapshots, "--at", "2026-11-23T02:30:00Z", "--yes", "--no-wait") == DONE
    assert f"if {EU} is primary now, use --region {EU}" in capsys.readouterr().out


@pytest.mark.parametrize("company", ["Globex_Corp", "globex-corp"])
def test_a_company_s_name_or_namespace_names_it(snapshots: Snapshots, company: str) -> None:
    snapshots.put(EU, id_of(1, "02:00"), FIRST, prefix="globex-corp/brain")
    more = ("--region", EU, "--at", "2026-11-23T03:00:00Z", "--yes", "--no-wait")
    assert restore(snapshots, *more, company=company) == DONE
    assert request_of(snapshots, EU, "globex-corp/brain")["region"] == EU


def test_each_active_region_has_a_memory_of_its_own_under_other_policies(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshots.policy, snapshots.regions = "latency", [EU, {"name": ASIA, "active": False}, US]
    snapshots.put(US, id_of(0, "02:00"), FIRST)
    snapshots.put(EU, id_of(0, "02:00"), FIRST, bucket=US)
    time = ("--at", "2026-11-23T03:00:00Z", "--yes", "--no-wait")
    assert restore(snapshots, *time) == WRONG_CALL
    assert f"a memory of its own in each region; must be one of {EU}, {US}" in capsys.readouterr().err
    assert restore(snapshots, "--region", ASIA, *time) == WRONG_CALL
    assert (
        f"{ASIA} is passive: it follows the memory of {EU}; must be one of {EU}, {US}"
        in capsys.readouterr().err
    )
    assert restore(snapshots, "--region", US, *time) == DONE
    assert request_of(snapshots, US)["region"] == US
    assert "region us-east-1:" not in capsys.readouterr().out


def test_a_company_in_a_single_region_needs_no_region(snapshots: Snapshots) -> None:
    snapshots.policy, snapshots.companies = "latency", [{"name": "acme", "regions": [EU]}]
    snapshots.put(EU, id_of(0, "02:00"), FIRST)
    assert restore(snapshots, "--at", "2026-11-23T03:00:00Z", "--yes", "--no-wait") == DONE
    assert request_of(snapshots, EU)["region"] == EU


def test_the_order_of_an_operator_reaches_no_other_company(snapshots: Snapshots) -> None:
    """Nor do another company's checkpoints ever count, whatever its name."""
    snapshots.companies = ["brain", "acme"]
    snapshots.put(US, id_of(9, "02:59"), SECOND, prefix="brain/brain")
    own = snapshots.put(US, id_of(1, "02:00"), FIRST)
    assert restore(snapshots, "--at", "2026-11-23T03:00:00Z", "--yes", "--no-wait") == DONE
    assert request_of(snapshots, US)["checkpoint"] == str(own.id)
    assert snapshots.requests() == [f"{US}/acme/brain/{REQUEST}"]


def test_a_later_order_has_a_higher_number_whatever_the_clocks_say(snapshots: Snapshots) -> None:
    snapshots.put(US, id_of(1, "02:00"), FIRST)
    time = ("--at", "2026-11-23T03:00:00Z", "--yes", "--no-wait")
    assert restore(snapshots, *time) == DONE
    first = int(request_of(snapshots, US)["order"])
    key, future = f"{US}/acme/brain/{REQUEST}", str(first + 600_000)
    request = json.dumps(request_of(snapshots, US) | {"order": future})
    snapshots.s3.client().put_object(Bucket=snapshots.s3.buckets[US], Key=key, Body=request.encode())
    assert restore(snapshots, *time) == DONE
    assert int(request_of(snapshots, US)["order"]) == int(future) + 1
    snapshots.s3.client().put_object(Bucket=snapshots.s3.buckets[US], Key=key, Body=b"nothing")
    later = first / 1000 + 60
    snapshots.s3.clock.now = lambda: later
    assert restore(snapshots, *time) == DONE
    assert first < int(request_of(snapshots, US)["order"]) < int(future)
    request = json.dumps(request_of(snapshots, US) | {"order": str(first + 10**9)})
    snapshots.s3.client().put_object(Bucket=snapshots.s3.buckets[US], Key=key, Body=request.encode())
    assert restore(snapshots, *time) == DONE
    assert first < int(request_of(snapshots, US)["order"]) < int(future), "gates refuse one from the future"


def test_it_waits_until_the_gate_has_uploaded_what_it_restored(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore_command, "POLL_SECONDS", 0.1)
    chosen = snapshots.put(US, id_of(1, "02:00"), FIRST)
    snapshots.put(US, id_of(1, "02:30"), SECOND)
    ended: list[int] = []
    command = threading.Thread(
        target=lambda: ended.append(restore(snapshots, "--at", "2026-11-23T02:10:00Z", "--yes"))
    )
    command.start()
    until(lambda: snapshots.requests() != [], "the request is there")
    snapshots.put(US, id_of(1, "03:00"), THIRD)
    calls = len(snapshots.s3.calls)
    until(lambda: len(snapshots.s3.calls) > calls + 2, "it looked again")
    assert ended == [], "a checkpoint without a base is not the restored memory"
    base = CheckpointRef(region=US, checkpoint=chosen.id)
    made = snapshots.put(US, id_of(2, "03:01"), FIRST, base=base)
    command.join()
    assert ended == [DONE]
    said = capsys.readouterr().out
    assert "waiting for the gate … 0 s" in said and f"uploaded since: {made.id}" in said


def test_what_an_earlier_restore_made_is_not_taken_for_this_one_s(snapshots: Snapshots) -> None:
    chosen = snapshots.put(US, id_of(1, "02:00"), FIRST)
    snapshots.put(US, id_of(2, "02:30"), SECOND, base=CheckpointRef(region=US, checkpoint=chosen.id))
    assert restore(snapshots, "--at", "2026-11-23T02:10:00Z", "--yes", "--timeout", "0") == TIMED_OUT


def test_a_request_that_nobody_carries_out_stays_and_says_so(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshots.put(US, id_of(1, "02:00"), FIRST)
    assert restore(snapshots, "--at", "2026-11-23T02:10:00Z", "--yes", "--timeout", "0") == TIMED_OUT
    said = capsys.readouterr().err
    assert f"aws s3 rm s3://{snapshots.s3.buckets[US]}/{US}/acme/brain/{REQUEST}" in said
    assert f"kubectl -n acme logs brain-{US}-0 -c gate" in said
    assert snapshots.requests() == [f"{US}/acme/brain/{REQUEST}"]
