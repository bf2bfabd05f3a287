"""Metrics of Agent and health monitor: a file a day, a JSON object a line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .files import append, timestamp

FOLDER = "metrics"
TIMEFRAMES = {
    "last_hour": timedelta(hours=1),
    "last_day": timedelta(days=1),
    "last_week": timedelta(weeks=1),
}


def track(agent_folder: Path, agent: str, metric: str, value: float, tags: Mapping[str, str]) -> None:
    now = timestamp()
    line = {"timestamp": now, "agent": agent, "metric": metric, "value": value, "tags": dict(tags)}
    append(agent_folder / FOLDER / f"{now[:10]}.ndjson", json.dumps(line))


def report(agent_folder: Path, timeframe: str) -> dict[str, dict[str, float]]:
    """`<agent>:<metric>` → figures of the last `timeframe` (TIMEFRAMES)."""
    values: dict[str, list[float]] = {}
    for name, value in _since(agent_folder, datetime.now(UTC) - TIMEFRAMES[timeframe]):
        values.setdefault(name, []).append(value)
    return {
        name: {
            "count": len(each),
            "min": min(each),
            "max": max(each),
            "avg": sum(each) / len(each),
            "sum": sum(each),
        }
        for name, each in values.items()
    }


def _since(agent_folder: Path, start: datetime) -> Iterator[tuple[str, float]]:
    for file in sorted((agent_folder / FOLDER).glob("????-??-??.ndjson")):
        if file.stem < start.date().isoformat():
            continue
        with file.open(errors="replace") as lines:
            for line in lines:
                entry = _parsed(line)
                if entry is not None and entry[0] >= start:
                    yield entry[1], entry[2]


def _parsed(line: str) -> tuple[datetime, str, float] | None:
    """None for an incomplete line, and for lines of other programs."""
    try:
        entry = json.loads(line)
        at = datetime.fromisoformat(entry["timestamp"]).astimezone(UTC)
        value = entry["value"]
        return (at, f"{entry['agent']}:{entry['metric']}", value) if math.isfinite(value) else None
    except (ValueError, KeyError, TypeError):
        return None
