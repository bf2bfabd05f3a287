"""Connections that must be open, from and to a company's pods: pods without any would look isolated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from ops.probing.containers import AGENT, BRAIN, GATE, PORTS
from ops.probing.failure import Failure
from ops.probing.pods import Container
from ops.validation.network.attempts import Attempt, Destination, Kind, State, attempts
from ops.validation.network.pod_facts import PodFacts, running
from ops.validation.pod_target import PodTarget
from plan.names import FAILOVER_CONTROLLER, SYSTEM_NAMESPACE

TARGET_HEALTH = "target-health.elbv2.k8s.aws"
"""The condition of a pod that the AWS Load Balancer Controller keeps, with the target group's name."""
DNS_PORT = 53


def require(target: PodTarget, own: Sequence[PodFacts]) -> str:
    """The open connections, in words. Raises Failure for a closed connection."""
    for pod in own:
        for attempt in attempts(pod.source, [*_of_pod(target, pod), _lookup(target)]):
            # A name that resolves, and leads to what policies deny, is enough of an answer.
            connected = attempt.state is State.CONNECTED
            if attempt.state is State.UNTRIED or (attempt.destination.required and not connected):
                raise _closed(target, attempt)
    opened = ["DNS", "the own Brain"]
    if target.stack.settings.replication.enabled:
        opened.append("the bucket's endpoint")
    if target.stack.settings.failover_enabled:
        _require_controller(target, own)
        opened.append("from the failover controller")
    if _require_load_balancer(target):
        opened.append("from the load balancer")
    return ", ".join(opened)


def _of_pod(target: PodTarget, pod: PodFacts) -> Iterator[Destination]:
    if pod.source.pod.startswith(f"{AGENT}-"):
        yield _open(_brain_service(target), PORTS[BRAIN], "its own Brain")
    for server in pod.nameservers:
        yield _open(server, DNS_PORT, "DNS")
    settings = target.stack.settings.replication
    if settings.enabled:
        url = urlsplit(settings.endpoint or target.aws.client("s3", target.region).meta.endpoint_url)
        port = url.port or {"http": 80, "https": 443}[url.scheme]
        yield _open(url.hostname or "", port, "the bucket's endpoint")


def _lookup(target: PodTarget) -> Destination:
    host, owner = _brain_service(target), "its own Brain's Service, by name"
    return Destination(kind=Kind.ALLOWED, host=host, port=PORTS[GATE], owner=owner)


def _brain_service(target: PodTarget) -> str:
    return f"{BRAIN}-{target.region}.{target.namespace}.svc"


def _open(host: str, port: int, owner: str) -> Destination:
    return Destination(kind=Kind.ALLOWED, host=host, port=port, owner=owner, required=True)


def _require_controller(target: PodTarget, own: Sequence[PodFacts]) -> None:
    controllers = [
        pod["metadata"]["name"]
        for pod in running(target.cluster, SYSTEM_NAMESPACE)
        if pod["metadata"].get("labels", {}).get("app.kubernetes.io/name") == FAILOVER_CONTROLLER
    ]
    if not controllers:
        raise Failure(
            f"no failover controller runs in {target.cluster.name}: whether it reaches {target.name} cannot"
            " be judged",
            f"{target.cluster.kubectl} -n {SYSTEM_NAMESPACE} get pods",
        )
    destinations = [
        _open(pod.address, port, pod.name)
        for pod in own
        for port in (PORTS[GATE], PORTS[pod.source.pod.partition("-")[0]])
    ]
    for name in controllers:
        source = Container(
            cluster=target.cluster, namespace=SYSTEM_NAMESPACE, pod=name, container=FAILOVER_CONTROLLER
        )
        for attempt in attempts(source, destinations):
            if attempt.state is not State.CONNECTED:
                raise _closed(target, attempt)


def _require_load_balancer(target: PodTarget) -> bool:
    """By its own report on its targets' health; False where the Agent's pod has no such condition."""
    conditions = [
        condition
        for condition in target.agent.require().get("status", {}).get("conditions", ())
        if condition["type"].startswith(TARGET_HEALTH)
    ]
    for condition in conditions:
        if condition["status"] != "True":
            raise Failure(
                f"the load balancer does not reach the Agent of {target.name}:"
                f" {condition.get('message') or condition['type']}",
                target.agent.describe,
            )
    return bool(conditions)


def _closed(target: PodTarget, attempt: Attempt) -> Failure:
    to = attempt.destination
    return Failure(
        f"a required connection is closed: {attempt.source} does not connect to {to.host}:{to.port}"
        f" ({to.owner}): {attempt.why}",
        f"{target.cluster.kubectl} -n {attempt.source.namespace} get networkpolicy -o yaml",
    )
