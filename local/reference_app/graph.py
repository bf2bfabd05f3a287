"""A company's semantic graph: one JSON file, rewritten whole and in place under the company's lock."""

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
    """The graph, to be changed; it is stored at the end."""
    graph = load(path)
    yield graph
    text = json.dumps(graph, indent=2).encode()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        file.write(text)
        file.truncate(len(text))


def load(path: Path) -> Graph:
    """A file that doesn't parse, because its writer was killed, is an empty graph; a copy of it is kept."""
    try:
        told = json.loads(path.read_bytes())
        return {"nodes": told["nodes"], "edges": told["edges"]}
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError) as error:
        kept = path.with_name(f"{path.name}.unreadable-{timestamp()}")
        shutil.copyfile(path, kept)
        log(f"{path} can't be read ({error}) and is taken as empty; a copy is {kept.name}")
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
    """Nodes and edges in which the words stand, upper and lower case alike."""
    return {
        kind: [entry for entry in entries if query.lower() in json.dumps(entry).lower()]
        for kind, entries in graph.items()
    }
