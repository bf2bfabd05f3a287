"""FailoverController: its objects in a cluster, its permissions, and the order in which controllers roll."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.components.stacks import DOMAIN, EU, US, WEST, context, eks, stack
from tests.recording import (
    CLUSTER_ROLE,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    KUBERNETES_ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    Recording,
    names,
    record,
)

TYPE = "agency:failover_controller:FailoverController"
NAME, SYSTEM = "failover-controller", "digital-agency-system"
SHARED = [context(US), context(EU), eks(WEST, "green", active=False)]


@pytest.fixture(scope="module")
def run() -> Recording:
    return record(stack(regions=[context(US), context(EU)]))


def config(run: Recording, folder: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(
        run.named(f"{folder}-failover-settings").inputs["data"]["settings.json"]
    )
    return content


def pod(run: Recording) -> dict[str, Any]:
    spec: dict[str, Any] = run.manifest(DEPLOYMENT, NAME)["spec"]["template"]["spec"]
    return spec


def test_a_cluster_has_one_controller_with_all_that_it_needs(run: Recording) -> None:
    (component,) = run.of(TYPE)
    parts = (
        "account", "admission", "admission-binding", "binding", "budget", "deny", "deployment", "flags",
        "lease", "policy", "program", "role", "service", "settings", "tenants-role",
    )  # fmt: skip
    assert component.name == "context-shared-failover"
    assert run.by_urn[component.parent].name == "context-shared"
    assert names(run.children(component)) == [f"context-shared-failover-{part}" for part in parts]
    assert component.outputs == {"service": f"{NAME}.{SYSTEM}"}


def test_every_cluster_has_one_and_without_failover_none_has() -> None:
    run = record(stack(regions=SHARED))
    assert names(run.of(TYPE)) == ["context-shared-failover", f"eks-{WEST}-green-failover"]
    assert record(stack(regions=SHARED, failover={"enabled": False})).of(TYPE) == []
    assert record(stack(regions=[context(US)])).of(TYPE) == []


def test_two_replicas_roll_without_a_gap(run: Recording) -> None:
    spec = run.manifest(DEPLOYMENT, NAME)["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    budget = run.manifest(DISRUPTION_BUDGET, NAME)["spec"]
    assert (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")


def test_behind_a_load_balancer_of_aws_a_controller_ends_after_the_last_request() -> None:
    run = record(stack(regions=[eks(US), eks(EU)]))
    for resource in run.of(DEPLOYMENT):
        spec = resource.inputs["spec"]
        (only,) = spec["template"]["spec"]["containers"]
        waits = only["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert waits >= 20
        assert spec["template"]["spec"]["terminationGracePeriodSeconds"] >= waits + 60
        assert spec["minReadySeconds"] >= 12


def test_edges_lead_to_one_port_and_probes_and_metrics_have_another(run: Recording) -> None:
    (container,) = pod(run)["containers"]
    assert container["ports"] == [
        {"name": "http", "containerPort": 8080},
        {"name": "metrics", "containerPort": 8081},
    ]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] in ("metrics", 8081)
    assert run.manifest(SERVICE, NAME)["spec"]["ports"] == [
        {"name": "http", "port": 8080, "targetPort": "http"}
    ]


def test_it_is_the_program_of_the_runtime_in_the_stock_python_image(run: Recording) -> None:
    (container,) = pod(run)["containers"]
    assert (container["image"], container["command"]) == (
        "python:3.13-slim",
        ["python3", "/opt/agency/start.py", "runtime.controller"],
    )
    variables = {pair["name"]: pair.get("value") for pair in container["env"]}
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod(run)["volumes"]}
    assert volumes[mounts[str(variables["CONTROLLER_SETTINGS"])]]["configMap"] == {"name": NAME}
    assert volumes[mounts[str(variables["CONTROLLER_FLAGS"])]]["configMap"]["name"] == "failed-regions"
    assert volumes[mounts["/opt/agency"]]["configMap"]["name"].startswith(f"{NAME}-")
    assert (variables["CONTROLLER_HTTP_PORT"], variables["CONTROLLER_METRICS_PORT"]) == ("8080", "8081")
    assert {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}} in container["env"]


def test_its_token_is_mounted_by_hand_where_clients_look_for_it(run: Recording) -> None:
    (container,) = pod(run)["containers"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod(run)["volumes"]}
    sources = volumes[mounts["/var/run/secrets/kubernetes.io/serviceaccount"]]["projected"]["sources"]
    (token,) = [source["serviceAccountToken"] for source in sources if "serviceAccountToken" in source]
    assert token["path"] == "token" and token["expirationSeconds"] >= 600
    (authority,) = [source["configMap"] for source in sources if "configMap" in source]
    assert authority == {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    assert pod(run)["serviceAccountName"] == NAME
    assert run.manifest(SERVICE_ACCOUNT, NAME)["automountServiceAccountToken"] is False


def rights(manifest: dict[str, Any]) -> set[tuple[str, str, str]]:
    """(verb, group/resource, name or *) of a role."""
    return {
        (verb, f"{group}/{resource}", name)
        for rule in manifest["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", ["*"])
    }


def test_it_may_do_what_it_needs_and_nothing_else(run: Recording) -> None:
    """What the API server then lets through is tried in tests/api_server."""
    flags = {("get", "/configmaps", "failed-regions"), ("patch", "/configmaps", "failed-regions")}
    events = {("create", "/events", "*")}
    lease = {(verb, "coordination.k8s.io/leases", NAME) for verb in ("get", "update")}
    pods = {("list", "/pods", "*"), ("patch", "/pods", "*")}
    assert rights(run.manifest(KUBERNETES_ROLE, NAME)) == flags | events | lease
    assert rights(run.manifest(CLUSTER_ROLE, "digital-agency-failover")) == flags | events | pods


def test_its_rights_end_at_the_companies_namespaces() -> None:
    run = record(stack(regions=SHARED, companies=["acme", {"name": "globex", "regions": [US]}]))
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": SYSTEM}
    bindings = set()
    for resource in run.of(ROLE_BINDING):
        assert resource.inputs["subjects"] == [subject]
        role, space = resource.inputs["roleRef"], resource.inputs["metadata"]["namespace"]
        wanted = ("Role", NAME) if space == SYSTEM else ("ClusterRole", "digital-agency-failover")
        assert (role["kind"], role["name"]) == wanted
        bindings.add((run.cluster_of(resource), space))
    green = f"eks-{WEST}-green"
    assert bindings == {
        ("context-shared", SYSTEM), (green, SYSTEM), ("context-shared", "acme"), (green, "acme"),
        ("context-shared", "globex"),
    }  # fmt: skip
    assert run.of("kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding") == []


def test_its_config_has_the_cluster_s_companies_with_all_their_regions() -> None:
    companies = [
        {"name": "Acme_Corp", "dedicatedHealthChecks": True},
        {"name": "globex", "regions": [EU, US]},
        {"name": "initech", "regions": [WEST, EU]},
    ]
    run = record(stack(regions=SHARED, companies=companies))
    assert config(run, f"eks-{WEST}-green")["companies"] == {
        "acme-corp": {"regions": [EU, US, WEST], "dedicated": True},
        "initech": {"regions": [EU, WEST], "dedicated": False},
    }
    assert config(run, "context-shared")["companies"].keys() == {"acme-corp", "globex", "initech"}


def test_it_finds_every_region_s_page_on_the_region_s_first_edge() -> None:
    companies = [{"name": "acme", "edge": 2}, {"name": "globex", "edge": 3}]
    run = record(stack(regions=[context(US), eks(EU)], companies=companies))
    pages = {US: f"https://lb.{US}.example.net/peer/{US}", EU: f"https://{EU}-2.{DOMAIN}/peer/{EU}"}
    for folder in ("context-shared", f"eks-{EU}-blue"):
        assert config(run, folder)["peers"] == pages


def test_in_a_stack_with_one_cluster_there_are_no_peers(run: Recording) -> None:
    assert config(run, "context-shared")["peers"] == {}


def test_when_a_region_counts_as_failed_is_a_setting() -> None:
    failover = {"intervalSeconds": 7, "timeoutSeconds": 2, "failureThreshold": 4, "recoveryThreshold": 6}
    content = config(record(stack(regions=[context(US), context(EU)], failover=failover)), "context-shared")
    assert {key: content[key] for key in failover} == failover


def rolls_after(run: Recording, folder: str) -> set[str]:
    """Clusters whose controllers roll before this one's."""
    resource = run.named(f"{folder}-failover-deployment")
    earlier = (run.by_urn[urn] for urn in resource.dependencies)
    return {run.cluster_of(of) for of in earlier if of.type == DEPLOYMENT}


