"""No pod of a company reaches what its network policies deny: pods and Services of other companies, nodes,
instance metadata, the API server. Tried from every pod, over TCP, UDP, IPv4 and IPv6.

Only an attempt that went out proves anything. So the check first tries what must be open, and then a
connection within the company that the policies deny: it shows whether the cluster enforces any policies.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from clients.kubernetes_api import Object, reference
from ops import local_target
from ops.cluster_access import Cluster
from ops.probing.containers import AGENT, BRAIN, PORTS
from ops.probing.failure import Failure
from ops.validation.network import allowed, denied
from ops.validation.network.attempts import Attempt, Destination, Kind, State, attempts
from ops.validation.network.pod_facts import PodFacts, facts_of, running
from ops.validation.pod_target import PodTarget
from ops.validation.results import Status, Verdict, not_applicable, passed
from ops.validation.run import Run
from plan.names import LOCAL

DENY = "default-deny"
BOTH = {"Ingress", "Egress"}
WORKERS = 4
SHOWN = 5
"""Attempts of a kind that a report quotes."""
VPC_CNI = "aws-node"
"""The DaemonSet of the Amazon VPC CNI. Its policy agent lets a pod and its own node talk to each other."""
AUTO_MODE = ("eks.amazonaws.com/compute-type", "auto")
"""The label of nodes that have the agent built in. Source: the EKS user guide, EKS Auto Mode."""
PAGE = "docs/network-isolation.md"
LISTENING_SECONDS = 30.0
POLL_SECONDS = 1.0


def check(run: Run, target: PodTarget) -> Verdict:
    others = [other for other in run.others(target) if other.cluster is target.cluster]
    if not others:
        return not_applicable(f"no other company was chosen that has pods in {target.cluster.name}")
    for each in (target, *others):
        _require_policies(each)
    own = [pod for pod in _pods(run, target) if _is_of(pod, target)]
    namespaces = {other.namespace: other for other in others}
    foreign = [pod for other in namespaces.values() for pod in _pods(run, other)]
    for each in (target, *others):
        _require_listening(each, (*own, *foreign))
    opened = allowed.require(target, own)
    control = _denied_within(target, own)
    if control.state is State.CONNECTED:
        return _unenforced(target)
    done = _attempts(target, list(namespaces), own, foreign)
    ignored = _own_node(target, own, done)
    reached = [attempt for attempt in done if _is_reached(attempt, control) and attempt not in ignored]
    if reached:
        raise _reached(target, reached)
    return passed(
        f"{_summary(done, own, foreign)}; {_listed(ignored, 'open to every pod by the VPC CNI', str)}open as"
        f" they must be: {opened}"
    )


def _is_of(pod: PodFacts, target: PodTarget) -> bool:
    names = tuple(f"{component}-{target.region}-" for component in (BRAIN, AGENT))
    return pod.source.namespace == target.namespace and pod.source.pod.startswith(names)


def _pods(run: Run, target: PodTarget) -> list[PodFacts]:
    """Of a company, in all regions of the cluster. Each pod is asked once in a run."""

    def facts(pod: Object) -> PodFacts:
        key = target.cluster.name, pod["metadata"]["uid"]
        if key not in run.pods:
            run.pods[key] = _facts_when_listening(target.cluster, pod)
        return run.pods[key]

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(facts, running(target.cluster, target.namespace)))


def _facts_when_listening(cluster: Cluster, pod: Object) -> PodFacts:
    """Once the pod listens at its declared ports: an application may be starting again."""
    deadline = time.monotonic() + LISTENING_SECONDS
    while True:
        facts = facts_of(cluster, pod)
        if not facts.tcp or facts.tcp >= facts.declared.keys() or time.monotonic() >= deadline:
            return facts
        time.sleep(POLL_SECONDS)


def _require_listening(target: PodTarget, pods: Iterable[PodFacts]) -> None:
    """Raises Failure when nothing listens at a port: that nobody reaches it would prove nothing."""
    known = {pod.source.pod: pod for pod in pods if _is_of(pod, target)}
    for component in (BRAIN, AGENT):
        pod = known.get(target.pods[component].name)
        if pod is None:
            raise Failure(
                f"whether the {component} of {target.name} can be reached cannot be judged: its pod"
                f" {target.pods[component].name} does not run",
                target.pods[component].describe,
            )
        for port, container in pod.declared.items():
            if port not in pod.tcp:
                raise target.failure(
                    container,
                    f"whether the {container} of {target.name} can be reached cannot be judged: nothing"
                    f" listens at port {port} of {pod.name}",
                )


def _denied_within(target: PodTarget, own: Sequence[PodFacts]) -> Attempt:
    """From a Brain to its Agent, which the policies deny. Raises Failure when the attempt was not done."""
    pods = {pod.source.pod: pod for pod in own}
    agent, brain = pods[target.agent.name], pods[target.brain.name]
    destination = Destination(kind=Kind.POD, host=agent.address, port=PORTS[AGENT], owner=agent.name)
    (control,) = attempts(brain.source, [destination])
    if control.state is State.UNTRIED:
        raise _unjudged(target, [control])
    return control


def _unenforced(target: PodTarget) -> Verdict:
    """Raises Failure on nodes of `make up` that were started to enforce policies."""
    detail = (
        f"{target.brain.name} reaches {target.agent.name}:{PORTS[AGENT]} of the same company, which"
        " its policies deny: this cluster enforces none"
    )
    nodes = local_target.find(target.state) if target.stack.name == LOCAL else None
    if nodes is None or nodes.unenforced is None:
        return Verdict(status=Status.NOT_ENFORCED, detail=detail)
    if nodes.unenforced:
        return Verdict(status=Status.NOT_ENFORCED, detail=f"{detail} ({nodes.unenforced})")
    raise Failure(
        f"{detail}, although the nodes of `make up` were started to enforce them",
        f"{PAGE}; `make down` and `make up` start the nodes anew",
    )


def _attempts(
    target: PodTarget, namespaces: Sequence[str], own: Sequence[PodFacts], foreign: Sequence[PodFacts]
) -> list[Attempt]:
    """Raises Failure when an attempt was not done on which isolation depends."""
    services = [
        service for namespace in namespaces for service in target.cluster.api.list("Service", namespace)
    ]
    shared = [*denied.of_pods(foreign), *denied.of_services(services, foreign)]
    destinations = [[*shared, *denied.around(target, pod, [*own, *foreign])] for pod in own]
    with ThreadPoolExecutor(WORKERS) as pool:
        done = [*chain.from_iterable(pool.map(attempts, [pod.source for pod in own], destinations))]
    untried = [attempt for attempt in done if attempt.state is State.UNTRIED]
    if required := [attempt for attempt in untried if attempt.destination.required]:
        raise _unjudged(target, required)
    return done


def _is_reached(attempt: Attempt, control: Attempt) -> bool:
    """A refusal, where what policies deny gets no answer, comes from the destination: it was reached."""
    if attempt.state is State.REFUSED and control.state is State.DROPPED:
        return attempt.destination.kind in (Kind.POD, Kind.LINK_LOCAL, Kind.NODE)
    return attempt.state is State.CONNECTED


def _own_node(target: PodTarget, own: Sequence[PodFacts], done: Iterable[Attempt]) -> list[Attempt]:
    """What no policy closes with the Amazon VPC CNI: the pod's own node, where it asks for credentials."""
    if not _is_vpc_cni(target):
        return []
    nodes = {pod.source: pod.node for pod in own}
    return [
        attempt
        for attempt in done
        if attempt.state in (State.CONNECTED, State.REFUSED)
        if attempt.destination.host == nodes[attempt.source]
        if attempt.state is State.REFUSED or attempt.destination.port != denied.KUBELET_READ_ONLY
    ]


