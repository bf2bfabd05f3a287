"""`ops/compact.mjs`, run by Node.js with the application's own library: a table is compacted while a Brain
writes to it and a gate uploads it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.machine.files import locked
from local.programs.build import cache
from tests.gate import lance_writer
from tests.gate.lance_writer import committed, rows
from tests.gate.snapshot.company import QuickCompany
from tests.services import LIMIT_SECONDS, until

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "ops" / "compact.mjs"
LANCEDB = "@lancedb/lancedb@0.31.0"
ADDED = 60
MOST = 20
"""Files that a compacted table may have when little was added meanwhile."""
TABLE = f"acme/episodic/{lance_writer.TABLE}.lance"


@pytest.fixture(scope="session")
def application() -> Path:
    """A folder with the library, as the application's image has it."""
    folder = cache() / "npm" / LANCEDB.replace("/", "-")
    with locked(folder.with_suffix(".lock"), print, f"{LANCEDB} is being installed"):
        if not folder.exists():
            unfinished = folder.with_suffix(".new")
            shutil.rmtree(unfinished, ignore_errors=True)
            install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", unfinished, LANCEDB]
            subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
            unfinished.rename(folder)
    return folder


def compact(application: Path, root: Path, *seconds: str) -> subprocess.CompletedProcess[str]:
    """As the runbook says; `root` is the Brain's folder."""
    return subprocess.run(
        ["node", "--input-type=module", "-", str(root), *seconds],
        cwd=application,
        input=SCRIPT.read_text(),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )


@contextmanager
def writing(root: Path, log: Path) -> Iterator[None]:
    """A Brain that adds memories; at the end it has finished its last."""
    command = [sys.executable, "-m", "tests.gate.lance_writer", str(root), "acme", str(log), "--pause=0.05"]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_SECONDS) == 0
    finally:
        process.kill()
        process.wait(LIMIT_SECONDS)


def files(root: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(root / TABLE))


def restored(quick: QuickCompany, folder: Path) -> list[int]:
    """The rows of every checkpoint's table, of which the newest ones are returned."""
    found = list[int]()
    for id in quick.checkpoints():
        for path, content in quick.restored(quick.checkpoint(id)).items():
            target = folder / str(id) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        found = rows(folder / str(id), "acme")
        assert found == list(range(len(found))), id
    return found


def test_a_table_is_compacted_under_a_brain_and_a_gate_and_nothing_is_lost(
    application: Path, quick: QuickCompany, tmp_path: Path
) -> None:
    log, uploader = tmp_path / "committed", quick.uploader()
    with writing(quick.root, log):
        until(lambda: committed(log) >= ADDED, "memories are stored")
        assert uploader.run(generation=0, base=None).checkpoint is not None
        before = files(quick.root)
        done = compact(application, quick.root, "1")
        then = committed(log)
        quick.now += 60
        assert uploader.run(generation=0, base=None).guarded is None
        until(lambda: committed(log) > then, "the Brain goes on")
    quick.now += 60
    newest = uploader.run(generation=0, base=None)

    assert (done.returncode, done.stderr) == (0, "")
    assert f"{TABLE}: " in done.stdout
    assert newest.guarded is None and newest.failed == {}
    assert before > 2 * ADDED and files(quick.root) < before
    assert restored(quick, tmp_path / "restored") == list(range(committed(log)))


def test_versions_of_the_last_hour_stay_and_later_ones_leave_one_small_table(
    application: Path, quick: QuickCompany
) -> None:
    table = lance_writer.open_table(quick.root, "acme")
    for number in range(ADDED):
        lance_writer.add(table, number)

    assert compact(application, quick.root).returncode == 0
    assert files(quick.root) > 2 * ADDED and rows(quick.root, "acme") == list(range(ADDED))
    done = compact(application, quick.root, "0")

    assert f"{ADDED} rows; " in done.stdout
    assert files(quick.root) < MOST and rows(quick.root, "acme") == list(range(ADDED))
    assert table.count_rows() == ADDED


def test_a_table_that_cannot_be_read_is_named_and_the_others_are_compacted(
    application: Path, quick: QuickCompany
) -> None:
    lance_writer.add(lance_writer.open_table(quick.root, "acme"), 0)
    quick.write("acme/episodic/broken.lance/data/x.lance")
    quick.write("diverged/1/acme/episodic/old.lance/data/x.lance")

    done = compact(application, quick.root, "0")

    assert done.returncode == 1
    assert "broken.lance: not compacted: " in done.stderr and "diverged" not in done.stderr + done.stdout
    assert "1 rows; " in done.stdout
