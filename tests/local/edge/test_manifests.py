"""What is put into a cluster for its edges."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from local.control_plane import ControlPlane
from local.edge.manifests import NAME, NAMESPACE, manifests, program
from local.edge.objects import REGION_LABEL, Backend
from local.edge.table import Table
from plan.names import SYSTEM_NAMESPACE
from tests.api_server.server import Manifest, Server
from tests.local.edge.deployed import IMAGE
from tests.local.edge.objects import EU, US
from tests.recording import INGRESS, ROOT, record_file
from tests.services import until

USER = f"system:serviceaccount:{NAMESPACE}:{NAME}"


@pytest.fixture(scope="module")
def server(control_plane: ControlPlane) -> Server:
    return Server(control_plane)


@pytest.fixture(scope="module")
def applied(server: Server) -> list[Manifest]:
    found = manifests([US, EU], IMAGE)
    assert [server.apply(one, dry_run=False) for one in found] == [None] * len(found)
    return found


def test_the_api_server_takes_all_of_it_and_admits_the_pods(server: Server, applied: list[Manifest]) -> None:
    deployments = [one for one in applied if one["kind"] == "Deployment"]
    assert [one["metadata"]["name"] for one in deployments] == [f"edge-{EU}", f"edge-{US}"]
    assert [server.run(one) for one in deployments] == [None, None]


def test_but_for_the_node_s_network_its_pods_are_as_restricted_as_a_tenant_s(server: Server) -> None:
    name = "edge-restricted"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": name}}
    assert [server.apply(one, dry_run=False) for one in (space, account)] == [None, None]
    deployment = next(one for one in manifests([US], IMAGE) if one["kind"] == "Deployment")
    deployment["metadata"]["namespace"] = name
    said = server.run(deployment)
    assert said is not None and "host namespaces" in said and "hostPort" in said
    del deployment["spec"]["template"]["spec"]["hostNetwork"]
    assert server.run(deployment) is None


def test_a_pod_stays_bound_to_a_node_that_is_away() -> None:
    spec = next(one for one in manifests([US], IMAGE) if one["kind"] == "Deployment")["spec"]
    pod = spec["template"]["spec"]
    assert pod["nodeSelector"] == {REGION_LABEL: US}
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    keys = {f"node.kubernetes.io/{what}" for what in ("not-ready", "unreachable")}
    assert {one["key"] for one in pod["tolerations"]} == keys
    assert all(one["operator"] == "Exists" and len(one) == 2 for one in pod["tolerations"])


def test_its_account_may_what_it_does_and_nothing_else(server: Server, applied: list[Manifest]) -> None:
    everybody = "system:serviceaccount:default:default"
    until(lambda: rights(server, USER) != rights(server, everybody), "its rights are in force")
    seen = {("", "services"), ("discovery.k8s.io", "endpointslices"), ("networking.k8s.io", "ingresses")}
    assert rights(server, USER) - rights(server, everybody) == {
        *((*kind, verb) for kind in seen for verb in ("list", "watch")),
        ("networking.k8s.io", "ingresses/status", "patch"),
    }


def rights(server: Server, user: str) -> set[tuple[str, str, str]]:
    """API group, resource and verb of all that a user may do in a company's namespace."""
    asked = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview"}
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    status, answer = server.ask(user, "POST", path, {**asked, "spec": {"namespace": "acme"}})
    assert status == HTTPStatus.CREATED, answer
    return {
        (group, resource, verb)
        for rule in answer["status"]["resourceRules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


# The program.


def imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source, feature_version=(3, 11))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_program_brings_what_it_imports_and_needs_the_standard_library_alone() -> None:
    files = program().files
    modules = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in files}
    assert "local.edge.__main__" in modules and "local.edge.manifests" not in modules
    for path, source in files.items():
        for name in imports(source):
            ours = name in modules or name.rpartition(".")[0] in modules
            assert ours or name.split(".")[0] in sys.stdlib_module_names, f"{path}: {name}"


# What the platform asks of it.


def test_every_ingress_of_the_local_stack_is_one_edge_s_and_finds_a_way() -> None:
    run = record_file(ROOT / "Pulumi.local.yaml")
    assert run.settings.ingress.namespace == NAMESPACE, "which tenants' network policies let in"
    tables = {region.name: Table() for region in run.settings.regions}
    for one in run.of(INGRESS):
        region = one.inputs["metadata"].get("labels", {}).get(REGION_LABEL)
        assert region in tables, f"{one.name}: no edge watches Ingresses of region {region}"
        tables[region].ingresses.put(one.inputs)
    for region, table in tables.items():
        for company in run.settings.companies:
            found = table.find(f"{company.namespace}.{run.settings.domain}", "/messages")
            assert found == Backend(namespace=company.namespace, service=f"agent-{region}", port="agent")
        for path in (f"/healthz/{region}", f"/healthz/{region}/acme", f"/peer/{region}"):
            found = table.find("10.88.0.11:8080", path)
            assert found == Backend(namespace=SYSTEM_NAMESPACE, service="failover-controller", port="http")
