"""The health monitor: tools that record and report metrics, and a dashboard."""

from __future__ import annotations

import html
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from . import metrics
from .files import agent_folder, log
from .front import Front, health
from .worker import Worker, server_of

if TYPE_CHECKING:
    from mcp.server import MCPServer

COLUMNS = ("count", "min", "max", "avg", "sum")


def track_metric(agent: str, metric: str, value: int | float, tags: dict[str, str] | None = None) -> str:
    """Log a performance metric or operational event."""
    metrics.track(agent_folder(), agent, metric, value, tags or {})
    return f"Metric {metric} tracked."


def get_health_report(timeframe: Literal["last_hour", "last_day", "last_week"]) -> str:
    """Generate a health report aggregating metrics for a specific timeframe."""
    return json.dumps(metrics.report(agent_folder(), timeframe), indent=2)


def dashboard() -> tuple[str, str]:
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td>"
        + "".join(f"<td>{figures[column]:g}</td>" for column in COLUMNS)
        + "</tr>\n"
        for name, figures in sorted(metrics.report(agent_folder(), "last_hour").items())
    )
    head = "".join(f"<th>{column}</th>" for column in ("metric", *COLUMNS))
    page = f"<!doctype html><title>Health monitor</title>\n<h1>Last hour</h1>\n<table>\n<tr>{head}</tr>\n"
    return "text/html; charset=utf-8", f"{page}{rows}</table>\n"


def server() -> MCPServer:
    return server_of("health_monitor", (track_metric, get_health_report))


def main() -> None:
    port = os.environ.get("PORT")
    if not port:
        return server().run("stdio")
    pages = {"/health": health, "/": dashboard}
    with Front(int(port), pages, Worker("health_monitor")) as front, suppress(KeyboardInterrupt):
        log(f"health monitor on port {port}")
        front.serve_forever()
    return None


if __name__ == "__main__":
    main()
