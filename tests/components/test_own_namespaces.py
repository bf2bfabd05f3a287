"""A namespace that exists is adopted only with the company's label: what runs in another one stays whole."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest

from components.own_namespaces import check_of
from settings import clusters_of, parse
from tests.components.stacks import US, context, eks, many_companies, stack
from tests.recording import NAMESPACE, record

LIVE = {
    "argocd": {"kubernetes.io/metadata.name": "argocd"},
    "bare": None,
    "acme": {"agency.global/company": "acme"},
    "globex": {"agency.global/company": "acme"},
}


class Api:
    """Of a cluster with these namespaces."""

    connections: ClassVar[list[tuple[str, str]]] = []

    def __init__(self, kubeconfig: str, context: str) -> None:
        self.connections.append((kubeconfig, context))

    def list(self, kind: str, *, fields: str) -> list[dict[str, Any]]:
        name = fields.removeprefix("metadata.name=")
        labels = {"labels": LIVE.get(name)} if LIVE.get(name) else {}
        return [{"kind": kind, "metadata": {"name": name, **labels}}] if name in LIVE else []


@pytest.fixture(autouse=True)
def connections(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    monkeypatch.setattr("clients.kubernetes_api.KubernetesApi", Api)
    monkeypatch.setattr(Api, "connections", [])
    return Api.connections


def created(*names: str, region: dict[str, Any] | None = None, kubeconfig: str | None = "{}") -> None:
    class Arguments:
        def __init__(self, name: str) -> None:
            self.new_inputs = {"metadata": {"name": name}}

    (plan,) = clusters_of(parse(stack(regions=[region or eks(US)]), "dev"))

    async def run() -> None:
        check = check_of(plan, kubeconfig)
        for name in names:
            arguments: Any = Arguments(name)
            await check(arguments)

    asyncio.run(run())


def test_a_new_namespace_and_the_company_s_own_are_taken(connections: list[tuple[str, str]]) -> None:
    created("initech", "acme")
    assert connections == [("{}", "")]


@pytest.mark.parametrize("name", ["argocd", "bare", "globex"])
def test_any_other_namespace_ends_the_deployment_with_what_to_do(name: str) -> None:
    with pytest.raises(
        ValueError, match=f"the namespace {name} exists.*agency.global/company={name}.*another"
    ):
        created(name)


def test_a_context_is_asked_through_the_ambient_kubeconfig(connections: list[tuple[str, str]]) -> None:
    created("initech", region=context(US), kubeconfig=None)
    assert connections == [("", "shared")]


def test_a_cluster_that_a_preview_cannot_know_is_not_asked(connections: list[tuple[str, str]]) -> None:
    created("argocd", kubeconfig=None)
    assert connections == []


def test_every_company_s_namespace_is_asked_about_in_its_cluster() -> None:
    run = record(many_companies())
    for resource in run.of(NAMESPACE):
        company = "agency.global/company" in resource.inputs["metadata"]["labels"]
        hooks = [f"namespace-is-own@{run.cluster_of(resource)}"] if company else []
        assert run.recorder.waits[resource.urn] == (hooks, []), resource.name
