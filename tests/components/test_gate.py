"""The gate: its containers, their sizes, and which changes of the settings reach it without a new pod."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from runtime.gate.restore.credentials import OVERFLOW
from settings.values import quantity
from tests.components.gate_rules import config_of
from tests.components.stacks import EU, US, WEST, eks, stack, two_regions
from tests.recording import SECRET, STATEFUL_SET, Recording, record

NAMES = (f"agent-{US}", f"brain-{US}")
ENDPOINT = "http://10.88.0.1:5000"


@pytest.fixture(scope="module")
def run() -> Recording:
    return record(stack())


def container(run: Recording, of: str, name: str) -> dict[str, Any]:
    spec = run.manifest(STATEFUL_SET, of, namespace="acme")["spec"]["template"]["spec"]
    [named] = [each for each in spec["initContainers"] if each["name"] == name]
    container: dict[str, Any] = named
    return container


@pytest.mark.parametrize("of", NAMES)
def test_rclone_s_binary_comes_from_its_stock_image(run: Recording, of: str) -> None:
    resource = container(run, of, "rclone")
    assert resource["image"] == "rclone/rclone:1.73.5"
    assert resource["command"] == ["cp", "/usr/local/bin/rclone", "/tools/rclone"]


@pytest.mark.parametrize("of", NAMES)
def test_programs_run_in_the_stock_python_image(run: Recording, of: str) -> None:
    for name, module in (("restore", "runtime.gate.restore"), ("gate", "runtime.gate")):
        resource = container(run, of, name)
        assert (resource["image"], resource["command"]) == (
            "python:3.13-slim",
            ["python3", "/opt/agency/start.py", module],
        )


def test_images_are_settings() -> None:
    images = {
        "agency": "agency:1",
        "rclone": "mirror.example.net/rclone:1.70.0",
        "python": "python:3.12-slim",
    }
    run = record(stack(images=images))
    assert container(run, f"brain-{US}", "rclone")["image"] == images["rclone"]
    assert container(run, f"brain-{US}", "gate")["image"] == images["python"]


@pytest.mark.parametrize("of", NAMES)
def test_the_gate_has_the_size_of_the_published_chart_s_sidecar(run: Recording, of: str) -> None:
    sizes = container(run, of, "gate")["resources"]
    assert {unit: sizes["requests"][unit] for unit in ("cpu", "memory")} == {"cpu": "100m", "memory": "128Mi"}
    assert {unit: sizes["limits"][unit] for unit in ("cpu", "memory")} == {"cpu": "200m", "memory": "256Mi"}


@pytest.mark.parametrize("of", NAMES)
@pytest.mark.parametrize("name", ["restore", "gate"])
def test_rclone_frees_memory_before_its_container_is_killed_for_it(
    run: Recording, of: str, name: str
) -> None:
    resource = container(run, of, name)
    [most] = [pair["value"] for pair in resource["env"] if pair["name"] == "GOMEMLIMIT"]
    python = 64 * 2**20
    assert quantity(most.removesuffix("B")) + python <= quantity(resource["resources"]["limits"]["memory"])


def test_the_gate_s_port_is_named_and_it_is_alive_on_its_own(run: Recording) -> None:
    resource = container(run, f"brain-{US}", "gate")
    assert resource["ports"] == [{"name": "gate", "containerPort": 3010}]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert resource[probe]["httpGet"]["path"] == "/live"


def test_without_replication_nothing_is_restored_and_the_gate_stands_all_the_same() -> None:
    run = record(two_regions(replication={"enabled": False}))
    for resource in run.of(STATEFUL_SET):
        spec = resource.inputs["spec"]["template"]["spec"]
        assert "gate" in [each["name"] for each in spec["initContainers"]]
        assert not {"rclone", "restore"} & {each["name"] for each in spec["initContainers"]}
        assert "tools" not in {volume["name"] for volume in spec["volumes"]}
        assert config_of(resource, run).buckets == {}


@pytest.mark.parametrize("of", NAMES)
def test_a_pod_without_credentials_can_exceed_a_volume_to_be_replaced(run: Recording, of: str) -> None:
    spec = run.manifest(STATEFUL_SET, of, namespace="acme")["spec"]["template"]["spec"]
    [volume] = [volume for volume in spec["volumes"] if volume["name"] == "replacement"]
    assert quantity(volume["emptyDir"]["sizeLimit"]) < len(OVERFLOW)
    resource = container(run, of, "restore")
    variables = {pair["name"]: pair.get("value") for pair in resource["env"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in resource["volumeMounts"]}
    assert variables["GATE_REPLACEMENT"] == mounts["replacement"]
    for each in (*spec["initContainers"], *spec["containers"]):
        found = "replacement" in {mount["name"] for mount in each["volumeMounts"]}
        assert found is (each["name"] == "restore")


@pytest.mark.parametrize("replication", [{"enabled": False}, {"endpoint": ENDPOINT}])
def test_where_nothing_injects_credentials_no_pod_is_replaced(replication: dict[str, Any]) -> None:
    for resource in record(stack(replication=replication), stack="local").of(STATEFUL_SET):
        spec = resource.inputs["spec"]["template"]["spec"]
        assert "replacement" not in {volume["name"] for volume in spec["volumes"]}


def test_the_gate_uses_the_proxy_of_the_environment_for_s3_alone() -> None:
    environment = {
        "HTTPS_PROXY": "http://proxy.example.com:3128",
        "NO_PROXY": "10.0.0.0/8",
        "HTTP_PROXY": "http://proxy.example.com:3128",
        "LOG_LEVEL": "debug",
    }
    run = record(stack(environment=environment))
    for of in NAMES:
        for name in ("restore", "gate"):
            variables = {pair["name"]: pair.get("value") for pair in container(run, of, name)["env"]}
            assert {key: variables.get(key) for key in environment} == {
                **environment,
                "HTTP_PROXY": None,
                "LOG_LEVEL": None,
            }


@pytest.mark.parametrize(
    ("policy", "company", "follows"),
    [
        ("failover", [US, EU, WEST], {US: [EU, WEST], EU: [US, WEST], WEST: [US, EU]}),
        ("failover", [WEST, EU, US], {US: [EU, WEST], EU: [US, WEST], WEST: [US, EU]}),
        ("latency", None, {US: [], EU: [], WEST: [EU]}),
        ("weighted", [US, WEST], {US: [], WEST: [US]}),
    ],
)
def test_a_brain_follows_regions_by_the_routing_policy(
    policy: str, company: list[str] | None, follows: dict[str, list[str]]
) -> None:
    """WEST is passive: it takes over last, whatever the company's order says."""
    regions = [eks(US), eks(EU), eks(WEST, active=False)]
    own = {"name": "acme"} | ({"regions": company} if company else {})
    run = record(stack(regions=regions, companies=[own], loadBalancing={"policy": policy}))
    found = {
        resource.inputs["metadata"]["name"]: config_of(resource, run)
        for resource in run.objects(STATEFUL_SET, namespace="acme")
    }
    assert {region: set(found[f"brain-{region}"].follows) for region in follows} == {
        region: set(others) for region, others in follows.items()
    }
    for name, resource in found.items():
        assert resource.order[-1] == WEST
        assert resource.ranked is (policy == "failover" and name.startswith("brain"))
        assert resource.follows == () or name.startswith("brain")


