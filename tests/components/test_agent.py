"""Agent: daemon and health monitor, what they find in their working directory, the company's host."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components import mcp as mcp_file
from runtime.gate.handover.roles import Role
from tests.components.stacks import DOMAIN, IMAGE, US, stack, two_regions
from tests.recording import CONFIG_MAP, INGRESS, SERVICE, STATEFUL_SET, VOLUME_CLAIM, Recording, names, record

AGENT = "agency:agent:Agent"
NAME = "agent-us-east-1"


@pytest.fixture(scope="module")
def run() -> Recording:
    return record(stack(environment={"MOCK_EMBEDDINGS": "true", "LOG_LEVEL": "debug"}))


def pod(run: Recording) -> dict[str, Any]:
    spec: dict[str, Any] = run.manifest(STATEFUL_SET, NAME, namespace="acme")["spec"]["template"]["spec"]
    return spec


def container(run: Recording, name: str) -> dict[str, Any]:
    found = {each["name"]: each for each in (*pod(run)["containers"], *pod(run)["initContainers"])}
    named: dict[str, Any] = found[name]
    return named


def mounts(run: Recording, name: str) -> dict[str, str]:
    return {mount["mountPath"]: mount["name"] for mount in container(run, name)["volumeMounts"]}


def test_an_agent_has_what_a_brain_has_and_its_settings_and_an_ingress(run: Recording) -> None:
    agent = run.named("acme-agent@us-east-1", AGENT)
    parts = (
        "account",
        "budget",
        "config",
        "headless",
        "identity",
        "ingress",
        "policy",
        "service",
        "statefulset",
        "volume",
    )
    assert names(run.children(agent)) == [f"acme-agent@us-east-1-{part}" for part in parts]
    assert agent.outputs == {"service": "agent-us-east-1.acme"}


@pytest.mark.parametrize(
    ("name", "script", "port", "folder"),
    [
        ("agent", "dist/daemon.js", 3000, "/work"),
        ("health-monitor", "dist/mcp_servers/health_monitor/index.js", 3004, "/app"),
    ],
)
def test_its_containers_are_the_application_s(
    run: Recording, name: str, script: str, port: int, folder: str
) -> None:
    resource = container(run, name)
    assert (resource["image"], resource["command"], resource["workingDir"]) == (
        IMAGE,
        ["node", script],
        folder,
    )
    assert resource["ports"] == [{"name": name, "containerPort": port}]
    environment = {pair["name"]: pair["value"] for pair in resource["env"]}
    assert environment["PORT"] == str(port)
    assert environment["JULES_AGENT_DIR"] == "/work/.agent"
    assert environment["AGENCY_CONTAINER"] == name
    assert (environment["MOCK_EMBEDDINGS"], environment["LOG_LEVEL"]) == ("true", "debug")


def test_no_variable_comes_twice(run: Recording) -> None:
    for each in (*pod(run)["containers"], *pod(run)["initContainers"]):
        variables = [pair["name"] for pair in each.get("env", [])]
        assert len(set(variables)) == len(variables), variables


def test_the_daemon_works_where_its_volume_lies(run: Recording) -> None:
    volumes = {volume["name"]: volume for volume in pod(run)["volumes"]}
    found = mounts(run, "agent")
    assert found.keys() == {"/work", "/work/.agent", "/tmp"}
    assert volumes[found["/work/.agent"]]["persistentVolumeClaim"] == {"claimName": NAME}
    assert "emptyDir" in volumes[found["/work"]]
    assert {"name": "CHOKIDAR_USEPOLLING", "value": "1"} in container(run, "agent")["env"]


def test_the_image_s_files_are_linked_and_mcp_json_is_left_to_the_gate(run: Recording) -> None:
    for each in (*pod(run)["containers"], *pod(run)["initContainers"]):
        assert not any("subPath" in mount for mount in each["volumeMounts"])
    links = container(run, "links")
    assert links["command"][:2] == ["node", "-e"]
    assert '[".agent", "mcp.json"].includes(entry)) continue' in links["command"][2]
    assert mounts(run, "links").keys() == {"/work", "/tmp"}
    assert mounts(run, "gate")["/work"] == mounts(run, "agent")["/work"] == mounts(run, "links")["/work"]


@pytest.fixture(scope="module")
def mcp(run: Recording) -> dict[str, Any]:
    """Both forms of `mcp.json`, as the gate finds them."""
    data = run.manifest(CONFIG_MAP, f"runtime-{NAME}", namespace="acme")["data"]
    return {
        role: json.loads(data[file])
        for role, file in ((Role.PRIMARY, mcp_file.SERVING), (Role.STANDBY, mcp_file.STANDBY))
    }


def test_the_daemon_finds_its_brain_and_its_health_monitor_by_url_in_both_roles(mcp: dict[str, Any]) -> None:
    for form in mcp.values():
        assert form["mcpServers"] == {
            "brain": {"url": "http://brain-us-east-1:3002/sse"},
            "health_monitor": {"url": "http://localhost:3004/sse"},
        }


def test_the_serving_agent_runs_the_built_in_tasks_and_a_standby_none(mcp: dict[str, Any]) -> None:
    """An entry of a built-in task's id takes its place; a webhook never fires by itself."""
    assert mcp[Role.PRIMARY]["scheduledTasks"] == []
    silenced = mcp[Role.STANDBY]["scheduledTasks"]
    assert {task["id"] for task in silenced} >= {"weekly_hr_review", "weekly_ecosystem_analysis"}
    for task in silenced:
        assert task["trigger"] == "webhook"
        assert not task.keys() & {"schedule", "path", "prompt", "action"}


