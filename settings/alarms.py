"""The keys of `alarms`: who watches what the runbook lists."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from settings.values import Flag, LabelKey, LabelValue, Matching, Model

Email = Annotated[str, Matching(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+", "an e-mail address")]


class Alarms(Model):
    """Rules for the Prometheus operator, and alarms of CloudWatch."""

    prometheus_operator: Flag = Field(
        default=False,
        description="true: a PrometheusRule and PodMonitors in each cluster; requires"
        " network.monitoringNamespace. Default: false.",
    )
    labels: dict[LabelKey, LabelValue] = Field(
        default={},
        description="Labels by which Prometheus selects them, such as release: prometheus. Default: none.",
    )
    emails: tuple[Email, ...] = Field(
        default=(),
        description="Who gets CloudWatch's alarms of health checks and replication. Default: no such alarms.",
    )