def test_controllers_roll_cluster_by_cluster_those_of_passive_regions_first() -> None:
    regions = [eks(US), eks(EU), eks(WEST, active=False)]
    us, eu, west = (f"eks-{name}-blue" for name in (US, EU, WEST))
    run = record(stack(regions=regions))
    assert {folder: rolls_after(run, folder) for folder in (us, eu, west)} == {
        west: set(), eu: {west}, us: {eu}
    }  # fmt: skip


def test_nothing_but_the_next_controller_waits_for_one() -> None:
    """A dead cluster's can be left out of a deployment, and the companies roll whatever becomes of it."""
    run = record(stack(regions=[eks(US), eks(EU), eks(WEST)]))
    deployments = {resource.urn for resource in run.of(DEPLOYMENT)}
    for resource in run:
        assert not resource.dependencies & deployments or resource.type == DEPLOYMENT, resource.name


def test_without_waiting_for_readiness_they_roll_at_once() -> None:
    run = record(stack(regions=[eks(US), eks(EU)], waitForReady=False))
    assert [rolls_after(run, f"eks-{name}-blue") for name in (US, EU)] == [set(), set()]


def keys(run: Recording) -> dict[str, Any]:
    """The key of each cluster's Secret."""
    return {
        run.cluster_of(resource): resource.inputs["data"]["key"]
        for resource in run.objects(SECRET, namespace=SYSTEM)
    }


