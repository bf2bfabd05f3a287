"""A company's episodic memory: a LanceDB table with the application's columns."""

from __future__ import annotations

import functools
import os
import time
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .files import RejectedError

TABLE = "episodic_memories"
DIMENSIONS = 1536
CACHE_BYTES = 4 << 20
"""LanceDB's default cache grows by 0.7 MB with each stored episode."""


def store(database: Path, id: str, task: str, request: str, solution: str) -> None:
    episode = {
        "id": id,
        "taskId": task,
        "timestamp": float(int(time.time() * 1000)),
        "userPrompt": request,
        "agentResponse": solution,
        "artifacts": ["none"],
        "vector": embedding(f"Task: {task}\nRequest: {request}\nSolution: {solution}"),
        "simulation_attempts": ["none"],
        "resolved_via_dreaming": False,
        "dreaming_outcomes": "",
        "tokens": 0.0,
        "duration": 0.0,
        "type": "task",
        "related_episode_id": "",
        "forecast_horizon": 0.0,
        "error_margin": 0.0,
        "source_agency": "",
    }
    table = _table(database)
    if table is None:
        _connection(database).create_table(TABLE, [episode])
    else:
        table.add([episode])


def recall(database: Path, query: str, limit: int) -> list[Mapping[str, Any]]:
    """The episodes that are nearest to the query, the nearest first."""
    table = _table(database)
    if table is None:
        return []
    episodes: list[Mapping[str, Any]] = table.search(embedding(query)).limit(limit).to_list()
    return episodes


def delete(database: Path, id: str) -> None:
    table = _table(database)
    if table is not None:
        quoted = id.replace("'", "''")
        table.delete(f"id = '{quoted}'")


def embedding(text: str) -> list[float]:
    """The application's vectors without a model: texts with the same sum of characters have the same vector.

    Raises RejectedError unless MOCK_EMBEDDINGS is true.
    """
    if os.environ.get("MOCK_EMBEDDINGS") != "true":
        raise RejectedError(
            "Failed to generate embedding for memory: the reference application has no model; "
            "set MOCK_EMBEDDINGS to true, or deploy the application's own image"
        )
    total = sum(array("H", text.encode("utf-16-le", "surrogatepass")))
    return [total * place % 1000 / 1000 for place in range(1, DIMENSIONS + 1)]


@functools.cache
def _connection(database: Path) -> Any:
    import lancedb

    caches = lancedb.Session(index_cache_size_bytes=CACHE_BYTES, metadata_cache_size_bytes=CACHE_BYTES)
    return lancedb.connect(database, session=caches)


def _table(database: Path) -> Any:
    """The current table; None before its creation, or when its creator was killed."""
    if not (database / f"{TABLE}.lance").exists():
        return None
    try:
        return _connection(database).open_table(TABLE)
    except ValueError:
        return None
