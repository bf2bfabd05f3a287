"""No pod of a company reaches what its network policies deny: pods and Services of other companies, nodes,
instance metadata, the API server. The network itself is judged: from every pod, over TCP, UDP, IPv4 and IPv6.

Only an attempt that went out proves anything. So what must be open is tried first, and then a connection
within the company that the policies deny: it shows whether the cluster enforces any.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from ops.cluster_access import Cluster, Object
from ops.memory import AGENT, BRAIN
from ops.validation import closed_targets, openings
from ops.validation.pod_facts import PodFacts, facts_of, running
from ops.validation.pod_sites import PORTS, PodSite
from ops.validation.reach import Attempt, Kind, State, Target, attempt, attempts
from ops.validation.run import Run, who
from ops.validation.verdicts import Failure, Status, Verdict, not_applicable, passed
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


def judge(run: Run, site: PodSite) -> Verdict:
    others = [one for one in run.others(site) if isinstance(one, PodSite) and one.cluster is site.cluster]
    if not others:
        return not_applicable(f"no other company was chosen that lives in {site.cluster.name}")
    for one in (site, *others):
        _require_policies(one)
    own = [pod for pod in _pods(run, site) if _is_of(pod, site)]
    theirs = [pod for one in {other.namespace: other for other in others}.values() for pod in _pods(run, one)]
    for one in (site, *others):
        _require_listening(one, (*own, *theirs))
    opened = openings.require(site, own)
    denied = _denied(site, own)
    if denied.state is State.CONNECTED:
        return _unenforced(site)
    done = _tried(site, others, own, theirs)
    ignored = _own_node(site, own, done)
    reached = [one for one in done if _is_reached(one, denied) and one not in ignored]
    if reached:
        raise _reached(site, reached)
    return passed(
        f"{_proven(done, own, theirs)}; {_told(ignored, 'open to every pod by the VPC CNI', str)}open as they"
        f" must be: {opened}"
    )


def _is_of(pod: PodFacts, site: PodSite) -> bool:
    names = tuple(f"{component}-{site.region}-" for component in (BRAIN, AGENT))
    return pod.source.namespace == site.namespace and pod.source.pod.startswith(names)


def _pods(run: Run, site: PodSite) -> list[PodFacts]:
    """Of a company, in all regions of the cluster. A pod is asked once in a run."""
    found = running(site.cluster, site.namespace)

    def known(pod: Object) -> PodFacts:
        key = site.cluster.name, pod["metadata"]["uid"]
        if key not in run.pods:
            run.pods[key] = _facts(site.cluster, pod)
        return run.pods[key]

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(known, found))


def _facts(cluster: Cluster, pod: Object) -> PodFacts:
    """Once the pod listens at its declared ports: an application may be starting again."""
    deadline = time.monotonic() + LISTENING_SECONDS
    while True:
        facts = facts_of(cluster, pod)
        asked = bool(facts.tcp)
        if not asked or facts.tcp >= facts.declared.keys() or time.monotonic() >= deadline:
            return facts
        time.sleep(POLL_SECONDS)


def _require_listening(site: PodSite, pods: Iterable[PodFacts]) -> None:
    """Raises Failure when nothing listens at a port: that nobody reaches it would say nothing."""
    found = {pod.source.pod: pod for pod in pods if _is_of(pod, site)}
    for component in (BRAIN, AGENT):
        pod = found.get(site.pod_name(component))
        if pod is None:
            raise Failure(
                f"whether the {component} of {who(site)} can be reached cannot be judged: its pod"
                f" {site.pod_name(component)} does not run",
                f"{site.cluster.kubectl} -n {site.namespace} describe pod {site.pod_name(component)}",
            )
        for port, container in pod.declared.items():
            if port not in pod.tcp:
                raise Failure(
                    f"whether the {container} of {who(site)} can be reached cannot be judged: nothing listens"
                    f" at port {port} of {pod.name}",
                    site.look(container),
                )


def _denied(site: PodSite, own: Sequence[PodFacts]) -> Attempt:
    """A Brain has no business with an Agent. Raises Failure when the attempt was not made."""
    pods = {pod.source.pod: pod for pod in own}
    agent, brain = pods[site.pod_name(AGENT)], pods[site.pod_name(BRAIN)]
    target = Target(kind=Kind.POD, host=agent.address, port=PORTS["agent"], owner=agent.name)
    found = attempt(brain.source, target)
    if found.state is State.UNTRIED:
        raise _unjudged(site, [found])
    return found


def _unenforced(site: PodSite) -> Verdict:
    """Raises Failure on nodes of `make up` that were started to enforce policies."""
    told = (
        f"{site.pod_name(BRAIN)} reaches {site.pod_name(AGENT)}:{PORTS['agent']} of the same company, which"
        " its policies deny: this cluster enforces none"
    )
    found = None
    if site.stack.name == LOCAL:
        from local import access

        found = access.find(site.state)
    if found is None or found.unenforced is None:
        return Verdict(status=Status.NOT_ENFORCED, detail=told)
    if found.unenforced:
        return Verdict(status=Status.NOT_ENFORCED, detail=f"{told} ({found.unenforced})")
    raise Failure(
        f"{told}, although the nodes of `make up` were started to enforce them",
        f"{PAGE}; `make down` and `make up` start the nodes anew",
    )


def _tried(
    site: PodSite, others: Sequence[PodSite], own: Sequence[PodFacts], theirs: Sequence[PodFacts]
) -> list[Attempt]:
    """Raises Failure when one was not made that isolation depends on."""
    namespaces = dict.fromkeys(one.namespace for one in others)
    services = [one for namespace in namespaces for one in site.cluster.api.list("Service", namespace)]
    shared = [*closed_targets.of_pods(theirs), *closed_targets.of_services(services, theirs)]
    targets = [[*shared, *closed_targets.around(site, pod, [*own, *theirs])] for pod in own]
    with ThreadPoolExecutor(WORKERS) as pool:
        done = [*chain.from_iterable(pool.map(attempts, [pod.source for pod in own], targets))]
    if untried := [one for one in done if one.state is State.UNTRIED and one.target.required]:
        raise _unjudged(site, untried)
    return done


def _is_reached(one: Attempt, denied: Attempt) -> bool:
    """A refusal, where what policies deny gets no answer, comes from the target: it was reached."""
    if one.state is State.REFUSED and denied.state is State.DROPPED:
        return one.target.kind in (Kind.POD, Kind.LINK_LOCAL, Kind.NODE)
    return one.state is State.CONNECTED


def _own_node(site: PodSite, own: Sequence[PodFacts], done: Iterable[Attempt]) -> list[Attempt]:
    """What no policy closes with the Amazon VPC CNI: the pod's own node, where it asks for credentials."""
    if not _is_vpc_cni(site):
        return []
    nodes = {pod.source: pod.node for pod in own}
    return [
        one
        for one in done
        if one.state in (State.CONNECTED, State.REFUSED) and one.target.host == nodes[one.source]
        if not (one.target.port == closed_targets.KUBELET_READ_ONLY and one.state is State.CONNECTED)
    ]


