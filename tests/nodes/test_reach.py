"""Who reaches whom on nodes, pair by pair: as the cluster's policies say, and as the design does."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import pytest

from local.cluster import network_policies
from ops.cluster_access import Cluster, clusters_of
from ops.probing.containers import GATE as GATE_CONTAINER
from ops.probing.pods import Container
from ops.stack import load
from ops.validation.network.attempts import Attempt, Destination, Kind, State, attempts
from ops.validation.network.pod_facts import running
from plan.names import SYSTEM_NAMESPACE
from tests.components import network_rules
from tests.components.network_rules import AGENT, BRAIN, CONTROLLER, GATE, HEALTH_MONITOR, NODE_DNS, Pod
from tests.network_evaluator import Network, Peer
from tests.nodes.conftest import Stack
from tests.nodes.drilling import disturbed
from tests.recording import ROOT, record_file

PORTS = (22, AGENT, BRAIN, HEALTH_MONITOR, GATE, 8080, 8081, 10250)
OUTSIDE = ((NODE_DNS, 53), ("169.254.169.254", 80))
COMPANIES = ("client-a", "client-b", "client-c")


def live_pods(cluster: Cluster) -> Iterator[tuple[Pod, Container]]:
    for namespace in (*COMPANIES, SYSTEM_NAMESPACE):
        space = cluster.api.get({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        assert space is not None
        for each in running(cluster, namespace):
            metadata: dict[str, Any] = each["metadata"]
            kind, _, rest = metadata["name"].partition("-")
            if namespace == SYSTEM_NAMESPACE:
                kind, rest = CONTROLLER, ""
            container = CONTROLLER if kind == CONTROLLER else GATE_CONTAINER
            yield (
                Pod(
                    name=metadata["name"],
                    ip=each["status"]["podIP"],
                    namespace=namespace,
                    labels=metadata["labels"],
                    space=space["metadata"]["labels"],
                    kind=kind,
                    region=rest.rpartition("-")[0],
                ),
                Container(cluster=cluster, namespace=namespace, pod=metadata["name"], container=container),
            )


def is_reached(each: Attempt) -> bool:
    """A refusal comes from the target, here: what policies deny gets no answer."""
    return each.state in (State.CONNECTED, State.REFUSED)


def test_every_pair_of_pods_talks_exactly_as_computed(stack: Stack) -> None:
    if obstacle := network_policies.obstacle():
        pytest.skip(f"this machine cannot enforce network policies: {obstacle}")
    assert differences(stack) == []


def differences(stack: Stack) -> list[str]:
    """What is measured between all pods, to nodes and outside, where it is not what was computed."""
    run = record_file(ROOT / "Pulumi.local.yaml")
    (cluster,) = clusters_of(load(Namespace(stack="local", config=None)), state=stack.state)
    live = dict(live_pods(cluster))
    assert len(live) == 2 * 2 * len(COMPANIES) + 2, disturbed(stack)
    policies = [
        one
        for namespace in (*COMPANIES, SYSTEM_NAMESPACE)
        for one in cluster.api.list("NetworkPolicy", namespace, version="networking.k8s.io/v1")
    ]
    network = Network(policies)
    around = [Peer(name=host, ip=host) for host, _ in OUTSIDE]

    def tried(source: Pod) -> list[tuple[Pod, Peer, Attempt]]:
        peers: dict[Destination, Peer] = {}
        for peer, port, protocol in product(live, PORTS, ("TCP", "UDP")):
            if peer is not source and (protocol == "TCP" or port == GATE):
                peers[destination(peer, port, protocol)] = peer
        peers |= {
            destination(peer, port, "TCP"): peer for peer, (_, port) in zip(around, OUTSIDE, strict=True)
        }
        return [(source, peers[attempt.destination], attempt) for attempt in attempts(live[source], peers)]

    with ThreadPoolExecutor(2) as pool:
        every = [each for results in pool.map(tried, live) for each in results]
    wrong = []
    for source, peer, one in every:
        port, protocol = one.destination.port, one.destination.protocol
        computed = network.reaches(source, peer, port, protocol)
        designed = network_rules.allowed(run, cluster.name, source, peer, port, protocol)
        if not computed is designed is is_reached(one):
            wrong.append(f"{one}: computed {computed}, designed {designed}, measured {one.state} ({one.why})")
    assert any(is_reached(one) for _, _, one in every)
    return wrong


def destination(peer: Peer, port: int, protocol: str) -> Destination:
    return Destination(kind=Kind.POD, host=peer.ip, port=port, protocol=protocol, owner=peer.name)
