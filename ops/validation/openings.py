"""What a company's pods must reach, and by whom they must be reached: closed pods would pass for isolated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from ops.memory import AGENT, BRAIN
from ops.validation.pod_facts import PodFacts, running
from ops.validation.pod_sites import PORTS, PodSite
from ops.validation.reach import Attempt, Kind, Source, State, Target, attempts
from ops.validation.run import who
from ops.validation.verdicts import Failure
from plan.names import SYSTEM_NAMESPACE

CONTROLLER = "failover-controller"
TARGET_HEALTH = "target-health.elbv2.k8s.aws"
"""The condition of a pod that the AWS Load Balancer Controller keeps, with the target group's name."""
DNS_PORT = 53


def require(site: PodSite, own: Sequence[PodFacts]) -> str:
    """What is open, in words. Raises Failure for what is not."""
    for pod in own:
        for one in attempts(pod.source, [*_of_pod(site, pod), _lookup(site, pod)]):
            # A name that was found, and leads to what policies deny, is enough of an answer.
            if one.state is State.UNTRIED or (one.target.required and one.state is not State.CONNECTED):
                raise _closed(site, one)
    found = ["DNS", "the own Brain"]
    if site.stack.settings.replication.enabled:
        found.append("the bucket's endpoint")
    if site.stack.settings.failover_enabled:
        _require_controller(site, own)
        found.append("from the failover controller")
    return ", ".join([*found, *_load_balancer(site)])


def _of_pod(site: PodSite, pod: PodFacts) -> Iterator[Target]:
    if pod.source.pod.startswith(f"{AGENT}-"):
        yield _open(f"{BRAIN}-{site.region}.{site.namespace}.svc", PORTS["brain"], "its own Brain")
    for server in pod.nameservers:
        yield _open(server, DNS_PORT, "DNS")
    if site.stack.settings.replication.enabled:
        settings = site.stack.settings.replication
        url = urlsplit(settings.endpoint or site.aws.client("s3", site.region).meta.endpoint_url)
        port = url.port or {"http": 80, "https": 443}[url.scheme]
        yield _open(url.hostname or "", port, "the bucket's endpoint")


def _lookup(site: PodSite, pod: PodFacts) -> Target:
    host = f"{BRAIN}-{site.region}.{site.namespace}.svc"
    return Target(kind=Kind.OPEN, host=host, port=PORTS["gate"], owner="its own Brain's Service, by name")


def _open(host: str, port: int, owner: str) -> Target:
    return Target(kind=Kind.OPEN, host=host, port=port, owner=owner, required=True)


def _require_controller(site: PodSite, own: Sequence[PodFacts]) -> None:
    pods = [
        pod
        for pod in running(site.cluster, SYSTEM_NAMESPACE)
        if pod["metadata"].get("labels", {}).get("app.kubernetes.io/name") == CONTROLLER
    ]
    if not pods:
        raise Failure(
            f"no failover controller runs in {site.cluster.name}: whether it reaches {who(site)} cannot be"
            " judged",
            f"{site.cluster.kubectl} -n {SYSTEM_NAMESPACE} get pods",
        )
    component = {AGENT: PORTS["agent"], BRAIN: PORTS["brain"]}
    targets = [
        _open(pod.address, port, pod.name)
        for pod in own
        for port in (PORTS["gate"], component[pod.source.pod.partition("-")[0]])
    ]
    for one in pods:
        name = one["metadata"]["name"]
        source = Source(cluster=site.cluster, namespace=SYSTEM_NAMESPACE, pod=name, container=CONTROLLER)
        for tried in attempts(source, targets):
            if tried.state is not State.CONNECTED:
                raise _closed(site, tried)


def _load_balancer(site: PodSite) -> list[str]:
    """By what it says itself of its targets' health, where the pods have that condition."""
    conditions = [
        one
        for one in site.require_pod(AGENT).get("status", {}).get("conditions", ())
        if one["type"].startswith(TARGET_HEALTH)
    ]
    for one in conditions:
        if one["status"] != "True":
            raise Failure(
                f"the load balancer does not reach the Agent of {who(site)}:"
                f" {one.get('message') or one['type']}",
                f"{site.cluster.kubectl} -n {site.namespace} describe pod {site.pod_name(AGENT)}",
            )
    return ["from the load balancer"] if conditions else []


def _closed(site: PodSite, one: Attempt) -> Failure:
    where = f"{one.target.host}:{one.target.port} ({one.target.owner})"
    return Failure(
        f"what must be open is closed: {one.source} does not connect to {where}: {one.why}",
        f"{site.cluster.kubectl} -n {one.source.namespace} get networkpolicy -o yaml",
    )