def _is_vpc_cni(site: PodSite) -> bool:
    get, node = site.cluster.api.get, site.require_pod(AGENT)["spec"].get("nodeName", "")
    named = {"name": VPC_CNI, "namespace": "kube-system"}
    if get({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": named}) is not None:
        return True
    found = get({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}}) or {}
    return AUTO_MODE in found.get("metadata", {}).get("labels", {}).items()


def _proven(done: Sequence[Attempt], own: Sequence[PodFacts], theirs: Sequence[PodFacts]) -> str:
    untried = [one for one in done if one.state is State.UNTRIED]
    return (
        f"{len(done) - len(untried)} attempts from {len(own)} pods: none reaches one of {len(theirs)} pods of"
        f" other companies, their Services, a node, instance metadata or the API server"
        f"{_told(untried, '; not tried', lambda one: f'{one.target.host} ({one.why})').rstrip('; ')}"
    )


def _told(found: Sequence[Attempt], what: str, as_text: Callable[[Attempt], str]) -> str:
    """Nothing of nothing."""
    lines = list(dict.fromkeys(map(as_text, found)))
    more = f", and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return f"{what}: {', '.join(lines[:SHOWN])}{more}; " if lines else ""


def _require_policies(site: PodSite) -> None:
    """Raises Failure without the policy that denies everything: a probe would take that for a cluster that
    enforces none.
    """
    found = {
        one["metadata"]["name"]: one["spec"]
        for one in site.cluster.api.list("NetworkPolicy", site.namespace, version="networking.k8s.io/v1")
    }
    deny = found.get(DENY, {})
    if deny.get("podSelector") != {} or set(deny.get("policyTypes", ())) != BOTH:
        raise Failure(
            f"the namespace {site.namespace} has no NetworkPolicy {DENY} that denies both directions to all"
            f" of its pods; its policies: {', '.join(found) or 'none'}",
            f"{site.cluster.kubectl} -n {site.namespace} get networkpolicy; deploy the stack again",
        )


def _reached(site: PodSite, reached: Sequence[Attempt]) -> Failure:
    kinds = "".join(_told([one for one in reached if one.target.kind is kind], kind, str) for kind in Kind)
    return Failure(
        f"the network lets {who(site)} reach what its policies deny, although the cluster enforces others:"
        f" {kinds.rstrip('; ')}",
        f"{PAGE}; {site.cluster.kubectl} -n {site.namespace} get networkpolicy -o yaml",
    )


def _unjudged(site: PodSite, untried: Sequence[Attempt]) -> Failure:
    told = _told(untried, "was not tried", lambda one: f"{one.source} to {one.target.host} ({one.why})")
    return Failure(
        f"whether the network of {who(site)} is closed cannot be judged: {told.rstrip('; ')}",
        f"{site.cluster.kubectl} -n {site.namespace} describe pods",
    )
