"""`.gate/state.json` across versions of the gate: one version forward, and back again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.gate.lineage.state import STATE, LineageState, StateFiles
from runtime.gate.snapshot.checkpoint import CheckpointRef
from runtime.gate.storage.keys import CheckpointId
from tests.gate.handover.memories import US

WRITTEN = LineageState(
    generation=3,
    base=CheckpointRef(region=US, checkpoint=CheckpointId(generation=2, at=1_700_000_000_000)),
    served=True,
    seen=4,
    swapped_at=1_700_000_000.5,
    last_order="1700000000000",
    unsent=("20260101T000000000Z",),
)


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    StateFiles(tmp_path).save(WRITTEN)
    assert StateFiles(tmp_path).load() == WRITTEN


def test_keys_of_a_newer_version_are_ignored_and_kept(tmp_path: Path) -> None:
    records = StateFiles(tmp_path)
    records.save(WRITTEN)
    file = records.folder / STATE
    file.write_text(json.dumps({**json.loads(file.read_text()), "newer": {"a": 1}}))

    assert records.load() == WRITTEN
    records.save(WRITTEN.raise_generation())

    assert json.loads(file.read_text())["newer"] == {"a": 1}
    assert records.load() == WRITTEN.raise_generation()


def test_a_state_of_an_older_version_has_the_defaults_of_newer_keys(tmp_path: Path) -> None:
    records = StateFiles(tmp_path)
    records.folder.mkdir(parents=True)
    (records.folder / STATE).write_text(json.dumps({"generation": 3, "base": None}))
    assert records.load() == LineageState(generation=3)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"generation": "3"}', '{"base": {"region": "us"}}'])
def test_a_damaged_state_is_an_error_that_names_the_file(tmp_path: Path, content: str) -> None:
    records = StateFiles(tmp_path)
    records.folder.mkdir(parents=True)
    (records.folder / STATE).write_text(content)
    with pytest.raises(ValueError, match=STATE):
        records.load()
