"""Accelerators of the emulator, as the program makes them, and where their service sends connections.

As a program: the service without namespaces. It logs each change of routes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.aws.emulator import REGION, Emulator, report_target_health
from local.cluster.accelerators import routes
from local.cluster.accelerators.addresses import find, publish
from local.cluster.accelerators.api import AcceleratorApi
from local.cluster.accelerators.service import Service
from local.cluster.alb.elb_api import ElbApi
from plan.accelerators import API_REGION, PORTS
from tests.local.alb.serving import Answers, Region, reply
from tests.services import until

US, EU = "us-east-1", "eu-west-1"
PROPAGATED = 1.0


class Balancers:
    """A load balancer of each region, behind a Network Load Balancer."""

    def __init__(self, state: Path, aws: Emulator) -> None:
        self.status = {US: 200, EU: 200}
        self.addresses, self.fronts, self.groups = dict[str, str](), dict[str, str](), dict[str, str]()
        """By region."""
        self.names = dict[str, str]()
        """Addresses by DNS name."""
        for region in (US, EU):
            made = Region(state, aws, region)
            answers = Answers(region, partial(self._reply, region))
            self.addresses[region], port = answers.server.server_address[:2]
            arn = made.balancer(f"accelerated-{region}", region)
            (described,) = made.elbv2.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
            self.names[described["DNSName"].lower()] = self.addresses[region]
            self.fronts[region], self.groups[region] = made.front(f"front-{region}", region, arn, port)
            self.states = made.states

    def _reply(self, region: str, handler: BaseHTTPRequestHandler) -> None:
        known = handler.path == f"/healthz/{region}"
        reply(handler, self.status[region] if known else 404, "")


@pytest.fixture(scope="module")
def balancers(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Balancers:
    return Balancers(tmp_path_factory.mktemp("balancers"), emulator)


@pytest.fixture(scope="module")
def api(emulator: Emulator) -> Any:
    return boto3.client("globalaccelerator", region_name=API_REGION, **emulator.credentials())


@pytest.fixture(scope="module")
def accelerator(api: Any, balancers: Balancers) -> dict[str, Any]:
    created: dict[str, Any] = api.create_accelerator(Name="edge-1")["Accelerator"]
    ports = [{"FromPort": port, "ToPort": port} for port in PORTS]
    arn = api.create_listener(AcceleratorArn=created["AcceleratorArn"], PortRanges=ports, Protocol="TCP")[
        "Listener"
    ]["ListenerArn"]
    for region in (US, EU):
        endpoints = [{"EndpointId": balancers.fronts[region], "Weight": 128}]
        api.create_endpoint_group(
            ListenerArn=arn, EndpointGroupRegion=region, EndpointConfigurations=endpoints
        )
    return created


@pytest.fixture(scope="module")
def served(
    emulator: Emulator, balancers: Balancers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[list[dict[str, str]], Path]]:
    """The routes since the service runs, and its state folder."""
    state, seen = tmp_path_factory.mktemp("accelerators"), list[dict[str, str]]()
    argv = [sys.executable, "-m", __name__, str(state), emulator.url, json.dumps(balancers.names)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None

        def read(lines: Any) -> None:
            events = map(json.loads, lines)
            seen.extend(each["routes"] for each in events if each["event"] == "routed")

        threading.Thread(target=read, args=(process.stdout,), daemon=True).start()
        try:
            yield seen, state
        finally:
            process.terminate()


def test_connections_leave_an_unhealthy_region_and_come_back(
    api: Any,
    balancers: Balancers,
    accelerator: dict[str, Any],
    served: tuple[list[dict[str, str]], Path],
) -> None:
    seen, state = served
    fixed = accelerator["IpSets"][0]["IpAddresses"]

    def leads_to(region: str) -> bool:
        wanted = {f"{address}:{port}": balancers.addresses[region] for address in fixed for port in PORTS}
        return bool(seen) and seen[-1] == wanted

    def health(region: str) -> str:
        return balancers.states(balancers.groups[region]).popitem()[1]

    def known_to_the_api() -> dict[str, str]:
        (listener,) = api.list_listeners(AcceleratorArn=accelerator["AcceleratorArn"])["Listeners"]
        groups = api.list_endpoint_groups(ListenerArn=listener["ListenerArn"])["EndpointGroups"]
        return {
            each["EndpointGroupRegion"]: each["EndpointDescriptions"][0]["HealthState"] for each in groups
        }

    until(lambda: leads_to(EU) and health(EU) == "healthy", "the first region by name serves", 40)
    balancers.status[EU] = 503
    until(lambda: health(EU) == "unhealthy", "the load balancer has noticed", 20)
    assert leads_to(EU), "the accelerator has not yet"
    until(lambda: leads_to(US), "the other region serves", 20)
    assert known_to_the_api() == {EU: "UNHEALTHY", US: "HEALTHY"}
    balancers.status[US] = 503
    until(lambda: leads_to(EU), "without a healthy region the nearest one serves", 40)
    balancers.status |= {EU: 200, US: 200}
    until(lambda: set(known_to_the_api().values()) == {"HEALTHY"}, "both are healthy", 40)
    assert find(state) == {accelerator["DnsName"].lower(): fixed}


def main(state: str, aws: str, names: str) -> None:
    routes.PROPAGATION_SECONDS = PROPAGATED  # type: ignore[assignment,attr-defined]
    balancers = json.loads(names)
    Service(
        api=AcceleratorApi(ElbApi("", REGION, aws)),
        balancers=lambda: balancers,
        publish=partial(publish, Path(state)),
        apply=lambda found: None,
        report=partial(report_target_health, aws),
    ).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
