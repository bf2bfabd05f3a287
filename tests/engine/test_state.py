"""The state is whole after a crash, and no secret stands in it."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path
from typing import Any

from engine.values import COMPUTED, Secret, changes, revealed, storable
from local.embedded.state import Entry, State


def entry(urn: str, **values: Any) -> Entry:
    return {"urn": urn, "id": "1", "inputs": {}, **values}


def test_what_was_put_and_dropped_is_there_when_the_file_is_read_again(tmp_path: Path) -> None:
    state = State(tmp_path / "state.json")
    first, second = state.put(entry("a")), state.put(entry("b"))
    state.put(entry("b", id="2"), doomed=second)
    state.drop(first)
    again = State(tmp_path / "state.json")
    assert again.resources == {"b": entry("b", id="2")}
    assert again.doomed == [entry("b")]
    assert again.salt == state.salt


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    State(tmp_path / "state.json").put(entry("a"))
    assert stat.S_IMODE((tmp_path / "state.json").stat().st_mode) == 0o600


def test_changes_from_many_threads_are_all_kept(tmp_path: Path) -> None:
    state = State(tmp_path / "state.json")

    def put(thread: int) -> None:
        for number in range(20):
            urn = f"{thread}-{number}"
            state.put(entry(urn))
            assert urn in json.loads((tmp_path / "state.json").read_text())["resources"]

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(State(tmp_path / "state.json").resources) == 160


def test_an_alias_finds_what_had_another_urn_once(tmp_path: Path) -> None:
    state = State(tmp_path / "state.json")
    state.put(entry("old"))
    assert state.find("new", ("older", "old")) == entry("new")
    assert state.find("old", ()) is None
    state.put(entry("old"))
    assert state.find("new", ("old",)) == entry("new")
    assert state.find("old", ()) == entry("old")


def test_a_secret_is_stored_as_a_hash_that_tells_its_change_and_nothing_else() -> None:
    one, same, other = (storable({"key": Secret(text)}, "salt") for text in ("hush", "hush", "tell"))
    assert one == same
    assert one != other
    assert one != storable({"key": Secret("hush")}, "other salt")
    assert "hush" not in json.dumps(one)
    assert [str(change) for change in changes(one, other)] == ["key: [secret] → [secret]"]


def test_secrets_within_secrets_are_revealed_for_the_api_only() -> None:
    value = {"list": [Secret({"inner": Secret("hush")}), 1], "later": Secret(COMPUTED)}
    assert revealed(value) == {"list": [{"inner": "hush"}, 1], "later": COMPUTED}


def test_changes_are_as_deep_as_both_sides_go_together() -> None:
    old = {"a": {"b": [1, 2]}, "c": [1], "gone": 1}
    new = {"a": {"b": [1, 3]}, "c": [1, 2], "new": COMPUTED}
    assert [str(change) for change in changes(old, new)] == [
        "a.b.1: 2 → 3",
        "c: [1] → [1, 2]",
        "gone: 1 → absent",
        "new: absent → <computed>",
    ]
