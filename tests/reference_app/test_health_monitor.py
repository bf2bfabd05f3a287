from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.reference_app.programs import Program


def file_of(volume: Path, at: datetime) -> Path:
    return volume / ".agent" / "metrics" / f"{at:%Y-%m-%d}.ndjson"


def write(volume: Path, at: datetime, line: str) -> None:
    file = file_of(volume, at)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lines:
        lines.write(line + "\n")


def metric(at: datetime, **fields: Any) -> str:
    return json.dumps(
        {"timestamp": at.isoformat(), "agent": "past", "metric": "m", "value": 1, "tags": {}, **fields}
    )


def report(monitor: Program, timeframe: str) -> dict[str, dict[str, float]]:
    figures: dict[str, dict[str, float]] = json.loads(monitor.call("get_health_report", timeframe=timeframe))
    return figures


def test_a_metric_is_tracked_and_reported(health_monitor: Program, monitored: Path) -> None:
    for value in (10, 2.5):
        metric = {"agent": "agent-sim", "metric": "latency", "value": value, "tags": {"company": "acme"}}
        assert health_monitor.call("track_metric", **metric) == "Metric latency tracked."
    figures = report(health_monitor, "last_hour")["agent-sim:latency"]
    assert figures == {"count": 2, "min": 2.5, "max": 10, "avg": 6.25, "sum": 12.5}
    lines = [json.loads(line) for line in file_of(monitored, datetime.now(UTC)).read_text().splitlines()]
    mine = [line for line in lines if line["agent"] == "agent-sim"]
    assert [line["value"] for line in mine] == [10, 2.5]
    assert mine[0].keys() == {"timestamp", "agent", "metric", "value", "tags"}


def test_a_report_has_the_metrics_of_its_time(health_monitor: Program, monitored: Path) -> None:
    now = datetime.now(UTC)
    for name, age in (
        ("minutes", timedelta(minutes=5)),
        ("hours", timedelta(hours=3)),
        ("days", timedelta(days=3)),
    ):
        write(monitored, now - age, metric(now - age, agent=name))
    assert {"minutes:m"} <= (hour := report(health_monitor, "last_hour")).keys()
    assert {"minutes:m", "hours:m"} <= (day := report(health_monitor, "last_day")).keys()
    assert {"minutes:m", "hours:m", "days:m"} <= report(health_monitor, "last_week").keys()
    assert "hours:m" not in hour and "days:m" not in day


def test_lines_that_are_no_metrics_are_passed_over(health_monitor: Program, monitored: Path) -> None:
    now = datetime.now(UTC)
    for line in (
        '{"timestamp": "20',
        "[]",
        metric(now, agent="odd", value="many"),
        metric(now, agent="odd", value=1e999),
    ):
        write(monitored, now, line)
    write(monitored, now, metric(now, agent="after"))
    figures = report(health_monitor, "last_hour")
    assert "after:m" in figures and "odd:m" not in figures


def test_the_dashboard_shows_the_last_hour(health_monitor: Program, monitored: Path) -> None:
    write(monitored, now := datetime.now(UTC), metric(now, agent="<b>bold</b>", value=7))
    status, kind, page = health_monitor.send("GET", "/")
    assert (status, kind) == (200, "text/html")
    assert "&lt;b&gt;bold&lt;/b&gt;:m</td><td>1</td><td>7</td>" in page
