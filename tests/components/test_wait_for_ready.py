"""`waitForReady`: what a deployment waits for with true and with false."""

from __future__ import annotations

import pytest

from engine.recorder import Registration
from tests.components.stacks import EU, US, context, eks, stack
from tests.recording import DEPLOYMENT, INGRESS, SERVICE, STATEFUL_SET, VOLUME_CLAIM, Recording, record

SKIP = "pulumi.com/skipAwait"
AWAITED_TYPES = (SERVICE, VOLUME_CLAIM, STATEFUL_SET, DEPLOYMENT, INGRESS)


def both(ready: bool) -> Recording:
    """A region with load balancers of the stack, one with an endpoint."""
    return record(stack(regions=[eks(US), context(EU)], waitForReady=ready))


def awaited(resource: Registration) -> bool:
    return bool(resource.inputs["metadata"].get("annotations", {}).get(SKIP) != "true")


def is_edge(resource: Registration) -> bool:
    return "-edge-" in resource.name


@pytest.mark.parametrize("ready", [True, False])
def test_services_and_volumes_are_never_waited_for(ready: bool) -> None:
    found = both(ready).of(SERVICE, VOLUME_CLAIM)
    assert len(found) == 14  # two of them the controllers'
    assert not any(map(awaited, found))


@pytest.mark.parametrize("ready", [True, False])
def test_the_setting_decides_about_waiting_for_workloads(ready: bool) -> None:
    assert {(resource.type, awaited(resource)) for resource in both(ready).of(STATEFUL_SET, DEPLOYMENT)} == {
        (STATEFUL_SET, ready),
        (DEPLOYMENT, ready),
    }


@pytest.mark.parametrize("ready", [True, False])
def test_the_setting_decides_about_waiting_for_ingresses_that_get_an_address(
    ready: bool,
) -> None:
    found = {
        resource.name: awaited(resource) for resource in both(ready).of(INGRESS) if not is_edge(resource)
    }
    assert found == {f"acme-agent@{US}-ingress": ready, f"acme-agent@{EU}-ingress": False}


@pytest.mark.parametrize("ready", [True, False])
def test_an_edge_s_ingress_is_always_waited_for_unless_its_region_has_an_endpoint(ready: bool) -> None:
    found = {resource.name: awaited(resource) for resource in both(ready).of(INGRESS) if is_edge(resource)}
    assert found == {f"{US}-edge-1-ingress": True, f"{EU}-edge-1-ingress": False}


def test_nothing_else_has_an_annotation_about_waiting() -> None:
    run = both(False)
    assert {resource.type for resource in run.objects() if not awaited(resource)} == set(AWAITED_TYPES)


def test_the_setting_changes_annotations_and_order_and_nothing_else() -> None:
    waiting, not_waiting = both(True), both(False)
    assert waiting.by_urn.keys() == not_waiting.by_urn.keys()
    for resource in waiting:
        other = not_waiting.by_urn[resource.urn]
        if resource.inputs != other.inputs:
            assert resource.type in (STATEFUL_SET, DEPLOYMENT, INGRESS), resource.name
            assert resource.inputs["spec"] == other.inputs["spec"]
