"""Rules for the gate of every pod: its config, and that everything in its config exists."""

from __future__ import annotations

import base64
import bz2
import json
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from engine.recorder import Registration
from plan.names import REGION_LABEL, SYSTEM_NAMESPACE
from plan.records import RoutingPolicy
from runtime.contracts.gate import GateConfig
from runtime.controller.config import load_config as load_controller_settings
from runtime.gate.config import environment, load_config
from runtime.start import PACKED
from settings import Company, clusters_of
from tests.components.pod_rules import all_pods, before, of_namespace, pods
from tests.recording import CONFIG_MAP, DEPLOYMENT, LEASE, STATEFUL_SET, Recording

Manifest = Mapping[str, Any]

VOLUMES = {"brain": "/work/.agent/brain", "agent": "/work/.agent"}
HEALTH = {"brain": "http://127.0.0.1:3002/health", "agent": "http://127.0.0.1:3000/health"}


def kind_of(resource: Registration) -> str:
    """`brain` or `agent`, of a StatefulSet."""
    return str(resource.inputs["metadata"]["labels"]["app.kubernetes.io/name"])


def _mounts(container: Manifest) -> dict[str, str]:
    return {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}


def gates_stand_before_what_they_gate(run: Recording) -> None:
    """What fills a volume ends before the gate begins, and the gate answers before the application begins."""
    restoring = ["rclone", "restore"] if run.settings.replication.enabled else []
    for resource, spec in pods(run):
        links = ["links"] if kind_of(resource) == "agent" else []
        found = spec["initContainers"]
        assert [each["name"] for each in found] == [*links, *restoring, "gate"], resource.name
        assert [each.get("restartPolicy") for each in found] == [None] * (len(found) - 1) + ["Always"]