def test_the_health_monitor_shares_the_daemon_s_volume(run: Recording) -> None:
    assert mounts(run, "health-monitor")["/work/.agent"] == mounts(run, "agent")["/work/.agent"]


def test_the_brain_s_volume_is_mounted_only_with_mount_brain(run: Recording) -> None:
    assert "/work/.agent/brain" not in mounts(run, "agent")
    company = {"name": "acme", "agent": {"mountBrain": True}, "brain": {"accessMode": "ReadWriteMany"}}
    mounted = record(stack(companies=[company]))
    volumes = {volume["name"]: volume for volume in pod(mounted)["volumes"]}
    brain = volumes[mounts(mounted, "agent")["/work/.agent/brain"]]
    assert brain["persistentVolumeClaim"] == {"claimName": "brain-us-east-1"}
    assert "/work/.agent/brain" not in mounts(mounted, "health-monitor")


def test_clients_reach_port_3000_and_the_platform_both(run: Recording) -> None:
    client = run.manifest(SERVICE, NAME, namespace="acme")["spec"]["ports"]
    assert client == [{"name": "agent", "port": 3000, "targetPort": "agent"}]
    headless = run.manifest(SERVICE, f"{NAME}-headless", namespace="acme")["spec"]
    assert {port["port"]: port["targetPort"] for port in headless["ports"]} == {
        3000: "agent", 3004: "health-monitor", 3010: 3010
    }  # fmt: skip
    assert headless["publishNotReadyAddresses"] is True


def test_the_company_s_host_leads_to_its_agent(run: Recording) -> None:
    spec = run.manifest(INGRESS, NAME, namespace="acme")["spec"]
    [rule] = spec["rules"]
    [path] = rule["http"]["paths"]
    backend = path["backend"]["service"]
    service = run.manifest(SERVICE, backend["name"], namespace="acme")["spec"]
    pod_labels = run.manifest(STATEFUL_SET, NAME, namespace="acme")["spec"]["template"]["metadata"]["labels"]
    assert (spec["ingressClassName"], rule["host"], path["path"]) == ("alb", f"acme.{DOMAIN}", "/")
    assert backend["port"]["name"] in {port["name"] for port in service["ports"]}
    assert service["selector"].items() <= pod_labels.items()


