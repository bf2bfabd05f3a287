"""Cluster: its two providers, their connections, and the calls to EKS."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.cluster import Cluster, ClusterArgs
from settings import clusters_of, parse
from tests.components.stacks import EU, US, WEST, context, eks, endpoint, stack
from tests.recording import (
    KUBERNETES_PROVIDER,
    NAMESPACE,
    PRIORITY_CLASS,
    Recording,
    names,
    record,
    record_part,
)

REGIONS: dict[str, dict[str, Any]] = {
    "looked up": eks(US),
    "given": endpoint(US),
    "context": context(US),
    "ambient": {"name": US},
}


def cluster(region: dict[str, Any]) -> Recording:
    settings = parse(stack(regions=[{"ingressFrom": ["10.0.0.0/24"], **region}]), "dev")
    (plan,) = clusters_of(settings)
    return record_part(lambda: Cluster(plan.id, ClusterArgs(plan=plan, settings=settings)))


def providers(run: Recording) -> tuple[dict[str, Any], dict[str, Any]]:
    resource, kept = sorted(run.of(KUBERNETES_PROVIDER), key=lambda provider: provider.name.endswith("-kept"))
    return resource.inputs, kept.inputs


@pytest.mark.parametrize("form", REGIONS)
def test_a_cluster_has_providers_a_system_namespace_and_a_priority_class(form: str) -> None:
    run = cluster(REGIONS[form])
    (component,) = run.of(Cluster.TYPE)
    folder = component.name
    assert names(run.children(component)) == [
        f"{folder}-kept", f"{folder}-priority", f"{folder}-provider", f"{folder}-system"
    ]  # fmt: skip
    assert component.outputs == {"identifier": folder}
    for resource in run.of(NAMESPACE, PRIORITY_CLASS):
        provider = run.provider_of(resource)
        assert provider is not None and provider.name == f"{folder}-provider"


@pytest.mark.parametrize("form", REGIONS)
def test_both_providers_have_the_cluster_s_identifier_and_update_in_place(form: str) -> None:
    run = cluster(REGIONS[form])
    for provider in providers(run):
        assert provider["clusterIdentifier"] == run.of(Cluster.TYPE)[0].name
        assert provider["enableConfigMapMutable"] == provider["enableSecretMutable"] == "true"
    resource, kept = providers(run)
    assert "upsertExistingObjects" not in resource
    assert kept["upsertExistingObjects"] == "true"
    assert {key: value for key, value in kept.items() if key != "upsertExistingObjects"} == resource


def test_the_priority_is_below_what_the_cluster_itself_needs() -> None:
    priority = cluster(REGIONS["ambient"]).object(PRIORITY_CLASS, "digital-agency").inputs
    assert 0 < priority["value"] < 1_000_000_000
    assert priority["globalDefault"] is False


def test_an_eks_cluster_is_looked_up_in_its_region() -> None:
    run = cluster(eks(EU, "blue"))
    asked = {token.rsplit(":", 1)[-1]: args for token, args, _ in run.recorder.invokes}
    assert asked["getCluster"] == {"name": "blue", "region": EU}
    config = json.loads(providers(run)[0]["kubeconfig"])
    assert config["clusters"][0]["cluster"]["server"].startswith("https://")
    assert config["clusters"][0]["cluster"]["certificate-authority-data"] == "cGxhY2Vob2xkZXI="
    command = config["users"][0]["user"]["exec"]
    assert (command["command"], command["args"][:6]) == (
        "aws", ["--region", EU, "eks", "get-token", "--cluster-name", "blue"]
    )  # fmt: skip


def test_a_cluster_with_an_endpoint_is_not_looked_up() -> None:
    run = cluster(endpoint(US))
    assert run.invoked == []
    described = json.loads(providers(run)[0]["kubeconfig"])["clusters"][0]["cluster"]
    assert described == {
        "server": f"https://{US}.eks.example.net",
        "certificate-authority-data": "Y2VydGlmaWNhdGU=",
    }


def test_a_stack_with_only_existing_endpoints_looks_up_the_account_alone() -> None:
    """So a dead region's control plane can't fail the program."""
    run = record(stack(regions=[endpoint(US), endpoint(EU)]))
    assert run.invoked == ["getCallerIdentity"]


@pytest.mark.parametrize("identity", ["pod-identity", "irsa"])
def test_only_the_clusters_that_must_be_are_looked_up(identity: str) -> None:
    given = endpoint(EU) | {"cluster": {**endpoint(EU)["cluster"]}}
    run = record(stack(regions=[eks(US), given, context(WEST)], identity=identity))
    assert {args["name"] for token, args, _ in run.recorder.invokes if token.endswith("getCluster")} == {
        "blue"
    }
    assert {args["region"] for token, args, _ in run.recorder.invokes if token.endswith("getCluster")} == {US}


def test_a_context_is_one_cluster_however_many_regions_name_it() -> None:
    run = record(stack(regions=[context(US), context(EU)]))
    assert run.invoked == ["getCallerIdentity"]
    assert names(run.of(Cluster.TYPE)) == ["context-shared"]
    for provider in providers(run):
        assert provider["context"] == "shared"
        assert "kubeconfig" not in provider


def test_without_a_cluster_the_ambient_kubeconfig_counts_and_is_not_written_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/somewhere/kubeconfig")
    run = record(stack(regions=[{"name": US, "ingressFrom": ["10.0.0.0/24"]}]))
    assert run.invoked == ["getCallerIdentity"]
    for provider in providers(run):
        assert not {"context", "kubeconfig"} & provider.keys()


def test_eks_names_count_per_region() -> None:
    run = record(stack(regions=[eks(US, "blue"), eks(EU, "blue")]))
    assert names(run.of(Cluster.TYPE)) == ["eks-eu-west-1-blue", "eks-us-east-1-blue"]
    assert len(run.of(PRIORITY_CLASS)) == 2


def test_rotated_credentials_change_the_providers_and_nothing_else() -> None:
    def rotated(server: str, authority: str) -> Recording:
        region = endpoint(US)
        region["cluster"] |= {"endpoint": server, "certificateAuthority": authority}
        return record(stack(regions=[region]))

    before, after = rotated("https://one.example.net", "b25l"), rotated("https://two.example.net", "dHdv")
    assert before.by_urn.keys() == after.by_urn.keys()
    changed = [resource for resource in before if resource != after.by_urn[resource.urn]]
    assert {resource.type for resource in changed} == {KUBERNETES_PROVIDER}
    for resource in changed:
        other = after.by_urn[resource.urn].inputs
        assert {key for key in resource.inputs if resource.inputs[key] != other[key]} == {"kubeconfig"}
