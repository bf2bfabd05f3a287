"""Brain: its process on port 3002, its volume, its network."""

from __future__ import annotations

from typing import Any

import pytest

from tests.components.stacks import EU, IMAGE, US, eks, stack
from tests.recording import (
    CONFIG_MAP,
    DISRUPTION_BUDGET,
    INGRESS,
    SERVICE,
    STATEFUL_SET,
    VOLUME_CLAIM,
    Recording,
    names,
    record,
)

BRAIN = "agency:brain:Brain"
NAME = "brain-us-east-1"


@pytest.fixture(scope="module")
def run() -> Recording:
    return record(stack())


def pod(run: Recording, name: str = NAME) -> dict[str, Any]:
    spec: dict[str, Any] = run.manifest(STATEFUL_SET, name, namespace="acme")["spec"]["template"]["spec"]
    return spec


def test_a_brain_has_a_statefulset_a_volume_services_an_identity_a_budget_and_a_policy(
    run: Recording,
) -> None:
    brain = run.named("acme-brain@us-east-1", BRAIN)
    parts = (
        "account",
        "budget",
        "config",
        "headless",
        "identity",
        "policy",
        "service",
        "statefulset",
        "volume",
    )
    assert names(run.children(brain)) == [f"acme-brain@us-east-1-{part}" for part in parts]
    assert brain.outputs == {"service": "brain-us-east-1.acme"}
    assert run.below(brain) == [brain, *run.children(brain)]
    assert INGRESS not in {resource.type for resource in run.children(brain)}
    assert run.manifest(CONFIG_MAP, f"runtime-{NAME}", namespace="acme")["data"].keys() == {"settings.json"}


def test_its_one_container_is_the_application_s_brain(run: Recording) -> None:
    (container,) = pod(run)["containers"]
    assert container["name"] == "brain"
    assert container["image"] == IMAGE
    assert container["command"] == ["node", "dist/mcp_servers/brain/index.js"]
    assert container["workingDir"] == "/app"
    assert container["ports"] == [{"name": "brain", "containerPort": 3002}]
    environment = {pair["name"]: pair["value"] for pair in container["env"]}
    assert environment["PORT"] == "3002"
    assert environment["JULES_AGENT_DIR"] == "/work/.agent"
    assert environment["AGENCY_CONTAINER"] == "brain"


def test_its_memory_is_on_the_volume_and_nothing_else_of_it_is(run: Recording) -> None:
    (container,) = pod(run)["containers"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod(run)["volumes"]}
    assert volumes[mounts["/work/.agent/brain"]] == {
        "name": "brain",
        "persistentVolumeClaim": {"claimName": NAME},
    }
    assert "emptyDir" in volumes[mounts["/work/.agent"]]
    assert "emptyDir" in volumes[mounts["/tmp"]]
    assert mounts.keys() == {"/work/.agent", "/work/.agent/brain", "/tmp"}


def test_its_volume_has_the_size_class_and_mode_of_the_settings(run: Recording) -> None:
    assert run.manifest(VOLUME_CLAIM, NAME, namespace="acme")["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "10Gi"}},
    }
    raw = stack(
        regions=[eks(US, storageClass="gp3"), eks(EU)],
        companies=[
            {"name": "acme", "brain": {"storage": "100Gi", "accessMode": "ReadWriteMany", "replicas": 2}}
        ],
    )
    run = record(raw)
    spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "100Gi"}}}
    assert run.manifest(VOLUME_CLAIM, NAME, namespace="acme")["spec"] == {**spec, "storageClassName": "gp3"}
    assert run.manifest(VOLUME_CLAIM, "brain-eu-west-1", namespace="acme")["spec"] == spec
    assert run.manifest(STATEFUL_SET, NAME, namespace="acme")["spec"]["replicas"] == 2


def test_its_volume_is_no_template_of_the_statefulset(run: Recording) -> None:
    """Or the StatefulSet could not grow it, and its removal would take it along."""
    assert "volumeClaimTemplates" not in run.manifest(STATEFUL_SET, NAME, namespace="acme")["spec"]


def test_clients_find_the_ready_pods_and_the_platform_all_of_them(run: Recording) -> None:
    client = run.manifest(SERVICE, NAME, namespace="acme")["spec"]
    assert client["ports"] == [{"name": "brain", "port": 3002, "targetPort": "brain"}]
    assert not {"clusterIP", "publishNotReadyAddresses", "type"} & client.keys()
    headless = run.manifest(SERVICE, f"{NAME}-headless", namespace="acme")["spec"]
    assert (headless["clusterIP"], headless["publishNotReadyAddresses"]) == ("None", True)
    assert headless["selector"] == client["selector"]
    assert run.manifest(STATEFUL_SET, NAME, namespace="acme")["spec"]["serviceName"] == f"{NAME}-headless"


def test_a_drain_takes_one_pod_at_a_time_and_a_broken_one_always(run: Recording) -> None:
    spec = run.manifest(DISRUPTION_BUDGET, NAME, namespace="acme")["spec"]
    assert (spec["maxUnavailable"], spec["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")


def test_resources_are_those_of_the_settings_over_the_defaults() -> None:
    raw = stack(companies=[{"name": "acme", "brain": {"resources": {"limits": {"cpu": "3"}}}}])
    resources = pod(record(raw))["containers"][0]["resources"]
    assert resources["requests"] == {"cpu": "500m", "memory": "1Gi", "ephemeral-storage": "64Mi"}
    assert resources["limits"] == {"cpu": "3", "memory": "2Gi", "ephemeral-storage": "1Gi"}
