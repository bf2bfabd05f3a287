"""A `graph.json` that is rewritten in place while it is uploaded."""

from __future__ import annotations

import json
import os

import pytest

from runtime.gate.snapshot.checkpoint import CheckpointRef
from runtime.gate.snapshot.file_upload import Unsettled
from runtime.gate.storage.keys import CheckpointId
from tests.gate.snapshot.company import GRAPH, Company

ELSEWHERE = CheckpointRef(region="eu-west-1", checkpoint=CheckpointId(generation=3, at=1_700_000_000_000))


def test_a_torn_graph_leaves_the_last_good_one_named(company: Company) -> None:
    company.write_table()
    company.write(GRAPH, b'{"nodes": [1]}')
    uploader = company.uploader()
    uploader.run(generation=0, base=None)
    company.write(GRAPH, b'{"nodes": [1, 2')
    company.write("acme/else", b"new")

    assert uploader.run(generation=0, base=None).changed
    assert company.restored()[GRAPH] == b'{"nodes": [1]}'
    assert company.restored()["acme/else"] == b"new"

    company.write(GRAPH, b'{"nodes": [1, 2]}')
    uploader.run(generation=0, base=None)
    assert json.loads(company.restored()[GRAPH]) == {"nodes": [1, 2]}


def test_a_torn_graph_is_never_mixed_with_another_memory_s(company: Company) -> None:
    company.write(GRAPH, b'{"nodes": [1]}')
    uploader = company.uploader()
    uploader.run(generation=0, base=None)
    company.write(GRAPH, b'{"nodes"')

    with pytest.raises(Unsettled, match="does not parse"):
        uploader.run(generation=3, base=ELSEWHERE)
    assert len(company.checkpoints()) == 1


def test_a_graph_rewritten_at_the_same_size_and_time_is_uploaded(company: Company) -> None:
    graph = company.write(GRAPH, b'{"a": 1}')
    stat = graph.stat()
    uploader = company.uploader()
    uploader.run(generation=0, base=None)
    graph.write_bytes(b'{"a": 2}')
    os.utime(graph, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    uploader.run(generation=0, base=None)

    assert company.restored()[GRAPH] == b'{"a": 2}'
