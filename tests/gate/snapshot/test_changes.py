"""Checkpoints that are stored as what changed since a whole list."""

from __future__ import annotations

import re

import pytest

from runtime.contracts.gate import Retention
from runtime.gate.snapshot import checkpoint as checkpoints
from runtime.gate.snapshot.checkpoint import CheckpointTooLarge, parse_checkpoint
from runtime.gate.snapshot.checkpoint_forms import WHOLE_SECONDS
from runtime.gate.snapshot.upload import Uploader
from runtime.gate.storage.keys import CHECKPOINTS, CheckpointName
from tests.checkpoint_names import checkpoint_names
from tests.gate.snapshot.company import QuickCompany, settle

FILES = 400
HOUR = 3600.0


@pytest.fixture
def many(quick: QuickCompany) -> QuickCompany:
    for number in range(FILES):
        settle(quick.write(f"acme/log/{number}.txt", b"%d" % number))
    return quick


def upload(quick: QuickCompany, uploader: Uploader, last: bool = False) -> int:
    """Returns the bytes of the checkpoint that was written."""
    quick.now += 60
    stored = uploader.run(generation=0, base=None, last=last).stored
    return len(stored[1]) if stored else 0


def name(quick: QuickCompany) -> CheckpointName:
    names = checkpoint_names(quick.keys())
    return names[max(names)]


def on_volume(quick: QuickCompany) -> dict[str, bytes]:
    files = (file for file in (quick.root / "acme").rglob("*") if file.is_file())
    return {file.relative_to(quick.root).as_posix(): file.read_bytes() for file in files}


def change(quick: QuickCompany, number: int) -> None:
    quick.write(f"acme/new/{number}.txt", b"new %d" % number)
    if number % 3 == 0:
        (quick.root / f"acme/log/{number}.txt").unlink()
    if number % 4 == 0:
        quick.write("acme/log/399.txt", b"again %d" % number)


def test_a_change_sends_what_changed_and_every_checkpoint_is_what_the_volume_held(many: QuickCompany) -> None:
    uploader, uploads = many.uploader(), {}
    first = upload(many, uploader)
    sent = []
    for number in range(1, 100):
        change(many, number)
        sent.append(upload(many, uploader))
        uploads[many.checkpoints()[-1]] = on_volume(many)

    forms = list(checkpoint_names(many.keys()).values())
    assert sum(one.since is not None for one in forms) > 80 and sum(one.since is None for one in forms) < 10
    assert sorted(sent)[len(sent) // 2] < first / 5
    for id, files in uploads.items():
        if id in many.checkpoints():
            assert many.restored(many.checkpoint(id)) == files


def test_a_gate_of_the_previous_version_sees_the_whole_lists_alone(many: QuickCompany) -> None:
    uploader = many.uploader()
    upload(many, uploader)
    change(many, 1)
    upload(many, uploader)

    known = re.compile(r"(\d{6,12})-(\d{13})\.json")
    seen = [key for key in sorted(many.keys()) if known.fullmatch(key.removeprefix(f"{CHECKPOINTS}/"))]
    assert name(many).since is not None and len(seen) == 1
    with pytest.raises(ValueError, match="missing"):
        parse_checkpoint(many.content(name(many).key), name(many).id)


def test_whole_lists_come_with_a_new_process_each_day_and_with_the_last_upload(many: QuickCompany) -> None:
    uploader = many.uploader()
    upload(many, uploader)
    change(many, 1)
    upload(many, uploader)
    assert name(many).since is not None

    upload(many, uploader, last=True)
    assert name(many).since is None and many.restored() == on_volume(many)

    change(many, 2)
    upload(many, uploader)
    assert name(many).since is not None
    uploader = many.uploader()
    change(many, 3)
    upload(many, uploader)
    assert name(many).since is None

    many.now += WHOLE_SECONDS
    change(many, 4)
    upload(many, uploader)
    assert name(many).since is None


def test_what_changes_build_on_is_kept_as_long_as_they_are(many: QuickCompany) -> None:
    uploader = many.uploader(Retention(all_hours=1, hourly_hours=3, daily_days=2))
    for number in range(1, 150):
        change(many, number)
        many.now += 600
        upload(many, uploader, last=number % 7 == 0)
        if number % 10 == 0:
            for id in many.checkpoints():
                assert many.restored(many.checkpoint(id))
    assert len(many.checkpoints()) < 40


def test_a_whole_list_replaces_the_list_of_changes_of_its_checkpoint(many: QuickCompany) -> None:
    uploader = many.uploader()
    upload(many, uploader)
    change(many, 1)
    upload(many, uploader)
    changes = name(many)
    content = many.content(changes.key)

    upload(many, uploader, last=True)
    assert changes.since is not None and changes.key not in set(many.keys())

    many.put(changes.key, content)  # As a gate leaves it that is killed in between.
    many.now += 3600
    upload(many, many.uploader())
    assert changes.key not in set(many.keys()) and many.restored() == on_volume(many)


@pytest.mark.parametrize("whole", [False, True])
def test_damaged_lists_of_the_newest_checkpoint_are_written_again(many: QuickCompany, whole: bool) -> None:
    uploader = many.uploader()
    upload(many, uploader)
    change(many, 1)
    upload(many, uploader)
    newest = name(many)
    assert newest.since is not None
    key = newest.since.key if whole else newest.key
    many.put(key, b"{}")

    many.now += 3600
    result = uploader.run(generation=0, base=None)
    assert result.damaged_objects == 1 and "the newest checkpoint had other content" in str(result.damaged)
    assert not {key, newest.key} & set(many.keys())
    assert name(many).since is None and many.restored() == on_volume(many)
    many.now += 3600
    assert uploader.run(generation=0, base=None).damaged is None
    change(many, 2)
    upload(many, uploader)
    assert name(many).since is not None and many.restored() == on_volume(many)


def test_after_a_failed_pass_changes_add_up(many: QuickCompany) -> None:
    uploader = many.uploader()
    upload(many, uploader)
    change(many, 1)
    upload(many, uploader)

    def fail(what: str, key: str) -> None:
        if what == "put" and key.startswith(CHECKPOINTS):
            raise OSError("the line is cut")

    many.bucket.fault = fail
    change(many, 2)
    with pytest.raises(OSError, match="cut"):
        upload(many, uploader)
    many.bucket.fault = lambda what, key: None
    change(many, 3)
    upload(many, uploader)

    assert name(many).since is not None and many.restored() == on_volume(many)


def test_a_list_that_nobody_could_read_is_never_written(
    many: QuickCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploader = many.uploader()
    upload(many, uploader)
    before = many.checkpoints()
    monkeypatch.setattr(checkpoints, "LARGEST", 1000)
    many.write("acme/more.txt", b"more")
    with pytest.raises(CheckpointTooLarge, match="Compact"):
        upload(many, many.uploader())

    monkeypatch.undo()
    assert many.checkpoints() == before and many.checkpoint()
