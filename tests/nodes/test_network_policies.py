"""Network policies as nodes enforce them, tried by pods that have every right but the policies'."""

from __future__ import annotations

import os
import signal
import urllib.request
from argparse import Namespace
from collections.abc import Iterator
from typing import Final

import pytest

from local import access
from local.cluster import network, network_policies
from local.cluster.control_plane import FIRST_SERVICE_ADDRESS
from local.cluster.model import NODE_LOCAL_DNS, Network, zones_of
from ops.cluster_access import Cluster, clusters_of
from ops.stack import load
from runtime.ports import AGENT_PORT, BRAIN_PORT, GATE_PORT
from tests.nodes import machine
from tests.nodes.conftest import Stack
from tests.nodes.probing import PORT, REACHED, Pods, Target
from tests.services import until

US, EU = "us-east-1", "eu-west-1"
HERE, THERE = zones_of(US)[0], zones_of(EU)[0]
GUARDED, CONFINED, FREE = "guarded", "confined", "free"
BOTH: Final = ["Ingress", "Egress"]
FRIEND = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": FREE}},
    "podSelector": {"matchLabels": {"name": "friend"}},
}
FIRST_PACKETS = f"""
import socket, time
reached, end = 0, time.monotonic() + 5
while time.monotonic() < end:
    try:
        socket.create_connection(("%s", {PORT}), 0.05).close()
        reached += 1
    except OSError:
        time.sleep(0.001)
print("reached", reached)
"""
FORGE = f"""
import socket, struct, sys
source, target = sys.argv[1:]
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
    for number in range(50):
        body = struct.pack("!HHHH", 5000 + number, {PORT}, 8, 0)
        head = struct.pack("!BBHHHBBH", 0x45, 0, 28, number, 0, 64, 17, 0)
        raw.sendto(head + socket.inet_aton(source) + socket.inet_aton(target) + body, (target, 0))
"""
SEEN = "print(open('/proc/net/snmp').read())"


@pytest.fixture(scope="module")
def cluster(stack: Stack) -> Cluster:
    assert access.remembered(stack.state)["unenforced"] == network_policies.obstacle()
    if obstacle := network_policies.obstacle():
        pytest.skip(f"this machine cannot enforce network policies: {obstacle}")
    (cluster,) = clusters_of(load(Namespace(stack="local", config=None)), state=stack.state)
    return cluster


@pytest.fixture(scope="module")
def net(stack: Stack, cluster: Cluster) -> Network:
    net = network.load(stack.state)
    assert net is not None
    return net


@pytest.fixture(scope="module")
def pods(cluster: Cluster) -> Iterator[Pods]:
    """One pod that friends may reach, one that may reach nothing, and some without any policy."""
    pods = Pods(cluster)
    try:
        rule = {"from": [FRIEND], "ports": [{"port": PORT, "protocol": "TCP"}]}
        pods.policy(GUARDED, policyTypes=["Ingress"], ingress=[rule])
        pods.policy(CONFINED, policyTypes=BOTH)
        pods.create(GUARDED, "server", HERE)
        pods.create(CONFINED, "prisoner", HERE)
        for name, zone in (("friend", THERE), ("near", HERE), ("far", THERE)):
            pods.create(FREE, name, zone)
        for namespace, name in ((GUARDED, "server"), (CONFINED, "prisoner")):
            pods.address(namespace, name)
        for name in ("friend", "near", "far"):
            pods.address(FREE, name)
        yield pods
    finally:
        pods.clear()


def link_local(pods: Pods, namespace: str, name: str) -> str:
    script = "print(*(one for one in open('/proc/net/if_inet6') if one.split()[5] == 'eth0'))"
    digits = pods.run(namespace, name, script).split()[0]
    assert digits.startswith("fe80")
    return ":".join(digits[first : first + 4] for first in range(0, 32, 4)) + "%eth0"


def reached(results: dict[Target, str]) -> list[Target]:
    return [target for target, result in results.items() if result == REACHED]


@pytest.mark.slow
def test_a_guarded_pod_is_reached_by_its_friend_alone_over_every_protocol_and_from_every_node(
    pods: Pods,
) -> None:
    server, service = pods.address(GUARDED, "server"), pods.service(GUARDED, "server")
    allowed: list[Target] = [("tcp", server, PORT), ("tcp", service, PORT)]
    others: list[Target] = [("udp", server, PORT), ("icmp", server, 0), ("tcp", server, PORT + 1)]
    over_ipv6: list[Target] = [
        (kind, host, PORT) for kind in ("tcp", "udp") for host in [link_local(pods, GUARDED, "server")]
    ]

    until(lambda: reached(pods.tried(FREE, "friend", allowed)) == allowed, "the friend reaches the Service")
    assert reached(pods.tried(FREE, "friend", others)) == []
    for stranger in ("near", "far"):
        assert reached(pods.tried(FREE, stranger, [*allowed, *others, *over_ipv6])) == []
    free: list[Target] = [(kind, pods.address(FREE, "far"), PORT) for kind in ("tcp", "udp", "icmp")]
    assert reached(pods.tried(FREE, "near", free)) == free


