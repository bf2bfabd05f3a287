"""A metric that the health monitor accepts is in the files of the Agent's volume."""

from __future__ import annotations

import json

from ops.probing.containers import HEALTH_MONITOR
from ops.terminal import wait_until
from ops.validation.checks.agent_to_health_monitor import random_value
from ops.validation.results import Verdict, passed
from ops.validation.run import Run
from ops.validation.target import Target

METRIC = "tracked"
_READ = """\
cd "$1/metrics" 2> /dev/null || exit 0
for file in $(ls | tail -n 2); do tail -n 500 "$file"; done
"""
"""The files of today and, at midnight, of yesterday."""


def check(run: Run, target: Target) -> Verdict:
    metric = {"agent": run.marker(target).agent, "metric": METRIC, "value": random_value()}
    run.call(target, HEALTH_MONITOR, "track_metric", {**metric, "tags": {"suite": "validation"}})

    def is_there() -> bool:
        return any(_is(line, metric) for line in target.run_in_agent(_READ).splitlines())

    limit = run.limits.metric
    seconds = wait_until(is_there, limit, f"the agent of {target.name} sees a tracked metric")
    if seconds is None:
        raise target.failure(
            HEALTH_MONITOR,
            f"the health monitor of {target.name} does not write metrics: track_metric accepted"
            f" {metric['agent']}:{METRIC} = {metric['value']:g} {limit:.0f} s ago, and no line of the agent's"
            " .agent/metrics has the metric",
        )
    return passed(f"a metric sent to track_metric is in the agent's .agent/metrics after {seconds:.1f} s")


def _is(line: str, metric: dict[str, object]) -> bool:
    try:
        parsed = json.loads(line)
    except ValueError:
        return False
    return isinstance(parsed, dict) and metric.items() <= parsed.items()
