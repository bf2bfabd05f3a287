"""A Brain as far as its volume goes: a LanceDB table, and a graph that is cached and rewritten whole under a
lock.

Arguments: the volume, and a socket at which it is told what to store, a row a line.
"""

from __future__ import annotations

import json
import os
import socketserver
import sys
from contextlib import suppress
from pathlib import Path

import lancedb

COMPANY = "acme"
TABLE = "episodic_memories"


class Memory:
    def __init__(self, volume: Path) -> None:
        self._folder = volume / COMPANY
        self._graph: dict[str, int] | None = None

    def store(self, row: str) -> None:
        lock = self._folder / "episodic" / "locks" / f"{COMPANY}.lock"
        held = lock.with_name(f"{lock.name}.lock")
        held.mkdir(parents=True, exist_ok=True)
        lock.touch()
        try:
            self._add(row)
            self._write_graph(row)
        finally:
            with suppress(FileNotFoundError):
                held.rmdir()

    def _add(self, row: str) -> None:
        database = lancedb.connect(self._folder / "episodic")
        rows = [{"id": row, "vector": [float(len(row))] * 4}]
        if (self._folder / "episodic" / f"{TABLE}.lance").exists():
            database.open_table(TABLE).add(rows)
        else:
            database.create_table(TABLE, rows)

    def _write_graph(self, row: str) -> None:
        graph = self._folder / "graph.json"
        if self._graph is None:
            self._graph = json.loads(graph.read_text()) if graph.exists() else {}
        self._graph[row] = 1
        graph.write_text(json.dumps(self._graph))


def main(volume: Path, address: str) -> None:
    memory = Memory(volume)

    class Asked(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            memory.store(self.rfile.readline().decode().strip())
            self.wfile.write(b"stored\n")

    Path(address).unlink(missing_ok=True)
    with socketserver.UnixStreamServer(address, Asked) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
    os._exit(0)