def test_a_confined_pod_reaches_no_pod_no_node_and_nothing_of_the_control_plane(
    pods: Pods, net: Network
) -> None:
    gateway = f"{net.pods(HERE).rpartition('.')[0]}.1"
    hosts = [gateway, net.host, net.node(HERE), net.node(THERE), NODE_LOCAL_DNS, "169.254.169.254"]
    ports = (22, 53, 80, 443, 6443, PORT, 10250, 10256)
    targets: list[Target] = [("tcp", host, port) for host in hosts for port in ports]
    targets += [("tcp", FIRST_SERVICE_ADDRESS, 443), ("udp", NODE_LOCAL_DNS, 53), ("icmp", net.node(HERE), 0)]
    targets += [
        (kind, pods.address(FREE, name), PORT) for kind in ("tcp", "udp", "icmp") for name in ("near", "far")
    ]
    over_ipv6 = link_local(pods, FREE, "near")
    targets += [(kind, over_ipv6, port) for kind, port in (("tcp", PORT), ("udp", PORT), ("tcp", 10250))]

    assert reached(pods.tried(CONFINED, "prisoner", targets)) == []
    open_: list[Target] = [("tcp", net.host, 443), ("tcp", net.host, 6443), ("tcp", net.node(HERE), 10250)]
    open_ += [("tcp", NODE_LOCAL_DNS, 53), ("tcp", FIRST_SERVICE_ADDRESS, 443), ("tcp", gateway, 10250)]
    assert reached(pods.tried(FREE, "near", open_)) == open_


def test_a_company_reaches_names_and_the_emulator_but_no_kubelet_and_no_api_server(
    pods: Pods, net: Network
) -> None:
    open_: list[Target] = [
        ("tcp", f"brain-{US}.client-a.svc.cluster.local", BRAIN_PORT),
        ("tcp", "aws.kube-system.svc.cluster.local", 80),
        ("tcp", net.host, 443),
        ("tcp", NODE_LOCAL_DNS, 53),
    ]
    shut: list[Target] = [("tcp", net.node(zone), 10250) for zone in (HERE, THERE)]
    shut += [("tcp", net.host, 6443), ("tcp", FIRST_SERVICE_ADDRESS, 443), ("udp", NODE_LOCAL_DNS, 5353)]
    shut += [
        ("tcp", f"{kind}-{region}.client-b.svc.cluster.local", port)
        for region in (US, EU)
        for kind, port in (("agent", AGENT_PORT), ("brain", BRAIN_PORT), ("brain", GATE_PORT))
    ]

    results = pods.tried("client-a", f"agent-{US}-0", [*open_, *shut], container="gate")

    assert reached(results) == open_, results
    errors = " ".join(results.values())
    assert "Name or service" not in errors and "name resolution" not in errors, results


def test_a_new_pod_cannot_send_even_its_first_packets(pods: Pods) -> None:
    program = FIRST_PACKETS % pods.address(FREE, "near")
    names = [f"new-{number}" for number in range(4)]
    for name in names:
        pods.create(CONFINED, name, HERE, program)
    pods.create(FREE, "new", HERE, program)

    assert [pods.log(CONFINED, name).split() for name in names] == [[REACHED, "0"]] * len(names)
    assert int(pods.log(FREE, "new").split()[1]) > 0


@pytest.mark.parametrize("stranger", ["near", "far"])
def test_a_forged_source_opens_nothing(pods: Pods, net: Network, stranger: str) -> None:
    """From the address of the node, and from that of a pod that may."""
    server = pods.address(GUARDED, "server")

    def received() -> int:
        """Datagrams that came to the server, to no matter which port."""
        head, values = [
            line.split() for line in pods.run(GUARDED, "server", SEEN).splitlines() if line.startswith("Udp:")
        ]
        counts = dict(zip(head, values, strict=True))
        return int(counts["InDatagrams"]) + int(counts["NoPorts"])

    before = received()
    for source in (net.node(HERE), net.host, pods.address(FREE, "friend")):
        pods.run(FREE, stranger, FORGE, source, server)
    assert received() == before


def test_probes_and_forwarded_ports_pass_policies_through_the_kubelet(pods: Pods, cluster: Cluster) -> None:
    with (
        cluster.forward("client-a", f"agent-{US}-0", AGENT_PORT) as url,
        urllib.request.urlopen(f"{url}/health", timeout=30) as answer,
    ):
        assert answer.status == 200


def test_without_verdicts_nothing_is_reached(stack: Stack, pods: Pods) -> None:
    targets: list[Target] = [("tcp", pods.address(GUARDED, "server"), PORT)]
    assert reached(pods.tried(FREE, "friend", targets)) == targets

    os.kill(machine.decider_of(stack.state, HERE), signal.SIGSTOP)
    try:
        assert reached(pods.tried(FREE, "friend", targets)) == []
    finally:
        os.kill(machine.decider_of(stack.state, HERE), signal.SIGCONT)
    until(
        lambda: reached(pods.tried(FREE, "friend", targets)) == targets, "the friend reaches the server again"
    )