def test_its_load_balancer_uses_https_and_checks_the_agent_s_health(run: Recording) -> None:
    found = alb(run, "acme", NAME)
    assert json.loads(found["listen-ports"]) == [{"HTTP": 80}, {"HTTPS": 443}]
    assert (found["ssl-redirect"], found["target-type"], found["healthcheck-path"]) == (
        "443",
        "ip",
        "/health",
    )
    assert (found["scheme"], found["group.name"]) == ("internet-facing", US)
    assert "TLS13" in found["ssl-policy"]


def alb(run: Recording, namespace: str, name: str) -> dict[str, str]:
    return alb_of(run.manifest(INGRESS, name, namespace=namespace))


def alb_of(ingress: dict[str, Any]) -> dict[str, str]:
    found = ingress["metadata"]["annotations"]
    return {key.partition("/")[2]: value for key, value in found.items() if key.startswith("alb.")}


def test_a_load_balancer_notices_a_dead_target_and_a_new_one_within_12_seconds(run: Recording) -> None:
    edge = next(iter(record(two_regions()).objects(INGRESS, namespace="digital-agency-system")))
    for found in (alb(run, "acme", NAME), alb_of(edge.inputs)):
        interval, timeout = (int(found[f"healthcheck-{key}-seconds"]) for key in ("interval", "timeout"))
        assert (interval, timeout) == (5, 2)
        for count in ("healthy-threshold-count", "unhealthy-threshold-count"):
            assert interval * int(found[count]) + timeout <= 12
        attributes = found["load-balancer-attributes"].split(",")
        assert attributes == ["client_keep_alive.seconds=60", "idle_timeout.timeout_seconds=300"]


def test_a_pod_outlives_its_target_s_deregistration_and_then_has_its_grace(run: Recording) -> None:
    drain = int(alb(run, "acme", NAME)["target-group-attributes"].partition("timeout_seconds=")[2])
    spec = run.manifest(STATEFUL_SET, NAME, namespace="acme")["spec"]
    for name in ("agent", "health-monitor"):
        waits = container(run, name)["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert drain + 5 <= waits
        # The gate waits 60 s for the application, then makes the last copy.
        assert spec["template"]["spec"]["terminationGracePeriodSeconds"] >= waits + 90
    assert "lifecycle" not in container(run, "gate"), "its turn comes when the application has ended"
    assert spec["minReadySeconds"] >= 12


def test_behind_a_controller_in_the_cluster_no_pod_waits_for_a_load_balancer() -> None:
    found = record(stack(ingress={"className": "nginx"}))
    spec = found.manifest(STATEFUL_SET, NAME, namespace="acme")["spec"]
    assert "minReadySeconds" not in spec
    assert "lifecycle" not in container(found, "agent")
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 90


def test_size_and_replicas_are_settings() -> None:
    agent = {
        "resources": {"requests": {"cpu": "2", "memory": "4Gi"}, "limits": {"cpu": "4", "memory": "8Gi"}},
        "storage": "5Gi",
        "accessMode": "ReadWriteMany",
        "replicas": 2,
    }
    run = record(stack(companies=[{"name": "acme", "agent": agent}]))
    assert container(run, "agent")["resources"]["limits"] == {
        "cpu": "4",
        "memory": "8Gi",
        "ephemeral-storage": "1Gi",
    }
    assert container(run, "health-monitor")["resources"]["limits"]["memory"] == "512Mi"
    assert run.manifest(STATEFUL_SET, NAME, namespace="acme")["spec"]["replicas"] == 2
    volume = run.manifest(VOLUME_CLAIM, NAME, namespace="acme")["spec"]
    assert volume["resources"]["requests"]["storage"] == "5Gi"
    assert volume["accessModes"] == ["ReadWriteMany"]
