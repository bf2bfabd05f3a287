"""What the store asks of rclone, and what it makes of the answers."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from runtime.gate.storage import rclone
from runtime.gate.storage.errors import Refused, StoreError, Unreachable
from runtime.gate.storage.rclone import Interrupted
from tests.components.stacks import EU
from tests.gate.snapshot.company import Company
from tests.s3 import CUT, REFUSED, SLOW_DOWN, Call, Fault
from tests.services import LIMIT_SECONDS, until

BIG = 40 << 20
"""Bytes; sent in parts."""


def test_what_is_uploaded_is_listed_read_downloaded_and_deleted(company: Company, tmp_path: Path) -> None:
    store, files = company.store(), {}
    for number, name in enumerate(("plain", "below/a", "spaces and ü", "#hash%20+&", "trailing.")):
        files[f"data/{name}"] = company.write(f"acme/{number}", b"x" * number)

    store.upload(files, tmp_path / "staging", root=company.root)
    store.put("_checkpoints/1.json", b"{}")
    store.download(files, tmp_path / "into")

    sizes = {key: path.stat().st_size for key, path in files.items()}
    assert store.list() == company.keys() == {**sizes, "_checkpoints/1.json": 2}
    assert store.list("data") == sizes and store.list("data/below") == {"data/below/a": 1}
    assert store.read("_checkpoints/1.json") == b"{}"
    for key, path in files.items():
        assert (tmp_path / "into" / key).read_bytes() == path.read_bytes()
    store.delete([*files, "data/never-there"])
    assert company.keys() == {"_checkpoints/1.json": 2}
    assert not (tmp_path / "staging").exists()


STRANGE = ["tab\t9", "\u2028", "\u0085", "\x1b[31m", '"quoted"', "9\tdata/x"]


@pytest.mark.parametrize("name", STRANGE)
def test_an_object_of_any_name_is_listed_and_read_and_hides_no_other(company: Company, name: str) -> None:
    company.put(f"diverged/{name}", b"abc")
    company.put("data/plain", b"x")

    listed = company.store().list()

    (strange,) = listed.keys() - {"data/plain"}  # rclone has its own signs for control characters.
    assert listed == {strange: 3, "data/plain": 1} and strange.startswith("diverged/")
    assert company.store().read(strange) == b"abc"


def test_nothing_there_is_an_empty_listing(company: Company) -> None:
    assert company.store().list() == {} and company.store().list("data") == {}


def test_no_call_is_made_that_the_role_would_refuse_or_that_could_be_spared(
    company: Company, tmp_path: Path
) -> None:
    store, one = company.store(), company.write("acme/one")
    store.list()
    store.upload({"data/one": one}, tmp_path / "staging", root=company.root)
    store.read("data/one")
    store.delete(["data/one"])

    asked = [call.operation for call in company.s3.calls]
    assert asked == ["ListObjectsV2", "PutObject", "GetObject", "DeleteObject"]


def test_objects_are_hashed_with_a_request_each_and_those_that_cannot_be_read_are_left_out(
    company: Company,
) -> None:
    store = company.store()
    contents = {"data/acme/a b.lance": b"1", "objects/empty": b"", "objects/big": bytes(3 << 20)}
    for key, content in contents.items():
        company.put(key, content)
    hashes = {key: hashlib.sha256(content).hexdigest() for key, content in contents.items()}
    company.s3.calls.clear()

    assert store.hashes(contents) == hashes
    assert [call.operation for call in company.s3.calls] == ["GetObject"] * 3
    assert store.hashes([*contents, "objects/missing"]) == hashes
    assert store.hashes([]) == {}
    with pytest.raises(StoreError):
        store.hashes(["objects/missing"])
    company.s3.fault = lambda call: SLOW_DOWN if call.key.endswith("big") else None
    with pytest.raises(Unreachable):
        store.hashes(contents)


def test_a_big_file_is_sent_in_parts_and_comes_back_whole(company: Company, tmp_path: Path) -> None:
    store, big = company.store(), company.write("acme/big", os.urandom(BIG))

    store.upload({"data/big": big}, tmp_path / "staging", root=company.root)
    store.download(["data/big"], tmp_path / "into")

    assert (tmp_path / "into/data/big").read_bytes() == big.read_bytes()
    assert "UploadPart" in {call.operation for call in company.s3.calls}
    assert company.s3.refused == []


def test_what_the_role_refuses_is_refused(company: Company, tmp_path: Path) -> None:
    other = company.store(namespace="globex")
    for call in (
        other.list,
        lambda: other.read("data/one"),
        lambda: other.put("data/one", b"x"),
        lambda: other.delete(["data/one"]),
        lambda: other.download(["data/one"], tmp_path),
        lambda: company.store(holder=EU).put("data/one", b"x"),
    ):
        with pytest.raises(Refused, match=r"globex|eu-west-1"):
            call()


def test_what_is_missing_cannot_be_told_from_what_is_refused(company: Company, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"data/gone.*[Cc]heck the pod's role and that the object exists"):
        company.store().read("data/gone")
    with pytest.raises(StoreError, match="data/gone"):
        company.store().download(["data/gone"], tmp_path)


@pytest.mark.parametrize("fault", [SLOW_DOWN, Fault(status=500), CUT])
def test_an_outage_is_unreachable_with_what_was_said(company: Company, fault: Fault) -> None:
    company.s3.fault = lambda _: fault
    with pytest.raises(Unreachable, match=r"s3://.*/us-east-1/acme/brain: list .*tried again"):
        company.store().list()


@pytest.mark.parametrize(("fault", "kind"), [(SLOW_DOWN, Unreachable), (REFUSED, Refused)])
def test_a_number_in_a_key_is_not_taken_for_an_answer(
    company: Company, fault: Fault, kind: type[StoreError]
) -> None:
    company.s3.fault = lambda _: fault
    with pytest.raises(StoreError) as error:
        company.store().put("data/acme/t.lance/_transactions/403-503.txn", b"x")
    assert type(error.value) is kind


def test_nobody_listening_is_unreachable(company: Company) -> None:
    company.s3.url = "http://127.0.0.1:9"
    with pytest.raises(Unreachable, match="connection refused"):
        company.store().put("data/one", b"x")


def test_a_role_taken_away_is_refused(company: Company) -> None:
    company.s3.fault = lambda _: REFUSED
    with pytest.raises(Refused):
        company.store().put("data/one", b"x")


def test_no_credentials_are_refused_and_the_node_s_are_not_asked_for(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(Refused, match="credentials"):
        company.store().list()
    assert company.s3.calls == []


def test_an_answer_that_does_not_come_in_time_is_unreachable(company: Company) -> None:
    company.s3.fault = lambda _: Fault(delay=LIMIT_SECONDS)
    with pytest.raises(Unreachable):
        company.store(timeout=0.5).list()


def test_a_passing_fault_is_not_noticed(company: Company) -> None:
    faults = [SLOW_DOWN, CUT]
    company.s3.fault = lambda _: faults.pop() if faults else None

    company.store().put("data/one", b"x")

    assert company.keys() == {"data/one": 1} and faults == []


def test_an_interrupt_ends_rclone_in_the_middle_of_a_call(company: Company) -> None:
    asked = threading.Event()

    def stall(_: Call) -> Fault:
        asked.set()
        return Fault(delay=LIMIT_SECONDS)

    company.s3.fault = stall

    def interrupt() -> None:
        asked.wait(LIMIT_SECONDS)
        company.interrupt.set()

    others = set(children())
    threading.Thread(target=interrupt).start()
    with pytest.raises(Interrupted):
        company.store().list()
    with pytest.raises(Interrupted):
        company.store().put("data/one", b"x")
    assert set(children()) <= others


MANY = [f"data/{number:064}" for number in range(2000)]
"""Together more than a pipe holds."""


def test_an_rclone_that_starts_slowly_still_gets_all_of_many_keys(company: Company, tmp_path: Path) -> None:
    received = tmp_path / "received"
    company.rclone = script(tmp_path / "rclone", f"sleep 0.5; cat > {received}")
    deleting = threading.Thread(target=lambda: company.store().delete(MANY))
    deleting.start()
    try:
        deleting.join(LIMIT_SECONDS)
        assert not deleting.is_alive()
        assert received.read_text().split() == MANY
    finally:
        company.interrupt.set()
        deleting.join()


def test_an_rclone_that_moves_no_byte_is_ended(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rclone, "STALLED_SECONDS", 0.5)
    company.rclone = script(tmp_path / "rclone", f"cat; exec sleep {LIMIT_SECONDS}")
    with pytest.raises(Unreachable, match="moved no byte"):
        company.store().delete(MANY)


def test_an_rclone_that_moves_bytes_may_take_long(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rclone, "STALLED_SECONDS", 1.0)
    steps = "for step in 1 2 3 4 5 6 7 8 9 10; do sleep 0.2; cat /dev/null; echo $step; done"
    company.rclone = script(tmp_path / "rclone", steps)
    company.store().delete(MANY)


def script(path: Path, commands: str) -> Path:
    """A program that stands in for rclone."""
    path.write_text(f"#!/bin/sh\n{commands}\n")
    path.chmod(0o755)
    return path


def test_rclone_dies_with_its_gate(company: Company) -> None:
    company.s3.fault = lambda _: Fault(delay=LIMIT_SECONDS)
    arguments = (str(company.rclone), company.s3.buckets["us-east-1"], company.prefix, company.s3.url)
    script = (
        "import sys, threading\nfrom pathlib import Path\nfrom runtime.gate.storage.bucket import Store\n"
        "Store(Path(sys.argv[1]), region='us-east-1', bucket=sys.argv[2], prefix=sys.argv[3],\n"
        "      endpoint=sys.argv[4], interrupt=threading.Event()).list()\n"
    )
    gate = subprocess.Popen([sys.executable, "-c", script, *arguments], cwd=Path(__file__).parents[3])
    until(lambda: bool(company.s3.calls), "rclone asks")
    (child,) = children(gate.pid)

    gate.kill()
    gate.wait(LIMIT_SECONDS)

    until(lambda: not Path(f"/proc/{child}").exists(), "rclone is gone")


def test_no_configuration_file_is_read_or_written(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".config/rclone").mkdir(parents=True)
    (home / ".config/rclone/rclone.conf").write_text("not a configuration [")
    (home / ".aws").mkdir()
    (home / ".aws/config").write_text("not a configuration [")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("RCLONE_S3_ENDPOINT", "http://127.0.0.1:9")

    company.store().put("data/one", b"x")

    assert company.keys() == {"data/one": 1}
    assert sorted(path.name for path in home.rglob("*") if path.is_file()) == ["config", "rclone.conf"]


def test_a_key_that_would_be_two_lines_is_never_asked_for(company: Company) -> None:
    with pytest.raises(ValueError, match="one non-empty line each"):
        company.store().delete(["data/one\ndata/two"])
    assert company.s3.calls == []


def children(parent: int | None = None) -> list[int]:
    """Process ids of what the process started and has not reaped."""
    task = Path(f"/proc/{parent or os.getpid()}/task")
    listed = [Path(thread, "children").read_text().split() for thread in task.iterdir()]
    return [int(pid) for pids in listed for pid in pids]
