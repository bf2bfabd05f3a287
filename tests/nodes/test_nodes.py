"""Nodes as a user gets them: what runs where, what a node's end does, that `down` takes all of it away."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from clients.kubernetes_api import reference
from components.gate import REPLACEMENT_SIZE
from local import access
from local.cluster import network, network_policies
from local.cluster.images.local_images import PYTHON_IMAGE
from local.cluster.model import short_name, zones_of
from local.cluster.nodes import faults, lifecycle
from local.kubernetes_api import KubernetesApi
from local.machine.processes import Processes
from ops.cluster_access import Cluster, clusters_of
from ops.drill.observe.http import Address, Request, Response, send
from ops.probing.volume import CLAIM, volume_of, zone_of_volume
from ops.stack import load
from plan.names import ZONE_LABEL
from runtime.gate.restore import credentials
from tests.nodes import machine
from tests.nodes.conftest import ROOT, Stack, environment
from tests.services import until

REGION = "topology.kubernetes.io/region"
US, EU = "us-east-1", "eu-west-1"
ZONES = (*zones_of(US), *zones_of(EU))
COMPANIES = ("client-a", "client-b", "client-c")


@pytest.fixture(scope="module")
def api(stack: Stack) -> KubernetesApi:
    return KubernetesApi(str(stack.state / "kubeconfig"), "", threading.Event(), print)


@pytest.fixture(scope="module")
def cluster(stack: Stack) -> Cluster:
    (cluster,) = clusters_of(load(Namespace(stack="local", config=None)), state=stack.state)
    return cluster


def tenants(api: KubernetesApi) -> list[dict[str, Any]]:
    pods: list[dict[str, Any]] = api.call("GET", "/api/v1/pods?labelSelector=agency.global%2Fcompany")[
        "items"
    ]
    return pods


def ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def test_every_workload_runs_on_a_node_of_its_region_with_its_volume_in_that_node_s_zone(
    api: KubernetesApi, cluster: Cluster
) -> None:
    pods, nodes = tenants(api), api.call("GET", "/api/v1/nodes")["items"]
    zones = {each["metadata"]["name"]: each["metadata"]["labels"][ZONE_LABEL] for each in nodes}

    assert zones == {lifecycle.name_of(zone): zone for region in (US, EU) for zone in zones_of(region)}
    assert len(pods) == 2 * 2 * len(COMPANIES)
    for pod in pods:
        zone = zones[pod["spec"]["nodeName"]]
        assert zone in zones_of(pod["metadata"]["labels"][REGION])
        assert ready(pod), pod["metadata"]["name"]
        claim = reference(CLAIM, pod["metadata"]["name"].removesuffix("-0"), pod["metadata"]["namespace"])
        volume = volume_of(cluster, api.get(claim) or {})
        assert volume is not None and zone_of_volume(cluster, volume) == zone


def test_each_node_keeps_its_own_pods_logs(stack: Stack, api: KubernetesApi) -> None:
    for zone in ZONES:
        there = {
            f"{pod['metadata']['namespace']}_{pod['metadata']['name']}_{pod['metadata']['uid']}"
            for pod in tenants(api)
            if pod["spec"]["nodeName"] == lifecycle.name_of(zone)
        }
        kept = {each.name for each in (stack.state / "nodes" / short_name(zone) / "log" / "pods").iterdir()}
        assert there <= kept


def test_a_second_up_changes_nothing(stack: Stack) -> None:
    assert "nothing changed" in stack.succeed("local", "up")


def test_pods_find_services_by_name_and_the_emulator(cluster: Cluster) -> None:
    script = (
        "import urllib.request as u\n"
        "print(u.urlopen('http://brain-us-east-1:3002/health', timeout=30).read().decode())\n"
        "print(u.urlopen('http://aws.kube-system.svc.cluster.local/', timeout=30).status)\n"
    )
    done = cluster.exec("client-a", "agent-us-east-1-0", "gate", ["python3", "-c", script])

    assert (done.code, done.out.split()) == (0, ["OK", "200"]), done.err


def test_a_pod_that_overfills_a_volume_is_evicted_and_created_again(api: KubernetesApi) -> None:
    """As a pod without AWS credentials does, by the same function of the gate."""
    written = len(credentials.OVERFLOW)
    program = f"open('/replacement/overflow', 'wb').write(bytes({written})); import time; time.sleep(300)"
    mounts = [{"name": "replacement", "mountPath": "/replacement"}]
    container = {"name": "restore", "image": PYTHON_IMAGE, "imagePullPolicy": "IfNotPresent"}
    waiting = {**container, "command": ["python3", "-c", program], "volumeMounts": mounts}
    labels = {"name": "overfull"}
    body = {
        "metadata": {"name": "overfull"},
        "spec": {
            "serviceName": "overfull",
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "initContainers": [waiting],
                    "containers": [{**container, "name": "application", "command": ["true"]}],
                    "volumes": [{"name": "replacement", "emptyDir": {"sizeLimit": REPLACEMENT_SIZE}}],
                },
            },
        },
    }

    def uid() -> str:
        pods = api.call("GET", "/api/v1/namespaces/default/pods?labelSelector=name%3Doverfull")["items"]
        return str(pods[0]["metadata"]["uid"]) if pods else ""

    sets = "/apis/apps/v1/namespaces/default/statefulsets"
    api.call("POST", sets, body)
    try:
        until(lambda: uid() != "", "the pod is there")
        first = uid()
        until(lambda: uid() not in ("", first), "another pod is there", credentials.EVICTION_SECONDS)
    finally:
        api.call("DELETE", f"{sets}/overfull")


def test_nodes_that_stop_lose_their_endpoints_and_come_back_with_their_volumes(
    stack: Stack, api: KubernetesApi
) -> None:
    def not_ready(zone: str) -> bool:
        node = api.call("GET", f"/api/v1/nodes/{lifecycle.name_of(zone)}")
        return any(
            each["type"] == "Ready" and each["status"] != "True" for each in node["status"]["conditions"]
        )

    faults.stop(stack.state, zones_of(EU))
    try:
        until(lambda: all(map(not_ready, zones_of(EU))), "the control plane notices")
        until(lambda: not any(ready(pod) for pod in of_region(api, EU)), "no pod of the region is ready")
    finally:
        faults.start(stack.state, zones_of(EU), print)
    until(lambda: all(ready(pod) for pod in of_region(api, EU)), "all pods of the region are ready again")


def of_region(api: KubernetesApi, region: str) -> list[dict[str, Any]]:
    return [pod for pod in tenants(api) if pod["metadata"]["labels"][REGION] == region]


def test_a_company_answers_over_tls_at_its_region_s_load_balancer(stack: Stack) -> None:
    # The nodes of EU were stopped: the pods have other addresses, which the load balancer must find healthy.
    until(lambda: ask_company(stack, US, "client-a").ok, "client-a answers")
    until(lambda: ask_company(stack, EU, "client-c").ok, "client-c answers")
    assert ask_company(stack, US, "nobody").status == 404
    # The pods' addresses of before the nodes were stopped are drained first.
    until(lambda: set(emulator_health(stack).values()) == {"healthy"}, "every target is healthy")


def ask_company(stack: Stack, region: str, company: str) -> Response:
    host = f"{company}.agency.localhost.test"
    address = replace(Address.of(access.edges(stack.state)[region]), authority=stack.state / "pki" / "ca.crt")
    return send(address, Request(host=host, path="/health", connect=2, answer=2))


def emulator_health(stack: Stack) -> dict[str, str]:
    """State of each target of every target group."""
    local = access.find(stack.state)
    assert local is not None
    elbv2: Any = boto3.client("elbv2", region_name=US, **local.aws.credentials())
    return {
        each["Target"]["Id"]: each["TargetHealth"]["State"]
        for group in elbv2.describe_target_groups()["TargetGroups"]
        for each in elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])[
            "TargetHealthDescriptions"
        ]
    }


def test_a_region_that_is_cut_off_is_reached_again_when_its_cables_are_back(stack: Stack) -> None:
    net = network.load(stack.state)
    assert net is not None
    balancer = urlsplit(access.edges(stack.state)[EU]).hostname

    def answers(address: str | None, port: int) -> bool:
        try:
            socket.create_connection((address, port), timeout=1).close()
        except OSError:
            return False
        return True

    def reached() -> list[bool]:
        return [*(answers(net.node(zone), 10250) for zone in zones_of(EU)), answers(balancer, 443)]

    assert reached() == [True, True, True]
    faults.cut(stack.state, EU)
    try:
        assert reached() == [False, False, False]
    finally:
        faults.reconnect(stack.state, EU)
    until(lambda: reached() == [True, True, True], "nodes and load balancer answer")


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Path]:
    """A state folder beside the stack's."""
    state = tmp_path / "state"
    try:
        yield state
    finally:
        subprocess.run(
            Stack(state=state).command("local", "down"), cwd=ROOT, env=environment(), capture_output=True
        )


def test_after_down_the_machine_is_as_before_also_when_all_was_killed(other: Path) -> None:
    before = machine.seen()
    second = Stack(state=other)
    command = second.command("local", "up")
    starting = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL)
    kubelets = [other / "nodes" / short_name(zone) / "kube-proxy.log" for zone in ZONES]
    until(lambda: all(file.exists() and file.stat().st_size > 0 for file in kubelets), "all nodes run")

    starting.kill()
    starting.wait()
    if not network_policies.obstacle():
        os.kill(machine.decider_of(other, zones_of(EU)[0]), signal.SIGKILL)
        node = lifecycle.name_of(zones_of(EU)[0])
        until(
            lambda: not Processes(other).alive(node),
            "the node ends with the program that decides about packets",
        )
    for name in (lifecycle.name_of(zones_of(US)[0]), "kube-apiserver"):
        running = Processes(other).find(name)
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)
    assert machine.left(before)

    second.succeed("local", "down")

    until(lambda: not machine.processes_of(other), "nothing runs")
    assert machine.left(before) == {}
    assert not other.exists()