def gates_get_the_paths_of_everything(run: Recording) -> None:
    """By variables, as the program itself reads them; what they name is mounted."""
    for resource, spec in pods(run):
        kind, volumes = kind_of(resource), {volume["name"]: volume for volume in spec["volumes"]}
        for container in spec["initContainers"]:
            if container["name"] not in ("restore", "gate"):
                continue
            variables = {pair["name"]: pair.get("value", "") for pair in container["env"]}
            assert len(variables) == len(container["env"])
            assert variables["AGENCY_CONTAINER"] == container["name"]
            own = next(pair for pair in container["env"] if pair["name"] == "POD_NAME")
            assert own["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
            with patch.dict(os.environ, {**variables, "POD_NAME": f"{kind}-0"}, clear=True):
                program = environment()
            assert (str(program.volume), program.application) == (VOLUMES[kind], HEALTH[kind])
            assert (program.port, program.ordinal) == (3010, 0)
            assert str(program.work) == ("/work" if kind == "agent" else "None")
            _finds_what_its_config_names(run, resource, container, volumes)


def _finds_what_its_config_names(
    run: Recording, resource: Registration, container: Manifest, volumes: Mapping[str, Manifest]
) -> None:
    kind, name, mounts = kind_of(resource), resource.inputs["metadata"]["name"], _mounts(container)
    variables = {pair["name"]: pair.get("value", "") for pair in container["env"]}
    data = volumes[mounts[variables["GATE_VOLUME"]]]
    assert data["persistentVolumeClaim"] == {"claimName": name}
    assert volumes[mounts[variables["GATE_SETTINGS"]]]["configMap"] == {"name": f"runtime-{name}"}
    flags = volumes[mounts[variables["GATE_FLAGS"]]]["configMap"]
    assert flags == {"name": "failed-regions", "optional": True}
    program = volumes[mounts["/opt/agency"]]["configMap"]
    assert program["name"].startswith("gate-")
    assert "emptyDir" in volumes[mounts["/tmp"]]
    if run.settings.replication.enabled:
        [rclone] = [each for each in _containers_of(resource) if each["name"] == "rclone"]
        folder, _, binary = variables["GATE_RCLONE"].rpartition("/")
        assert rclone["command"][-1] == f"{folder}/{binary}"
        assert mounts[folder] == _mounts(rclone)[folder]
        assert "emptyDir" in volumes[mounts[folder]]
    if kind == "agent" and container["name"] == "gate":
        [daemon] = [each for each in _containers_of(resource) if each["name"] == "agent"]
        assert mounts["/work"] == _mounts(daemon)["/work"]


def _containers_of(resource: Registration) -> list[dict[str, Any]]:
    spec = resource.inputs["spec"]["template"]["spec"]
    return [*spec["initContainers"], *spec["containers"]]


def config_of(resource: Registration, run: Recording) -> GateConfig:
    """A StatefulSet's gate's settings, as its program reads them."""
    name = f"runtime-{resource.inputs['metadata']['name']}"
    with TemporaryDirectory() as folder:
        for file, text in of_namespace(run, CONFIG_MAP, resource)[name].inputs["data"].items():
            Path(folder, file).write_text(text)
        return load_config(Path(folder))


def order_of(run: Recording, company: Company) -> list[str]:
    """Who takes over from whom, said once more on purpose: actives, then passives; by name or as listed."""
    regions = list(run.settings.regions_of(company))
    if run.settings.load_balancing.policy is not RoutingPolicy.FAILOVER:
        regions.sort(key=lambda region: region.name)
    return [region.name for wanted in (True, False) for region in regions if region.active is wanted]


def memories_follow_the_traffic(run: Recording) -> None:
    companies = {company.namespace: company for company in run.settings.companies}
    active = {region.name for region in run.settings.regions if region.active}
    handed_on = run.settings.load_balancing.policy is RoutingPolicy.FAILOVER
    for resource, _ in pods(run):
        found, labels = config_of(resource, run), resource.inputs["metadata"]["labels"]
        order = order_of(run, companies[resource.inputs["metadata"]["namespace"]])
        assert found.order == tuple(order), resource.name
        follows: list[str] = []
        if kind_of(resource) == "brain" and handed_on:
            follows = [name for name in order if name != found.region]
        elif kind_of(resource) == "brain" and found.region not in active:
            follows = order[:1]
        assert (list(found.follows), found.ranked) == (
            follows,
            handed_on and kind_of(resource) == "brain",
        ), resource.name
        assert (found.region, found.component) == (labels[REGION_LABEL], kind_of(resource))
        assert found.namespace == resource.inputs["metadata"]["namespace"]


def gates_get_their_company_s_buckets_and_how_to_upload(run: Recording) -> None:
    replication = run.settings.replication
    for resource, _ in pods(run):
        found = config_of(resource, run)
        names = {
            region: run.named(f"{region}-replication-bucket").id
            for region in found.order
            if replication.enabled
        }
        assert found.buckets == names, resource.name
        assert found.replicas == resource.inputs["spec"]["replicas"]
        assert (found.sync_interval, found.bandwidth_limit) == (
            replication.sync_interval,
            replication.bandwidth_limit,
        )
        assert (found.transfers, found.endpoint) == (replication.transfers, replication.endpoint)
        kept = replication.retention
        assert (kept.all_hours, kept.hourly_hours, kept.daily_days) == (
            found.retention.all_hours,
            found.retention.hourly_hours,
            found.retention.daily_days,
        )


def flags_and_leases_are_declared_without_content(run: Recording) -> None:
    """Or a deployment in an outage would reset what the controller wrote there."""
    wanted = {
        (cluster, namespace)
        for namespace, cluster in (
            (resource.inputs["metadata"]["namespace"], run.cluster_of(resource))
            for resource, _ in all_pods(run)
        )
    }
    flags = [
        resource for resource in run.of(CONFIG_MAP) if resource.inputs["metadata"]["name"] == "failed-regions"
    ]
    found = {(run.cluster_of(resource), resource.inputs["metadata"]["namespace"]) for resource in flags}
    # A cluster of regions that no company is in yet has its controller all the same.
    assert found == (wanted if run.settings.failover_enabled else set())
    for resource in flags:
        assert resource.inputs.keys() == {"apiVersion", "kind", "metadata"}, resource.name
    for resource in run.of(LEASE):
        assert resource.inputs.keys() == {"apiVersion", "kind", "metadata"}, resource.name
        assert resource.inputs["metadata"]["namespace"] == SYSTEM_NAMESPACE


def pods_find_their_config_maps(run: Recording) -> None:
    """With every key that they take of them. The flags may be absent: with failover off they are."""
    for resource, spec in all_pods(run):
        for volume in (volume["configMap"] for volume in spec["volumes"] if "configMap" in volume):
            found = of_namespace(run, CONFIG_MAP, resource).get(volume["name"])
            if volume.get("optional"):
                assert volume["name"] == "failed-regions"
                assert (found is not None) is run.settings.failover_enabled, resource.name
            else:
                assert found is not None, f"{resource.name}: {volume['name']}"
                assert {item["key"] for item in volume.get("items", [])} <= found.inputs["data"].keys()
                assert found.urn in before(run, resource), f"{resource.name}: {volume['name']} comes later"


def programs_are_their_files_and_no_others(run: Recording) -> None:
    """Each pod mounts all of its program's ConfigMap, and starts a module that is packed in it."""
    for resource, spec in all_pods(run):
        package = "gate" if resource.type == STATEFUL_SET else "controller"
        [program] = [volume["configMap"] for volume in spec["volumes"] if volume["name"] == "programs"]
        assert program.keys() == {"name"}
        inputs = of_namespace(run, CONFIG_MAP, resource)[program["name"]].inputs
        assert inputs["immutable"] is True
        packed = json.loads(bz2.decompress(base64.b64decode(inputs["binaryData"][PACKED])))
        for path in packed:
            folder = path.split("/")
            assert folder[0] == "runtime" and (len(folder) == 2 or folder[1] in ("contracts", package)), path
        started = [
            each["command"]
            for each in [*spec.get("initContainers", []), *spec["containers"]]
            if any(mount["name"] == "programs" for mount in each["volumeMounts"])
        ]
        for _, start, module in started:
            assert start.rpartition("/")[2] in inputs["data"]
            path = module.replace(".", "/")
            assert {f"{path}.py", f"{path}/__main__.py"} & packed.keys(), module
        assert started


def controllers_get_their_regions_and_companies(run: Recording) -> None:
    stack, clusters = run.settings, {plan.id: plan for plan in clusters_of(run.settings)}
    found_in = sorted(map(run.cluster_of, run.of(DEPLOYMENT)))
    assert found_in == (sorted(clusters) if stack.failover_enabled else [])
    for resource in run.of(DEPLOYMENT):
        with TemporaryDirectory() as folder:
            data = of_namespace(run, CONFIG_MAP, resource)["failover-controller"].inputs["data"]
            Path(folder, "settings.json").write_text(data["settings.json"])
            found = load_controller_settings(Path(folder))
        assert found.cluster == run.cluster_of(resource)
        assert set(found.regions) == {region.name for region in clusters[found.cluster].regions}
        assert set(found.all) == {region.name for region in stack.regions}
        companies = {
            company.namespace: {region.name for region in stack.regions_of(company)}
            for company in stack.companies
        }
        here = {name: wide for name, wide in companies.items() if wide & set(found.regions)}
        assert {name: set(company.regions) for name, company in found.companies.items()} == here
        for company in stack.companies:
            if company.namespace in here:
                assert found.companies[company.namespace].dedicated is company.dedicated_health_checks
        assert set(found.peers) == (set(found.all) if len(run.of(DEPLOYMENT)) > 1 else set())
        for region, url in found.peers.items():
            assert url.startswith("https://") and url.endswith(f"/peer/{region}")
        failover = stack.failover
        assert (found.interval_seconds, found.timeout_seconds) == (
            failover.interval_seconds,
            failover.timeout_seconds,
        )
        assert (found.failure_threshold, found.recovery_threshold) == (
            failover.failure_threshold,
            failover.recovery_threshold,
        )


RULES = (
    gates_stand_before_what_they_gate,
    gates_get_the_paths_of_everything,
    memories_follow_the_traffic,
    gates_get_their_company_s_buckets_and_how_to_upload,
    flags_and_leases_are_declared_without_content,
    pods_find_their_config_maps,
    programs_are_their_files_and_no_others,
    controllers_get_their_regions_and_companies,
)
