"""Deployments while a region is flagged, on a real API server: what the controller wrote stays."""

from __future__ import annotations

import copy
import runpy
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.program import run_program
from local.control_plane import ControlPlane
from local.embedded.deployment import Deployment
from local.embedded.state import State
from local.emulator import REGION, Emulator, ensure_hosted_zone
from local.kubernetes_api import KubernetesApi
from tests.components.stacks import EU, US
from tests.day_two.test_programs import another
from tests.recording import PROGRAM
from tests.strategies import Raw, config_of

SYSTEM = "digital-agency-system"
LEASE = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}


@dataclass
class Live:
    """A stack of the test's own, deployed by the embedded engine."""

    state: Path
    kubeconfig: Path
    emulator: Emulator
    raw: Raw

    def deploy(self, edit: Callable[[Raw], object] = lambda raw: None) -> dict[str, str]:
        """What was done to each resource to which something was."""
        raw = copy.deepcopy(self.raw)
        edit(raw)
        deployment = Deployment(State(self.state), print, self.kubeconfig, self.emulator)
        run_program(
            lambda: runpy.run_path(str(PROGRAM), run_name="__main__"),
            monitor=deployment,
            stack="local",
            config={"aws:region": REGION, **config_of(raw)},
        )
        deployment.finish()
        return {step.entry["name"]: step.action for step in deployment.steps if step.action != "same"}

    @property
    def company(self) -> str:
        return str(self.raw["companies"][0])

    @property
    def api(self) -> KubernetesApi:
        return KubernetesApi(str(self.kubeconfig), "", threading.Event(), print)

    def write(self) -> None:
        """As the controller writes: under a field manager of its own, and not by applying."""
        for namespace in (SYSTEM, self.company):
            path = f"/api/v1/namespaces/{namespace}/configmaps/failed-regions?fieldManager=controller"
            self.api.call("PATCH", path, {"data": {"failedRegions": US}}, "application/merge-patch+json")
        path = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/failover-controller"
        lease = self.api.call("GET", path)
        lease["spec"] = {"holderIdentity": self.company, "leaseDurationSeconds": 10}
        self.api.call("PUT", f"{path}?fieldManager=controller", lease)

    def written(self) -> dict[str, Any]:
        """Flags by namespace, and who holds the Lease."""
        found: dict[str, Any] = {}
        for namespace in (SYSTEM, self.company):
            path = f"/api/v1/namespaces/{namespace}/configmaps/failed-regions"
            found[namespace] = self.api.call("GET", path).get("data")
        path = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/failover-controller"
        return {**found, "lease": self.api.call("GET", path).get("spec", {}).get("holderIdentity")}

    @property
    def wanted(self) -> dict[str, Any]:
        return {
            SYSTEM: {"failedRegions": US},
            self.company: {"failedRegions": US},
            "lease": self.company,
        }


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, control_plane: ControlPlane, emulator: Emulator) -> Live:
    name = f"o{uuid.uuid4().hex[:8]}"
    zone, domain = f"Z{name.upper()}", f"{name}.example.com"
    ensure_hosted_zone(emulator.url, zone, domain)
    raw: Raw = {
        "domain": domain,
        "hostedZoneId": zone,
        "waitForReady": False,
        "regions": [{"name": one, "endpoint": f"{one}.{domain}"} for one in (US, EU)],
        "ingress": {"className": "nginx"},
        "loadBalancing": {"policy": "failover"},
        "companies": [name],
    }
    state = tmp_path_factory.mktemp("outage") / "state.json"
    found = Live(state, control_plane.kubeconfig, emulator, raw)
    assert set(found.deploy().values()) == {"create"}
    return found


def test_a_deployment_of_nothing_new_is_none_while_a_region_is_flagged(live: Live) -> None:
    live.write()
    assert live.deploy() == {}
    assert live.written() == live.wanted


@pytest.mark.parametrize(
    "edit",
    [
        lambda raw: raw.update(replication={"syncInterval": 5}),
        lambda raw: raw["regions"][1].update(active=False),
        lambda raw: raw["companies"].append("another-" + raw["companies"][0]),
        lambda raw: raw.update(images={"python": "python:3.12-slim"}),
    ],
    ids=["settings of gates", "a role", "a company more", "an image"],
)
def test_the_rest_can_be_deployed_and_the_flag_stays(live: Live, edit: Callable[[Raw], object]) -> None:
    live.write()
    done = live.deploy(edit)
    assert done
    assert not [name for name in done if name.endswith("-failover-lease")]
    assert live.written() == live.wanted
    live.deploy()
    assert live.written() == live.wanted


def test_another_runtime_program_can_be_deployed_and_the_flag_stays(live: Live) -> None:
    live.write()
    with another("gate"), another("failover_controller"):
        done = live.deploy()
    assert {name for name, action in done.items() if action == "replace"} == {
        f"{live.company}-gate@ambient",
        "ambient-failover-program",
    }
    assert live.written() == live.wanted


def test_the_test_can_fail_a_deployment_that_declares_flags_resets_them(live: Live) -> None:
    live.write()
    path = f"/api/v1/namespaces/{live.company}/configmaps/failed-regions"
    declared = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "failed-regions", "namespace": live.company},
        "data": {"failedRegions": ""},
    }
    applied = f"{path}?fieldManager=digital-agency&force=true"
    live.api.call("PATCH", applied, declared, "application/apply-patch+yaml")
    assert live.written() != live.wanted
