"""Whatever comes from outside is a valid document or an InvalidDocument, in bounded memory."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.controller import gate_events, views
from runtime.documents import Document, InvalidDocument, parse, parse_list
from runtime.gate.lineage.state import LineageState
from runtime.gate.snapshot.checkpoint import Checkpoint, CheckpointRef, StoredFile, parse_checkpoint
from runtime.gate.storage.keys import CheckpointId

LIMIT = 1 << 20
ID = CheckpointId(generation=3, at=1_800_000_000_000)
REF = CheckpointRef(region="eu-west-1", checkpoint=ID)
SHA = "0123456789abcdef" * 4
CHECKPOINT = Checkpoint(
    region="us-east-1",
    id=ID,
    base=REF,
    files={
        "acme/graph.json": StoredFile(key=f"objects/{SHA}", size=12, sha256=SHA),
        "acme/a.lance/data/1.lance": StoredFile(key="data/acme/a.lance/data/1.lance", size=9, sha256=SHA),
    },
)
PAGE = views.Page(cluster="blue", at=5, regions={"us-east-1": views.RegionView(serving=True)})
EVENT = {"at": 5, "sequence": 7, "type": "Warning", "reason": "Diverged", "message": "files"}
PARSERS: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
    "checkpoint": (lambda data: parse_checkpoint(data, ID), CHECKPOINT.dump().encode()),
    "page": (views.parse, views.dump(PAGE).encode()),
    "events": (gate_events.parse, json.dumps([EVENT]).encode()),
    "state": (
        lambda data: LineageState.parse(parse(data, "state", limit=LIMIT)),
        json.dumps({"generation": 3, "base": REF.to_json(), "served": True, "unsent": ["a"]}).encode(),
    ),
}
parsers = pytest.mark.parametrize(("read", "valid"), PARSERS.values(), ids=list(PARSERS))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@parsers
def test_a_valid_document_is_read(read: Callable[[bytes], Any], valid: bytes) -> None:
    read(valid)


@parsers
@given(data=st.binary() | st.text().map(str.encode) | anything.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_rejected(read: Callable[[bytes], Any], valid: bytes, data: bytes) -> None:
    read_or_reject(read, data)


@parsers
@given(data=st.data())
def test_a_changed_document_is_read_or_rejected(
    read: Callable[[bytes], Any], valid: bytes, data: st.DataObject
) -> None:
    content = json.loads(valid)
    places = list(places_of(content))
    holder, key = data.draw(st.sampled_from(places))
    if data.draw(st.booleans()):
        holder[key] = data.draw(anything)
    elif isinstance(holder, dict):
        holder[data.draw(st.text())] = holder.pop(key)
    read_or_reject(read, json.dumps(content).encode())


@parsers
@given(data=st.data())
def test_a_cut_or_damaged_document_is_read_or_rejected(
    read: Callable[[bytes], Any], valid: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(valid)))
    read_or_reject(read, valid[:at])
    read_or_reject(read, valid[:at] + data.draw(st.binary(max_size=4)) + valid[at + 1 :])


HOSTILE = {
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "many lists": b"[" + b"[]," * 5_000_000 + b"[]]",
    "many objects": b'{"files": [' + b"{}," * 500_000 + b"{}]}",
    "utf-16": json.dumps({"region": "a"}).encode("utf-16"),
    "a long number": b'{"at": ' + b"9" * 100_000 + b"}",
    "not a number": b'{"at": NaN}',
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=list(HOSTILE))
@parsers
def test_a_hostile_document_is_rejected_in_little_memory(
    read: Callable[[bytes], Any], valid: bytes, data: bytes
) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InvalidDocument) as error:
            read(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * len(data) + LIMIT
    assert len(str(error.value)) < 300 and str(error.value).isprintable()


BAD_FILES = {
    "/etc/passwd": {},
    "../up": {},
    "a/../../up": {},
    "a//b": {},
    "": {},
    "nul\0": {},
    "key": {"key": "_checkpoints/1"},
    "key up": {"key": "data/../../other"},
    "another object": {"key": f"objects/{'0' * 64}"},
    "size": {"size": -1},
    "true": {"size": True},
    "hash": {"sha256": "0" * 63},
}


@pytest.mark.parametrize(("path", "changed"), BAD_FILES.items(), ids=[repr(path) for path in BAD_FILES])
def test_a_checkpoint_names_files_of_the_volume_alone(path: str, changed: dict[str, Any]) -> None:
    content = json.loads(CHECKPOINT.dump())
    content["files"][path] = {"key": f"objects/{SHA}", "size": 1, "sha256": SHA} | changed
    with pytest.raises(InvalidDocument):
        parse_checkpoint(json.dumps(content).encode(), ID)


def test_a_checkpoint_under_the_id_of_another_generation_is_rejected() -> None:
    with pytest.raises(InvalidDocument, match="generation 3"):
        parse_checkpoint(CHECKPOINT.dump().encode(), CheckpointId(generation=4, at=ID.at))


@given(
    name=st.text(st.characters(exclude_characters="/\0"), min_size=1).filter(lambda text: text not in "..")
)
def test_every_name_of_a_file_survives_a_checkpoint(name: str) -> None:
    file = StoredFile(key=f"objects/{SHA}", size=1, sha256=SHA)
    checkpoint = Checkpoint(region="us-east-1", id=ID, base=None, files={f"acme/{name}": file})
    assert parse_checkpoint(checkpoint.dump().encode(), ID) == checkpoint


def test_a_value_says_where_it_is_and_what_is_allowed() -> None:
    document = Document({"at": "x", "list": [{"a": 1}, 2], "name": "A"}, "page")
    with pytest.raises(InvalidDocument, match=r"page\.at: must be a whole number from 0 to 9, got 'x'"):
        document.number("at", high=9)
    with pytest.raises(InvalidDocument, match=r"page\.list\[1\]: must be an object, got 2"):
        list(document.objects("list"))
    with pytest.raises(InvalidDocument, match=r"page\.'other': missing \(required\)"):
        document.text("other")
    with pytest.raises(InvalidDocument, match=r"page\.name: must match \[a-z\]\+, got 'A'"):
        document.text("name", pattern=re.compile("[a-z]+"))


@pytest.mark.parametrize("name", ["\0", "\ud800", "a" * 254])
def test_a_text_is_utf_8_of_bounded_length(name: str) -> None:
    with pytest.raises(InvalidDocument, match="must be a text of at most 253 characters"):
        Document({"name": name}, "page").text("name", longest=253)


def test_a_document_over_the_limit_is_not_read() -> None:
    with pytest.raises(InvalidDocument, match="must be at most 10 bytes, got 11"):
        parse(b" " * 11, "page", limit=10)
    with pytest.raises(InvalidDocument):
        list(parse_list(b"{}", "events", limit=10))


def read_or_reject(read: Callable[[bytes], Any], data: bytes) -> None:
    with suppress(ValueError):
        read(data)


def places_of(content: Any) -> list[tuple[Any, Any]]:
    """Every (holder, key) in a JSON value."""
    if isinstance(content, dict):
        pairs: list[tuple[Any, Any]] = list(content.items())
    elif isinstance(content, list):
        pairs = list(enumerate(content))
    else:
        return []
    return [(content, key) for key, _ in pairs] + [place for _, value in pairs for place in places_of(value)]