def test_all_clusters_have_one_secret_key_and_it_is_in_no_company_s_reach() -> None:
    run = record(stack(regions=[eks(EU), eks(US), context(WEST)]))
    found = keys(run)
    assert found.keys() == {f"eks-{EU}-blue", f"eks-{US}-blue", "context-shared"}
    assert len({secret.value for secret in found.values()}) == 1
    (key,) = {base64.b64decode(secret.value).decode() for secret in found.values()}
    assert len(key) == 64
    for resource in run:
        namespace = (resource.inputs.get("metadata") or {}).get("namespace")
        if resource.type != SECRET:
            assert key not in repr(resource.inputs), resource.name
        assert resource.type != SECRET or namespace == SYSTEM
    for role in run.of(KUBERNETES_ROLE, CLUSTER_ROLE):
        assert not [rule for rule in role.inputs["rules"] if "secrets" in rule["resources"]]


def test_a_key_stays_when_clusters_come_behind_and_when_the_first_one_goes() -> None:
    """The first one's is what the state has, whatever the program makes; the others copy it."""
    run = record(stack(regions=[eks(EU), eks(US)]))
    kept = {run.cluster_of(each): each.ignore_changes for each in run.objects(SECRET, namespace=SYSTEM)}
    assert kept == {f"eks-{EU}-blue": ("data",), f"eks-{US}-blue": ()}
    without = record(stack(regions=[eks(US), eks(WEST)]))
    kept = {
        without.cluster_of(each): each.ignore_changes for each in without.objects(SECRET, namespace=SYSTEM)
    }
    assert kept[f"eks-{US}-blue"] == ("data",)


def test_the_secret_is_there_before_the_pods_that_mount_it(run: Recording) -> None:
    deployment = run.named("context-shared-failover-deployment")
    assert run.named("context-shared-failover-secret").urn in deployment.dependencies
    (container,) = pod(run)["containers"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod(run)["volumes"]}
    variables = {pair["name"]: pair.get("value") for pair in container["env"]}
    assert volumes[mounts[str(variables["CONTROLLER_SECRET_PATH"])]]["secret"] == {"secretName": NAME}
