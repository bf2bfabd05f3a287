"""Pods as targets: registered by the controller, and ready only when the load balancer finds them healthy."""

from __future__ import annotations

from typing import Any

from local.aws.emulator import report_target_health
from plan.edges import READINESS_GATE
from tests.components.stacks import stack
from tests.load_balancers.judge import Judge
from tests.recording import STATEFUL_SET, record
from tests.services import until

NAMESPACE, NAME, NODE = "acme", "agent-us-east-1", "node-of-the-test"
ADDRESS = "10.88.1.21"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
HYBRID = {"eks.amazonaws.com/compute-type": "hybrid"}
"""Such a node's pods have addresses of no VPC, and nobody asks EC2 for them."""


def test_a_pod_is_ready_when_its_load_balancer_finds_it_healthy(judge: Judge) -> None:
    recording = record(stack())
    judge.check(recording)
    [group] = [arn for arn, service in judge.services().items() if service == f"{NAMESPACE}/{NAME}"]
    label = {"metadata": {"labels": {**READINESS_GATE}}}
    judge.api.call("PATCH", f"/api/v1/namespaces/{NAMESPACE}", label, "application/merge-patch+json")
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE, "labels": HYBRID}}
    judge.api.call("POST", "/api/v1/nodes", node)
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    judge.api.call("PATCH", f"/api/v1/nodes/{NODE}/status", ready, "application/merge-patch+json")

    template = recording.manifest(STATEFUL_SET, NAME)["spec"]["template"]
    run(judge, template)

    until(lambda: targets(judge, group) == {f"{ADDRESS}:3000": "initial"}, "the pod is a target")
    [gate] = pod(judge)["spec"]["readinessGates"]
    assert gate["conditionType"].startswith("target-health.elbv2.k8s.aws/")
    assert not admitted(judge, gate["conditionType"])

    report_target_health(judge.aws.url, {group: {f"{ADDRESS}:3000": ["healthy", ""]}})
    until(lambda: admitted(judge, gate["conditionType"]), "the pod's gate is open")

    judge.api.call("DELETE", f"{PODS}/{NAME}-0", {"gracePeriodSeconds": 0})
    until(lambda: targets(judge, group) == {}, "the pod is no target any more")


def run(judge: Judge, template: dict[str, Any]) -> None:
    """A pod as the StatefulSet's controller makes it, and as a kubelet reports it."""
    metadata = {**template["metadata"], "name": f"{NAME}-0"}
    spec = {**template["spec"], "nodeName": NODE, "serviceAccountName": "default"}
    spec.pop("priorityClassName", None)
    created = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    judge.api.call("POST", PODS, created)
    conditions = [
        {"type": kind, "status": "True"} for kind in ("ContainersReady", "Initialized", "PodScheduled")
    ]
    status = {"phase": "Running", "podIP": ADDRESS, "podIPs": [{"ip": ADDRESS}], "conditions": conditions}
    patch = {"status": status}
    judge.api.call("PATCH", f"{PODS}/{NAME}-0/status", patch, "application/merge-patch+json")


def pod(judge: Judge) -> dict[str, Any]:
    return judge.api.call("GET", f"{PODS}/{NAME}-0")


def admitted(judge: Judge, condition: str) -> bool:
    conditions = {each["type"]: each["status"] for each in pod(judge)["status"]["conditions"]}
    return conditions.get(condition) == "True"


def targets(judge: Judge, group: str) -> dict[str, str]:
    targets = judge.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return {
        f"{each['Target']['Id']}:{each['Target']['Port']}": each["TargetHealth"]["State"] for each in targets
    }
