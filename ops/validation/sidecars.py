"""The Agent and its health monitor see each other's metrics, through the volume that they share."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from ops.validation.run import Run, shown, waited, who
from ops.validation.sites import Site
from ops.validation.verdicts import Failure, Verdict, passed

REPORT = "get_health_report"
WRITTEN, TRACKED = "written", "tracked"


def served(run: Run, site: Site) -> Verdict:
    """A metric that the agent writes is served by the health monitor."""
    agent, value = run.mark(site).agent, _value()
    site.write_metric(agent, WRITTEN, value)
    key, known = f"{agent}:{WRITTEN}", dict[str, Any]()

    def is_served() -> bool:
        known.clear()
        known.update(_report(run, site))
        found = known.get(key)
        return isinstance(found, dict) and found.get("count") == 1 and found.get("sum") == value

    seconds = waited(is_served, run.limits.metric, f"the health monitor of {who(site)} serves a metric")
    if seconds is None:
        told = (
            f"as {shown(json.dumps(known[key]))}" if key in known else f"not among its {len(known)} metrics"
        )
        raise Failure(
            f"the health monitor of {who(site)} does not serve a metric that the agent wrote into"
            f" .agent/metrics {run.limits.metric:.0f} s ago: {REPORT} has {key} = {value:g} {told}",
            site.look("health-monitor"),
        )
    return passed(f"a metric written into .agent/metrics is served after {seconds:.1f} s")


def tracked(run: Run, site: Site) -> Verdict:
    """A metric that the health monitor takes is in the agent's volume."""
    agent, value = run.mark(site).agent, _value()
    told = {"agent": agent, "metric": TRACKED, "value": value, "tags": {"suite": "validation"}}
    run.health_monitor(site, "track_metric", told)

    def is_there() -> bool:
        return any(_is(line, agent, value) for line in site.metrics_with(agent))

    seconds = waited(is_there, run.limits.metric, f"the agent of {who(site)} sees a tracked metric")
    if seconds is None:
        raise Failure(
            f"the health monitor of {who(site)} hands metrics nowhere: track_metric took {agent}:{TRACKED} ="
            f" {value:g} {run.limits.metric:.0f} s ago, and no line of the agent's .agent/metrics has it",
            site.look("health-monitor"),
        )
    return passed(f"a metric given to track_metric is in the agent's .agent/metrics after {seconds:.1f} s")


def _value() -> float:
    """One that both sides write the same way."""
    return float(1 + secrets.randbelow(1_000_000))


def _report(run: Run, site: Site) -> Mapping[str, Any]:
    text = run.health_monitor(site, REPORT, {"timeframe": "last_hour"})
    try:
        report = json.loads(text)
    except ValueError:
        report = None
    if not isinstance(report, dict):
        raise Failure(
            f"the health monitor of {who(site)}: {REPORT} answers no JSON object: {shown(text)}",
            site.look("health-monitor"),
        )
    return report


def _is(line: str, agent: str, value: float) -> bool:
    try:
        told = json.loads(line)
    except ValueError:
        return False
    wanted = {"agent": agent, "metric": TRACKED, "value": value}
    return isinstance(told, dict) and wanted.items() <= told.items()
