"""The alarms of `plan/alarms.py`: rules for the Prometheus operator, and alarms of CloudWatch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import ComponentResource, ResourceOptions

from components.base import KubernetesObject, Manifest
from components.cluster import Cluster
from plan.alarms import REPLICATION_LATENCY_SECONDS, rules
from plan.names import COMPANY_LABEL, FAILOVER_CONTROLLER, PLATFORM_LABEL, PROJECT, SYSTEM_NAMESPACE
from settings import Settings

HEALTH_CHECKS_REGION = "us-east-1"
"""Route53 reports to CloudWatch there alone (source: Route53 developer guide, "Monitoring health checks")."""


class ClusterAlarms(ComponentResource):
    """A PrometheusRule, and PodMonitors of gates and failover controllers."""

    TYPE = "agency:alarms:ClusterAlarms"

    def __init__(
        self, name: str, settings: Settings, cluster: Cluster, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__(self.TYPE, name, None, opts)
        child = ResourceOptions(parent=self, provider=cluster.provider, depends_on=[cluster.system_namespace])
        KubernetesObject(f"{name}-rules", _rule(settings), child)
        of_companies = {"matchExpressions": [{"key": COMPANY_LABEL, "operator": "Exists"}]}
        gates = _monitor(settings, "gates", {"any": True}, of_companies, "gate")
        KubernetesObject(f"{name}-gates", gates, child)
        if settings.failover_enabled:
            labels = {"matchLabels": {"app.kubernetes.io/name": FAILOVER_CONTROLLER}}
            here = {"matchNames": [SYSTEM_NAMESPACE]}
            controllers = _monitor(settings, FAILOVER_CONTROLLER, here, labels, "metrics")
            KubernetesObject(f"{name}-controllers", controllers, child)
        self.register_outputs({})


def _rule(settings: Settings) -> Manifest:
    own = rules(sync_interval=settings.replication.sync_interval, controllers=settings.failover_enabled)
    groups = [{"name": PROJECT, "rules": own}]
    return _object(settings, "PrometheusRule", PROJECT, {"groups": groups})


def _monitor(
    settings: Settings, name: str, namespaces: Mapping[str, Any], selector: Mapping[str, Any], port: str
) -> Manifest:
    spec = {
        "namespaceSelector": namespaces,
        "selector": selector,
        "podMetricsEndpoints": [{"port": port}],
    }
    return _object(settings, "PodMonitor", name, spec)


def _object(settings: Settings, kind: str, name: str, spec: Mapping[str, Any]) -> Manifest:
    labels = {**PLATFORM_LABEL, **settings.alarms.labels}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": SYSTEM_NAMESPACE, "labels": labels},
        "spec": spec,
    }


@dataclass(frozen=True, kw_only=True)
class AccountAlarmsArgs:
    prefix: str
    """Begins the names of topics and alarms, which are unique in an account and a region."""
    emails: Sequence[str]
    checks: Mapping[str, pulumi.Input[str]]
    """Ids of the health checks, by key."""
    replication: Sequence[tuple[str, str]]
    """Source and target regions of replication that reports metrics."""
    buckets: Mapping[str, str]


class AccountAlarms(ComponentResource):
    """CloudWatch alarms of health checks and of replication, and a topic in each region that has alarms.

    A topic has no encryption: with the key of AWS, CloudWatch could not write to it.
    """

    TYPE = "agency:alarms:AccountAlarms"

    def __init__(self, name: str, args: AccountAlarmsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        self._name, self._args, self._child = name, args, ResourceOptions(parent=self)
        of_checks = [HEALTH_CHECKS_REGION] if args.checks else []
        regions = sorted({*of_checks, *(source for source, _ in args.replication)})
        self._topics = {region: self._topic(region) for region in regions}
        for key, id in sorted(args.checks.items()):
            self._alarm(
                f"health-{key}",
                HEALTH_CHECKS_REGION,
                {"HealthCheckId": id},
                namespace="AWS/Route53",
                metric_name="HealthCheckStatus",
                statistic="Minimum",
                comparison_operator="LessThanThreshold",
                threshold=1,
                period=60,
                evaluation_periods=1,
            )
        for source, target in sorted(args.replication):
            self._of_replication(source, target)
        self.register_outputs({})

    def _topic(self, region: str) -> aws.sns.Topic:
        topic = aws.sns.Topic(
            f"{self._name}-topic@{region}",
            name=f"{self._args.prefix}-alarms",
            region=region,
            opts=self._child,
        )
        for email in dict.fromkeys(self._args.emails):
            aws.sns.TopicSubscription(
                f"{self._name}-subscription@{region}:{email}",
                topic=topic.arn,
                protocol="email",
                endpoint=email,
                region=region,
                opts=self._child,
            )
        return topic

    def _of_replication(self, source: str, target: str) -> None:
        buckets = self._args.buckets
        dimensions: dict[str, pulumi.Input[str]] = {
            "SourceBucket": buckets[source],
            "DestinationBucket": buckets[target],
            "RuleId": f"{source}-to-{target}",
        }
        of_s3 = {"namespace": "AWS/S3", "comparison_operator": "GreaterThanThreshold", "period": 300}
        self._alarm(
            f"copies-late-{source}-{target}",
            source,
            dimensions,
            metric_name="ReplicationLatency",
            statistic="Maximum",
            threshold=REPLICATION_LATENCY_SECONDS,
            evaluation_periods=3,
            **of_s3,
        )
        self._alarm(
            f"copies-failed-{source}-{target}",
            source,
            dimensions,
            metric_name="OperationsFailedReplication",
            statistic="Sum",
            threshold=0,
            evaluation_periods=1,
            **of_s3,
        )

    def _alarm(
        self, label: str, region: str, dimensions: Mapping[str, pulumi.Input[str]], **metric: Any
    ) -> None:
        topic = self._topics[region].arn
        aws.cloudwatch.MetricAlarm(
            f"{self._name}-{label}",
            name=f"{self._args.prefix}-{label}",
            alarm_description="docs/runbook.md#what-to-watch",
            region=region,
            dimensions=dict(dimensions),
            alarm_actions=[topic],
            ok_actions=[topic],
            opts=self._child,
            **metric,
        )
