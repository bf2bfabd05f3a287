"""A company's semantic graph: a JSON file, rewritten in place while the company's lock is held."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .files import log, timestamp

Graph = dict[str, list[dict[str, Any]]]


@contextmanager
def rewritten(path: Path) -> Iterator[Graph]:
    """The graph, to be changed in the block; then it is stored."""
    graph = load(path)
    yield graph
    text = json.dumps(graph, indent=2).encode()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        file.write(text)
        file.truncate(len(text))


def load(path: Path) -> Graph:
    """An invalid file, as after a killed writer, counts as an empty graph; a copy of the file is kept."""
    try:
        graph = json.loads(path.read_bytes())
        return {"nodes": graph["nodes"], "edges": graph["edges"]}
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError) as error:
        kept = path.with_name(f"{path.name}.unreadable-{timestamp()}")
        shutil.copyfile(path, kept)
        log(f"{path} is invalid ({error}) and counts as empty; a copy is in {kept.name}")
    return empty()


def empty() -> Graph:
    return {"nodes": [], "edges": []}


def add_node(graph: Graph, id: str, type: str, properties: dict[str, Any]) -> None:
    for node in graph["nodes"]:
        if node.get("id") == id:
            node.update(type=type, properties={**node.get("properties", {}), **properties})
            return
    graph["nodes"].append({"id": id, "type": type, "properties": properties})


def add_edge(graph: Graph, ends: dict[str, str], properties: dict[str, Any]) -> None:
    """`ends`: from, to, relation."""
    for edge in graph["edges"]:
        if ends.items() <= edge.items():
            edge["properties"] = {**edge.get("properties", {}), **properties}
            return
    graph["edges"].append({**ends, "properties": properties})


def search(graph: Graph, query: str) -> Graph:
    """Nodes and edges that contain the query, ignoring case."""
    return {
        kind: [entry for entry in entries if query.lower() in json.dumps(entry).lower()]
        for kind, entries in graph.items()
    }
