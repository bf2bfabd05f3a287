"""A cluster's endpoint, certificate authority or credentials change: nothing else does."""

from __future__ import annotations

from typing import Any

from engine.placeholders import Placeholders
from tests.components.stacks import EU, US, context, endpoint, stack
from tests.day_two.paper import deployed, edited, plan
from tests.day_two.stacks import BASE
from tests.recording import KUBERNETES_PROVIDER

PROVIDERS = ["eks-us-east-1-blue-kept", "eks-us-east-1-blue-provider"]


def test_a_new_endpoint_and_authority_in_the_settings_change_the_providers_alone() -> None:
    before = stack(regions=[endpoint(US)])
    moved = {"endpoint": "https://other.eks.example.net", "certificateAuthority": "b3RoZXI="}
    change = plan(before, edited(before, lambda raw: raw["regions"][0]["cluster"].update(moved)))
    assert change.actions == dict.fromkeys(PROVIDERS, "update"), str(change)
    for name in PROVIDERS:
        assert change.changed(name).keys() == {"kubeconfig"}


def test_an_endpoint_and_authority_that_eks_rotated_change_the_providers_alone() -> None:
    def rotated(args: dict[str, Any]) -> dict[str, Any]:
        found = Placeholders().invoke("aws:eks/getCluster:getCluster", args, "")
        if args["region"] != US:
            return found
        return found | {"endpoint": "https://new", "certificateAuthorities": [{"data": "bmV3"}]}

    change = plan(BASE, BASE, functions={"getCluster": rotated})
    assert change.actions == dict.fromkeys(PROVIDERS, "update"), str(change)
    for name in PROVIDERS:
        [(path, (_, new))] = change.changed(name).items()
        assert path == "kubeconfig"
        assert "https://new" in new


def test_nothing_of_a_context_is_written_down_that_could_rotate() -> None:
    state = deployed(stack(regions=[context(US)]))
    for entry in state.resources.values():
        if entry["type"] == KUBERNETES_PROVIDER:
            assert entry["inputs"]["context"] == "shared"
            assert entry["inputs"]["clusterIdentifier"] == "context-shared"
            assert "kubeconfig" not in entry["inputs"]


def test_providers_are_told_by_an_identifier_that_no_rotation_changes() -> None:
    for entry in deployed(BASE).resources.values():
        if entry["type"] == KUBERNETES_PROVIDER:
            folder = entry["name"].removesuffix("-kept").removesuffix("-provider")
            assert entry["inputs"]["clusterIdentifier"] == folder
            assert folder.startswith(("eks-us-", f"eks-{EU}-"))
