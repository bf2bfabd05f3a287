"""A metric that the Agent writes into its volume is served by the health monitor."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from ops.probing.containers import HEALTH_MONITOR
from ops.terminal import wait_until
from ops.validation.results import Verdict, passed
from ops.validation.run import Run, shown
from ops.validation.target import Target

METRIC, REPORT = "written", "get_health_report"
_WRITE = """\
mkdir -p "$1/metrics" && printf '{"timestamp":"%s","agent":"%s","metric":"%s","value":%s,"tags":{}}\\n' \
"$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$2" "$3" "$4" >> "$1/metrics/$(date -u +%Y-%m-%d).ndjson"
"""
"""With a shell and coreutils alone: the application's image need not have more."""


def check(run: Run, target: Target) -> Verdict:
    agent, value = run.marker(target).agent, random_value()
    target.run_in_agent(_WRITE, agent, METRIC, f"{value:g}")
    key, metrics = f"{agent}:{METRIC}", dict[str, Any]()

    def is_served() -> bool:
        nonlocal metrics
        metrics = dict(_report(run, target))
        served = metrics.get(key)
        return isinstance(served, dict) and served.get("count") == 1 and served.get("sum") == value

    limit = run.limits.metric
    seconds = wait_until(is_served, limit, f"the health monitor of {target.name} serves a metric")
    if seconds is None:
        answer = shown(json.dumps(metrics[key])) if key in metrics else f"{len(metrics)} others"
        raise target.failure(
            HEALTH_MONITOR,
            f"the health monitor of {target.name} does not serve a metric that the agent wrote into"
            f" .agent/metrics {limit:.0f} s ago: {REPORT} should have {key} = {value:g}, it has {answer}",
        )
    return passed(f"a metric written into .agent/metrics is served after {seconds:.1f} s")


def random_value() -> float:
    """A number that both sides write the same way."""
    return float(1 + secrets.randbelow(1_000_000))


def _report(run: Run, target: Target) -> Mapping[str, Any]:
    text = run.call(target, HEALTH_MONITOR, REPORT, {"timeframe": "last_hour"})
    try:
        report = json.loads(text)
    except ValueError:
        report = None
    if not isinstance(report, dict):
        raise target.failure(
            HEALTH_MONITOR,
            f"the health monitor of {target.name}: {REPORT} answers no JSON object: {shown(text)}",
        )
    return report
