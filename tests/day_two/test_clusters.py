"""A cluster's endpoint, certificate authority or credentials change: nothing else does."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from engine.placeholders import Placeholders
from tests.components.stacks import EU, US, context, stack
from tests.day_two.plans import compared
from tests.day_two.running import Running
from tests.day_two.stacks import BASE, edited, region
from tests.recording import KUBERNETES_PROVIDER, Answers, record

PROVIDERS = ["eks-us-east-1-blue-kept", "eks-us-east-1-blue-provider"]


@pytest.mark.slow
def test_a_new_endpoint_and_authority_update_the_providers_alone(running: Running) -> None:
    running.at(BASE)
    address = running.clusters.address(f"{US}-blue")
    authority = base64.b64decode(address["certificateAuthority"])
    moved = {
        "eks": "blue",
        "endpoint": address["endpoint"].replace("127.0.0.1", "localhost"),
        "certificateAuthority": base64.b64encode(authority * 2).decode(),
    }
    change = running.plan(BASE, edited(BASE, region(US, cluster=moved)))
    assert change.actions == dict.fromkeys(PROVIDERS, "update"), str(change)
    for name in PROVIDERS:
        assert change.changed(name).keys() == {"kubeconfig"}


def test_an_endpoint_and_authority_that_eks_rotated_change_the_providers_alone() -> None:
    def rotated(args: dict[str, Any]) -> dict[str, Any]:
        found = Placeholders().invoke("aws:eks/getCluster:getCluster", args, "")
        if args["region"] != US:
            return found
        return found | {"endpoint": "https://new", "certificateAuthorities": [{"data": "bmV3"}]}

    change = compared(record(BASE), record(BASE, recorder=Answers({"getCluster": rotated})))
    assert change.actions == dict.fromkeys(PROVIDERS, "update"), str(change)
    for name in PROVIDERS:
        [(path, (_, new))] = change.changed(name).items()
        assert path == "kubeconfig"
        assert "https://new" in new


def test_nothing_of_a_context_is_written_down_that_could_rotate() -> None:
    providers = record(stack(regions=[context(US)])).of(KUBERNETES_PROVIDER)
    assert len(providers) == 2
    for provider in providers:
        assert provider.inputs["context"] == "shared"
        assert provider.inputs["clusterIdentifier"] == "context-shared"
        assert "kubeconfig" not in provider.inputs


def test_providers_are_identified_by_an_identifier_that_no_rotation_changes() -> None:
    providers = record(BASE).of(KUBERNETES_PROVIDER)
    assert len(providers) == 6
    for provider in providers:
        folder = provider.name.removesuffix("-kept").removesuffix("-provider")
        assert provider.inputs["clusterIdentifier"] == folder
        assert folder.startswith(("eks-us-", f"eks-{EU}-"))
