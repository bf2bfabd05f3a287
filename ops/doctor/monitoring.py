"""Whether a cluster has what the settings' alarms need."""

from __future__ import annotations

from collections.abc import Iterator

from ops.cluster_access import Cluster
from ops.doctor.findings import Finding, missing, present
from settings import ClusterPlan, Settings


def monitoring(settings: Settings, plan: ClusterPlan, cluster: Cluster) -> Iterator[Finding]:
    """`alarms.prometheusOperator` makes objects of its kinds."""
    if not settings.alarms.prometheus_operator:
        return
    what, group = "Prometheus operator", "monitoring.coreos.com"
    names = {each["name"] for each in cluster.api.call("GET", "/apis").get("groups", ())}
    if group in names:
        yield present(plan.id, what, f"the cluster has {group}")
        return
    remedy = "install the operator, or remove alarms.prometheusOperator"
    yield missing(plan.id, what, f"the cluster has no {group}", remedy)
