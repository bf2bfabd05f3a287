"""Whether a drill may begin: on a real API server, with edges and controllers of the tests' own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ops.drill.observe.cluster import Controllers
from ops.drill.observe.http import Address, send
from ops.drill.preconditions import require_another, stack_problems
from ops.errors import OperatorError
from ops.probing.port_forwards import PortForwards
from ops.stack import Stack
from plan.names import SYSTEM_NAMESPACE
from tests.drill.platform import Objects, free_port, pages
from tests.drill.scenarios import EU, US, scenario, settings

SCENARIO = scenario()


def healthy(objects: Objects) -> None:
    for namespace in SCENARIO.namespaces:
        for region in (US, EU):
            objects.endpoints(namespace, region, True)


def edges(port: int) -> Any:
    return lambda name, request: send(Address(host="127.0.0.1", port=port, tls=False), request)


def refusal(objects: Objects, stack: Stack, port: int, *, last_serving: bool = False) -> str:
    clusters = {US: objects.cluster, EU: objects.cluster}
    try:
        require_another(stack, US, clusters, edges(port), last_serving=last_serving)
    except OperatorError as error:
        return str(error)
    return ""


def stack_of(**changed: Any) -> Stack:
    return Stack(name="local", file=Path("Pulumi.local.yaml"), settings=settings(**changed))


@pytest.mark.parametrize(
    ("trouble", "problem"),
    [
        ("none", ""),
        ("flagged", "acme: eu-west-1: it is flagged as failed"),
        ("flagged for one", "globex: eu-west-1: it is flagged as failed"),
        ("not ready", "hooli: eu-west-1: no endpoint of its Agent is ready"),
        ("unhealthy", "acme: eu-west-1: its health path answers 503"),
    ],
)
def test_the_last_region_that_serves_a_company_is_not_taken_down(
    objects: Objects, trouble: str, problem: str
) -> None:
    healthy(objects)
    path, port = f"/healthz/{EU}", free_port()
    match trouble:
        case "flagged":
            objects.flags(SYSTEM_NAMESPACE, EU)
        case "flagged for one":
            objects.flags("globex", EU)
        case "not ready":
            objects.endpoints("hooli", EU, False)
    with pages("127.0.0.1", port, {path: (503 if trouble == "unhealthy" else 200, "")}):
        said = refusal(objects, stack_of(), port)
        assert refusal(objects, stack_of(), port, last_serving=True) == ""
    assert problem in said
    assert bool(said) is bool(problem)
    assert not said or (said.startswith(f"nothing was done: {US} is the last") and "--last-serving" in said)


def test_the_only_region_of_an_unwatched_company_is_not_taken_down_either(objects: Objects) -> None:
    healthy(objects)
    port = free_port()
    with pages("127.0.0.1", port, {f"/healthz/{EU}": (200, "")}):
        said = refusal(objects, stack_of(companies=["acme", {"name": "alone", "regions": [US]}]), port)
    assert "alone: it has no other region" in said


def test_workloads_that_are_not_ready_and_controllers_that_do_not_lead_are_reported(
    objects: Objects, forwards: PortForwards
) -> None:
    clusters = {US: objects.cluster, EU: objects.cluster}
    controllers = Controllers(objects.cluster, forwards)
    objects.stateful_set("acme", "brain", US, ready=1)
    objects.stateful_set("globex", "agent", EU, ready=0, replicas=2)
    objects.stateful_set("hooli", "agent", EU, ready=0, replicas=0)
    address = objects.controller_pod("failover-controller-a")
    status = {"leading": False, "problems": {"api": "403: forbidden", "settings": "", "namespaces": {}}}
    with pages(address, 8081, {"/status": (200, json.dumps(status))}):
        problems = stack_problems(SCENARIO, clusters, controllers)
    assert problems == [
        f"globex/agent-{EU}: 0 of 2 pods are ready",
        f"hooli/agent-{EU}: 0 of 0 pods are ready",
        "none of the failover controllers leads (failover-controller-a)",
        "failover-controller-a: 403: forbidden",
    ]
