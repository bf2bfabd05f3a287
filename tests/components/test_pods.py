"""Pods: the parts of Brain and Agent, without a run of the program."""

from __future__ import annotations

from typing import Any

import pytest

from components.pods import PodParts, container, environment, pod_template, present, probed
from settings import Settings, parse
from settings.companies import BRAIN_RESOURCES
from tests.components.stacks import US, eks, stack

LABELS = {"app.kubernetes.io/name": "brain", "topology.kubernetes.io/region": US}


def settings_of(**more: Any) -> Settings:
    return parse(stack(**more), "dev")


def template(parts: PodParts | None = None, **more: Any) -> dict[str, Any]:
    settings = settings_of(**more)
    nothing = PodParts(containers=[], volumes=[])
    return pod_template(
        parts or nothing,
        settings=settings,
        region=settings.regions[0],
        service_account="brain",
        labels=LABELS,
    )


def resource(**more: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"resources": BRAIN_RESOURCES, "mounts": {}, **more}
    return container("brain", fields.pop("image", "registry/agency:1"), ["node", "x.js"], **fields)


def test_zones_and_nodes_are_spread_over_without_leaving_a_pod_unscheduled() -> None:
    [zones] = template()["spec"]["topologySpreadConstraints"]
    assert zones == {
        "topologyKey": "topology.kubernetes.io/zone",
        "maxSkew": 1,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": LABELS},
    }
    apart = template()["spec"]["affinity"]["podAntiAffinity"]
    assert apart.keys() == {"preferredDuringSchedulingIgnoredDuringExecution"}
    [preferred] = apart["preferredDuringSchedulingIgnoredDuringExecution"]
    assert preferred["podAffinityTerm"] == {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": LABELS},
    }


def test_a_container_that_runs_on_is_probed_on_its_port() -> None:
    probed_container = resource(probes=probed("brain", 3002))
    for probe in ("startupProbe", "readinessProbe"):
        assert probed_container[probe]["httpGet"] == {"path": "/health", "port": "brain"}
    assert probed_container["livenessProbe"]["httpGet"] == {"path": "/health", "port": 3002}
    startup, liveness = probed_container["startupProbe"], probed_container["livenessProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] == 300
    assert liveness["periodSeconds"] * liveness["failureThreshold"] == 60


def test_what_is_gated_asks_the_gate_whether_it_is_ready_and_nothing_else() -> None:
    plain, gated = resource(probes=probed("brain", 3002)), resource(probes=probed("brain", 3002, gated=True))
    assert gated["readinessProbe"] == {
        "httpGet": {"path": "/ready", "port": 3010},
        "timeoutSeconds": 3,
        "periodSeconds": 5,
        "failureThreshold": 1,
    }
    assert {**gated, "readinessProbe": plain["readinessProbe"]} == plain


@pytest.mark.parametrize(
    "image", ["registry/agency:1", "localhost/agency:local", f"registry/agency@sha256:{'0' * 64}"]
)
def test_a_container_that_starts_again_asks_no_registry(image: str) -> None:
    assert resource(image=image)["imagePullPolicy"] == "IfNotPresent"


UNREACHABLE = [
    {
        "key": f"node.kubernetes.io/{taint}",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 60,
    }
    for taint in ("not-ready", "unreachable")
]


def test_a_pod_leaves_a_node_that_is_not_ready_after_a_minute() -> None:
    assert template()["spec"]["tolerations"] == UNREACHABLE


def test_tolerations_of_the_settings_come_first_and_replace_the_defaults() -> None:
    dedicated = {"key": "dedicated", "operator": "Equal", "value": "agents", "effect": "NoSchedule"}
    patient = {**UNREACHABLE[1], "tolerationSeconds": 600}
    spec = template(regions=[eks(US, tolerations=[dedicated, patient])])["spec"]
    assert spec["tolerations"] == [dedicated, patient, UNREACHABLE[0]]
    every = template(regions=[eks(US, tolerations=[{"operator": "Exists"}])])["spec"]
    assert every["tolerations"] == [{"operator": "Exists"}, *UNREACHABLE]


def test_agent_and_brain_of_a_company_prefer_one_zone() -> None:
    affinity = template()["spec"]["affinity"]["podAffinity"]
    assert affinity.keys() == {"preferredDuringSchedulingIgnoredDuringExecution"}
    [preferred] = affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    assert preferred["podAffinityTerm"] == {
        "topologyKey": "topology.kubernetes.io/zone",
        "labelSelector": {
            "matchLabels": {"topology.kubernetes.io/region": US},
            "matchExpressions": [
                {"key": "app.kubernetes.io/name", "operator": "NotIn", "values": ["brain"]},
            ],
        },
    }


def test_what_an_organisation_demands_of_pods_is_in_every_pod() -> None:
    pods = {
        "imagePullSecrets": ["mirror"],
        "runtimeClassName": "gvisor",
        "priorityClassName": "business-critical",
    }
    spec = template(pods=pods)["spec"]
    assert spec["imagePullSecrets"] == [{"name": "mirror"}]
    assert (spec["runtimeClassName"], spec["priorityClassName"]) == ("gvisor", "business-critical")
    plain = template()["spec"]
    assert not {"imagePullSecrets", "runtimeClassName"} & plain.keys()
    assert plain["priorityClassName"] == "digital-agency"


def test_the_settings_environment_comes_over_the_defaults() -> None:
    settings = settings_of(environment={"LOG_LEVEL": "debug", "EXTRA": "x"})
    pairs = environment(settings, settings.companies[0], container="brain", port=3002)
    found = {pair["name"]: pair["value"] for pair in pairs}
    assert len(found) == len(pairs)
    assert (found["LOG_LEVEL"], found["EXTRA"], found["PORT"]) == ("debug", "x", "3002")


def test_what_is_empty_is_left_out_for_the_api_server_drops_it() -> None:
    assert present({"a": [], "b": {}, "c": None, "d": False, "e": 0, "f": "", "g": [1]}) == {
        "d": False, "e": 0, "f": "", "g": [1]
    }  # fmt: skip
