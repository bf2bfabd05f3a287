"""A process that writes as the application's Brain does: memories to a LanceDB table, a graph under a lock.

    python -m tests.gate.lance_writer <.agent/brain> <company> <log> [--pause SECONDS] [--compact-every N]

Each commit adds one row; ids count up from what the table holds. `log` gets a line with the number of rows
after each commit. The graph holds `{"nodes": [0, …]}` with as many nodes as there were rows; it is rewritten
in place, in pieces, so that there are moments in which it does not parse. Every N commits the table is
compacted and its old versions are deleted at once. SIGTERM ends it after the commit that it is at.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

TABLE = "episodic_memories"
DIMENSIONS = 8


def open_table(brain: Path, company: str) -> Any:
    """The company's table; made with no rows when there is none."""
    import lancedb
    import pyarrow

    vector = pyarrow.list_(pyarrow.float32(), DIMENSIONS)
    schema = pyarrow.schema([("id", pyarrow.int64()), ("text", pyarrow.string()), ("vector", vector)])
    database = lancedb.connect(brain / company / "episodic")
    return database.create_table(TABLE, schema=schema, exist_ok=True)


def add(table: Any, number: int) -> None:
    table.add([{"id": number, "text": f"memory {number}", "vector": [float(number)] * DIMENSIONS}])


def rows(brain: Path, company: str) -> list[int]:
    """The ids in a table, in order. Raises what lancedb does when it cannot be read."""
    import lancedb

    table = lancedb.connect(brain / company / "episodic").open_table(TABLE)
    return sorted(table.to_arrow().column("id").to_pylist())


def write_graph(brain: Path, company: str, nodes: int) -> None:
    text = json.dumps({"nodes": list(range(nodes)), "padding": "x" * 2000})
    lock = brain / company / "episodic" / "locks" / f"{company}.lock"
    with _locked(lock), (brain / company / "graph.json").open("w") as file:
        for start in range(0, len(text), 1000):
            file.write(text[start : start + 1000])
            file.flush()


def committed(log: Path) -> int:
    """The number in the last whole line of a writer's log; 0 when there is none."""
    lines = log.read_text().split("\n")[:-1] if log.exists() else []
    return int(lines[-1]) if lines else 0


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("brain", type=Path)
    asked.add_argument("company")
    asked.add_argument("log", type=Path)
    asked.add_argument("--pause", type=float, default=0.02, help="seconds between two commits")
    asked.add_argument("--compact-every", type=int, default=0, help="commits; 0 is never")
    asked.add_argument("--rows", type=int, default=0, help="end at so many; 0 is never")
    options = asked.parse_args()
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))

    table = open_table(options.brain, options.company)
    number = table.count_rows()
    with options.log.open("a") as log:
        while not stopping and (not options.rows or number < options.rows):
            add(table, number)
            number += 1
            log.write(f"{number}\n")
            log.flush()
            write_graph(options.brain, options.company, number)
            if options.compact_every and number % options.compact_every == 0:
                table.optimize(cleanup_older_than=timedelta(0))
            time.sleep(options.pause)


if __name__ == "__main__":
    main()