@pytest.mark.parametrize("policy", ["latency", "weighted", "failover"])
def test_passive_regions_take_over_last_whatever_their_names_and_places(policy: str) -> None:
    regions = [eks(EU, active=False), eks(WEST), eks(US)]
    run = record(stack(regions=regions, loadBalancing={"policy": policy}))
    orders = {config_of(resource, run).order for resource in run.of(STATEFUL_SET)}
    assert orders == {(WEST, US, EU) if policy == "failover" else (US, WEST, EU)}


def test_the_nearest_to_follow_stands_first() -> None:
    run = record(stack(regions=[eks(WEST), eks(US), eks(EU)], loadBalancing={"policy": "failover"}))
    [resource] = [
        resource for resource in run.of(STATEFUL_SET) if resource.inputs["metadata"]["name"] == f"brain-{US}"
    ]
    assert config_of(resource, run).follows == (WEST, EU)


def stateful_sets(run: Recording) -> dict[str, Any]:
    return {resource.name: resource.inputs for resource in run.of(STATEFUL_SET)}


@pytest.mark.parametrize(
    "change",
    [
        {"replication": {"syncInterval": 5}},
        {"replication": {"bandwidthLimit": "1M", "transfers": 1}},
        {"replication": {"retention": {"dailyDays": 90}}},
        {"regions": [eks(US), eks(EU, active=False)]},
        {"regions": [eks(EU), eks(US)], "loadBalancing": {"policy": "failover"}},
        {"regions": [eks(US), eks(EU), eks(WEST)]},
        {"failover": {"enabled": False}},
        {"failover": {"intervalSeconds": 9, "failureThreshold": 9}},
    ],
    ids=str,
)
def test_what_only_running_programs_need_to_know_is_in_no_pod(change: dict[str, Any]) -> None:
    raw = two_regions()
    before, after = stateful_sets(record(raw)), stateful_sets(record(raw | change))
    for name, inputs in before.items():
        assert after[name] == inputs, name


def test_access_keys_are_created_only_for_the_local_stack_s_s3() -> None:
    run = record(stack(replication={"endpoint": ENDPOINT}), stack="local")
    secret = run.manifest(SECRET, "replica-access", namespace="acme")
    assert {key: base64.b64decode(value) for key, value in secret["data"].items()} == {
        "AWS_ACCESS_KEY_ID": b"local",
        "AWS_SECRET_ACCESS_KEY": b"local",
    }
    for of in NAMES:
        for name in ("restore", "gate"):
            assert container(run, of, name)["envFrom"] == [{"secretRef": {"name": "replica-access"}}]
        assert "envFrom" not in container(run, of, "rclone")
    for resource in run.of(STATEFUL_SET):
        assert config_of(resource, run).endpoint == ENDPOINT
    assert record(stack()).of(SECRET) == []


def test_elsewhere_no_pod_has_a_key(run: Recording) -> None:
    for of in NAMES:
        for name in ("restore", "gate"):
            assert "envFrom" not in container(run, of, name)
            assert not {"AWS_ACCESS_KEY_ID", "AWS_PROFILE"} & {
                pair["name"] for pair in container(run, of, name)["env"]
            }