def _is_vpc_cni(target: PodTarget) -> bool:
    api, node = target.cluster.api, target.agent.require()["spec"].get("nodeName", "")
    if api.get(reference("DaemonSet", VPC_CNI, "kube-system", "apps/v1")) is not None:
        return True
    labels = (api.get(reference("Node", node)) or {}).get("metadata", {}).get("labels", {})
    return AUTO_MODE in labels.items()


def _summary(done: Sequence[Attempt], own: Sequence[PodFacts], foreign: Sequence[PodFacts]) -> str:
    untried = [attempt for attempt in done if attempt.state is State.UNTRIED]
    listed = _listed(untried, "; not tried", lambda each: f"{each.destination.host} ({each.why})")
    return (
        f"{len(done) - len(untried)} attempts from {len(own)} pods: none reaches one of {len(foreign)} pods"
        " of other companies, their Services, a node, instance metadata or the API"
        f" server{listed.rstrip('; ')}"
    )


def _listed(attempts: Sequence[Attempt], title: str, as_text: Callable[[Attempt], str]) -> str:
    """Empty without attempts."""
    lines = list(dict.fromkeys(map(as_text, attempts)))
    more = f", and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return f"{title}: {', '.join(lines[:SHOWN])}{more}; " if lines else ""


def _require_policies(target: PodTarget) -> None:
    """Raises Failure without the policy that denies everything: the control attempt would take that for a
    cluster that enforces none.
    """
    policies = {
        policy["metadata"]["name"]: policy["spec"]
        for policy in target.cluster.api.list(
            "NetworkPolicy", target.namespace, version="networking.k8s.io/v1"
        )
    }
    deny = policies.get(DENY, {})
    if deny.get("podSelector") != {} or set(deny.get("policyTypes", ())) != BOTH:
        raise Failure(
            f"the namespace {target.namespace} has no NetworkPolicy {DENY} that denies both directions to all"
            f" of its pods; its policies: {', '.join(policies) or 'none'}",
            f"{target.cluster.kubectl} -n {target.namespace} get networkpolicy; deploy the stack again",
        )


def _reached(target: PodTarget, reached: Sequence[Attempt]) -> Failure:
    of_kind = {kind: [attempt for attempt in reached if attempt.destination.kind is kind] for kind in Kind}
    kinds = "".join(_listed(attempts, kind, str) for kind, attempts in of_kind.items())
    return Failure(
        f"the network lets {target.name} reach what its policies deny, although the cluster enforces others:"
        f" {kinds.rstrip('; ')}",
        f"{PAGE}; {target.cluster.kubectl} -n {target.namespace} get networkpolicy -o yaml",
    )


def _unjudged(target: PodTarget, untried: Sequence[Attempt]) -> Failure:
    listed = _listed(
        untried, "was not tried", lambda each: f"{each.source} to {each.destination.host} ({each.why})"
    )
    return Failure(
        f"whether the network of {target.name} is closed cannot be judged: {listed.rstrip('; ')}",
        f"{target.cluster.kubectl} -n {target.namespace} describe pods",
    )
