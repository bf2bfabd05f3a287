"""Alarms as resources, and the runbook's table: one source."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import list_alarms
from plan.alarms import ALARMS, rules
from policy_pack.running import run as judge
from tests.components.stacks import EU, US, WEST, eks, stack
from tests.recording import (
    BUCKET_REPLICATION,
    DEPLOYMENT,
    HEALTH_CHECK,
    ROOT,
    STATEFUL_SET,
    Recording,
    record,
)
from tests.strategies import Raw

RULE, MONITOR = (
    "kubernetes:monitoring.coreos.com/v1:PrometheusRule",
    "kubernetes:monitoring.coreos.com/v1:PodMonitor",
)
ALARM, TOPIC = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:sns/topic:Topic"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
OURS = re.compile(r"agency_\w+")
FOREIGN = {"kube_pod_init_container_status_restarts_total"}


def watched(**settings: object) -> Raw:
    alarms = {"prometheusOperator": True, "labels": {"release": "prometheus"}, "emails": ["ops@example.com"]}
    return stack(
        **{
            "regions": [eks(US), eks(EU), eks(WEST, replicateTo=[])],
            "network": {"monitoringNamespace": "monitoring"},
            "alarms": alarms,
            **settings,
        }
    )


@pytest.fixture(scope="module")
def run() -> Recording:
    return record(watched())


def test_the_runbook_has_the_table() -> None:
    text = list_alarms.OUT.read_text()
    assert list_alarms.page(text) == text, "run python -m docs.list_alarms"


def test_every_metric_that_a_rule_reads_is_one_that_a_program_reports() -> None:
    sources = "".join(path.read_text() for path in Path(ROOT, "runtime").rglob("*.py"))
    reported = sources.replace("{PREFIX}", "agency_controller")
    for rule in rules(sync_interval=60, controllers=True):
        expression = str(rule["expr"])
        names = set(OURS.findall(expression)) | {name for name in FOREIGN if name in expression}
        assert names, expression
        assert all(f'"{name}"' in reported for name in names - FOREIGN), expression
        assert "{{" not in expression and "}}" not in expression


def test_what_a_row_names_is_what_its_rule_reads() -> None:
    for alarm in ALARMS:
        assert set(OURS.findall(alarm.what)) <= set(OURS.findall(alarm.expression)), alarm.what
    assert [alarm.what for alarm in ALARMS if not alarm.rule] == [
        alarm.what for alarm in ALARMS if "CloudWatch" in alarm.what
    ]


def test_each_cluster_has_the_rules_with_the_labels_that_prometheus_selects(run: Recording) -> None:
    assert len(run.of(RULE)) == 3
    for each in run.of(RULE):
        assert each.inputs["metadata"]["labels"]["release"] == "prometheus"
        [group] = each.inputs["spec"]["groups"]
        assert [rule["alert"] for rule in group["rules"]] == [
            f"DigitalAgency{alarm.rule}" for alarm in ALARMS if alarm.rule
        ]
        [lag] = [rule["expr"] for rule in group["rules"] if rule["alert"] == "DigitalAgencyUploadsBehind"]
        assert lag == "agency_copy_lag_seconds > 180"


def test_monitors_select_the_port_of_every_gate_and_controller(run: Recording) -> None:
    monitors = {each.inputs["metadata"]["name"]: each.inputs["spec"] for each in run.of(MONITOR)}
    [gates] = monitors["gates"]["podMetricsEndpoints"]
    for each in run.of(STATEFUL_SET):
        template = each.inputs["spec"]["template"]
        assert "agency.global/company" in template["metadata"]["labels"]
        [gate] = [one for one in template["spec"]["initContainers"] if one["name"] == "gate"]
        assert gates["port"] in {port["name"] for port in gate["ports"]}
    spec = monitors["failover-controller"]
    for each in run.of(DEPLOYMENT):
        template = each.inputs["spec"]["template"]
        assert spec["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
        [container] = template["spec"]["containers"]
        assert spec["podMetricsEndpoints"][0]["port"] in {port["name"] for port in container["ports"]}


def test_without_failover_there_is_no_rule_about_controllers() -> None:
    run = record(watched(regions=[eks(US)]))
    assert {each.inputs["metadata"]["name"] for each in run.of(MONITOR)} == {"gates"}
    assert "agency_controller" not in str(run.of(RULE)[0].inputs)


def test_every_health_check_has_an_alarm_where_route53_reports(run: Recording) -> None:
    found = [each.inputs for each in run.of(ALARM) if each.inputs["namespace"] == "AWS/Route53"]
    assert {one["dimensions"]["HealthCheckId"] for one in found} == {
        each.id or each.outputs["id"] for each in run.of(HEALTH_CHECK)
    }
    assert {one["region"] for one in found} == {US}


def test_every_rule_of_replication_has_its_alarms_in_the_source_s_region(run: Recording) -> None:
    wanted = {
        (each.inputs["region"], each.inputs["bucket"], rule["id"])
        for each in run.of(BUCKET_REPLICATION)
        for rule in each.inputs["rules"]
    }
    found = [each.inputs for each in run.of(ALARM) if each.inputs["namespace"] == "AWS/S3"]
    for metric in ("ReplicationLatency", "OperationsFailedReplication"):
        assert wanted == {
            (one["region"], one["dimensions"]["SourceBucket"], one["dimensions"]["RuleId"])
            for one in found
            if one["metricName"] == metric
        }


def test_alarms_are_sent_to_everybody_from_the_topic_of_their_region(run: Recording) -> None:
    topics = {each.inputs["region"]: each.outputs["arn"] for each in run.of(TOPIC)}
    assert topics.keys() == {US, EU}
    for each in run.of(ALARM):
        assert each.inputs["alarmActions"] == each.inputs["okActions"] == [topics[each.inputs["region"]]]
    sent = {(each.inputs["topic"], each.inputs["endpoint"]) for each in run.of(SUBSCRIPTION)}
    assert sent == {(arn, "ops@example.com") for arn in topics.values()}
    names = [(each.inputs["name"], each.inputs["region"]) for each in run.of(ALARM)]
    assert len(set(names)) == len(names) and all(
        name.startswith("agency-example-com-dev-") for name, _ in names
    )


def test_without_metrics_only_health_checks_are_watched() -> None:
    run = record(watched(replication={"metrics": False}))
    assert {each.inputs["namespace"] for each in run.of(ALARM)} == {"AWS/Route53"}


def test_a_stack_without_alarms_has_none_of_it() -> None:
    record(watched(alarms={})).assert_none(RULE, MONITOR, ALARM, TOPIC, SUBSCRIPTION)


def test_the_policies_hold(run: Recording) -> None:
    assert list(map(str, judge(run.by_urn).violations)) == []
