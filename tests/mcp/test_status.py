"""The status of a stack, on a real API server and over real sockets."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clients.kubernetes_api import KubernetesError
from ops.cluster_access import Cluster
from ops.errors import OperatorError
from ops.mcp import status
from ops.mcp.results import CompanyStatus
from plan.names import SYSTEM_NAMESPACE
from settings import ClusterPlan
from tests.drill.commands import stack_file
from tests.drill.conftest import ByAddress, control_plane, installed, objects
from tests.drill.platform import Objects, pages
from tests.drill.scenarios import EU, US

__all__ = ["control_plane", "installed", "objects"]

WELL: dict[str, Any] = {"ok": True, "problems": [], "role": "serving", "lagSeconds": 4.0}


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, objects: Objects) -> argparse.Namespace:
    monkeypatch.setattr(status, "cluster_of", lambda *_: objects.cluster)
    monkeypatch.setattr(status, "PortForwards", ByAddress)
    return argparse.Namespace(config=stack_file(tmp_path), stack=None, context=None, state=tmp_path)


@contextmanager
def controller(objects: Objects, **problems: Any) -> Iterator[None]:
    answer = json.dumps({"leading": True, "problems": problems})
    with pages(objects.controller_pod("failover-controller-a"), 8081, {"/status": (200, answer)}):
        yield


@contextmanager
def gates(objects: Objects, namespace: str, region: str, **health: Any) -> Iterator[None]:
    answer = (200, json.dumps({**WELL, **health}))
    with ExitStack() as servers:
        for kind in ("brain", "agent"):
            servers.enter_context(
                pages(objects.workload_pod(namespace, kind, region), 3010, {"/health": answer})
            )
        yield


def of(companies: list[CompanyStatus], region: str) -> CompanyStatus:
    [found] = [each for each in companies if each.region == region]
    return found


def test_a_stack_that_is_well_has_roles_lags_and_no_alarm(
    objects: Objects, arguments: argparse.Namespace
) -> None:
    objects.endpoints("acme", US, True, True)
    with controller(objects), gates(objects, "acme", US), gates(objects, "acme", EU, role="standby"):
        found = status.read(arguments, "acme", "")
    assert [(each.region, each.flagged, each.problem) for each in found.regions] == [
        (US, False, ""),
        (EU, False, ""),
    ]
    assert found.regions[0].controllers[0].leading
    assert of(found.companies, US).ready_endpoints == 2
    assert {gate.role for gate in of(found.companies, US).gates} == {"serving"}
    assert {gate.role for gate in of(found.companies, EU).gates} == {"standby"}
    assert {gate.lag_seconds for gate in of(found.companies, US).gates} == {4.0}
    assert found.alarms == []


def test_flags_late_uploads_and_problems_are_alarms(objects: Objects, arguments: argparse.Namespace) -> None:
    objects.flags(SYSTEM_NAMESPACE, US)
    objects.flags("acme", US)
    broken = {"role": "standby", "lagSeconds": 31.0, "problems": ["S3 refuses\x1b[2J"]}
    with (
        controller(objects, api="403: forbidden", namespaces={"globex": "no such namespace"}),
        gates(objects, "acme", US, **broken),
        gates(objects, "acme", EU),
    ):
        found = status.read(arguments, "acme", "local/us-east-1/scale")
    assert found.regions[0].flagged and of(found.companies, US).flagged
    assert not found.regions[1].flagged and not of(found.companies, EU).flagged
    assert found.alarms[0] == f"{US} is flagged as failed"
    for text in (
        "failover-controller-a: 403: forbidden",
        "failover-controller-a: globex: no such namespace",
        r"acme in us-east-1: brain: S3 refuses\x1b[2J",
        "acme in us-east-1: agent: the last upload began 31 s ago",
        "outage: local/us-east-1/scale",
    ):
        assert any(text in alarm for alarm in found.alarms), text


def test_a_company_that_is_flagged_alone_is_an_alarm(objects: Objects, arguments: argparse.Namespace) -> None:
    objects.flags("acme", US)
    with controller(objects), gates(objects, "acme", US), gates(objects, "acme", EU):
        assert status.read(arguments, "acme", "").alarms == [f"acme in {US} is flagged as failed"]


def test_a_cluster_that_stops_answering_is_an_alarm(
    objects: Objects, arguments: argparse.Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise KubernetesError("pods is forbidden")

    monkeypatch.setattr(status.Controllers, "statuses", refused)
    with gates(objects, "acme", US), gates(objects, "acme", EU):
        found = status.read(arguments, "acme", "")
    assert all("pods is forbidden" in region.problem for region in found.regions)


def test_what_does_not_answer_is_unknown_and_an_alarm(
    objects: Objects, arguments: argparse.Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = status.read(arguments, "acme", "")
    assert {gate.role for gate in of(found.companies, US).gates} == {"unknown"}
    assert any("no failover controller answers" in alarm for alarm in found.alarms)
    assert any("does not answer" in alarm for alarm in found.alarms)

    def away(*_: object) -> None:
        raise OperatorError("the cluster x does not answer: timed out")

    monkeypatch.setattr(status, "cluster_of", away)
    found = status.read(arguments, None, "")
    assert [each.flagged for each in found.regions] == [None, None]
    assert {(each.flagged, each.ready_endpoints) for each in found.companies} == {(None, None)}
    assert "the cluster x does not answer: timed out" in found.alarms[0]
    assert {gate.role for company in found.companies for gate in company.gates} == {"unknown"}


def test_the_flags_of_a_region_whose_cluster_is_away_are_those_of_the_other_clusters(
    objects: Objects, arguments: argparse.Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = json.loads(arguments.config.read_text())
    for region in file["config"]["digital-agency:regions"]:
        region["cluster"] = {"context": region["name"]}
    file["config"]["digital-agency:companies"].append({"name": "umbrella", "regions": [US]})
    arguments.config.write_text(json.dumps(file))

    def only_eu(stack: Any, plan: ClusterPlan, *_: object) -> Cluster:
        if plan.region == US:
            raise OperatorError("the cluster of us does not answer: timed out")
        return replace(objects.cluster, name=plan.id, regions=(EU,))

    monkeypatch.setattr(status, "cluster_of", only_eu)
    objects.flags(SYSTEM_NAMESPACE, US)
    objects.flags("acme", US)
    found = status.read(arguments, None, "")
    assert [(each.region, each.flagged) for each in found.regions] == [(US, True), (EU, False)]
    assert "does not answer" in found.regions[0].problem
    assert f"{US} is flagged as failed" in found.alarms
    flags = {each.company: each.flagged for each in found.companies if each.region == US}
    # No other cluster has umbrella's flags.
    assert flags == {"acme": True, "globex": False, "hooli": False, "umbrella": None}
    assert {each.ready_endpoints for each in found.companies if each.region == US} == {None}
