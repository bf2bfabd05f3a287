"""NetworkPolicies: who is let in and out, by the addresses and the pods that a policy covers in effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from ipaddress import ip_network

from pulumi_policy import PolicyResource, ResourceValidationArgs, Severity
from pulumi_policy.proxy import UnknownValueError

from plan.names import (
    COMPANY_LABEL,
    FAILOVER_CONTROLLER,
    NAMESPACE_LABEL,
    PLATFORM_LABEL,
    REGION_LABEL,
    SYSTEM_NAMESPACE,
)
from plan.networks import (
    LINK_LOCAL,
    Network,
    block,
    is_wide,
    link_local_in,
    overlaps,
    private_parts,
    union,
    without,
)
from policy_pack.stack import DEPLOYMENT, STATEFUL_SET, Stack, place, plain
from policy_pack.writing import Problems, Props, each, metadata, of_resources, of_the_stack
from runtime.contracts.controller import HTTP_PORT, METRICS_PORT
from runtime.ports import AGENT_PORT, BRAIN_PORT, GATE_PORT

NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
NAME = "app.kubernetes.io/name"
BOTH = {"Ingress", "Egress"}
DNS, HTTP, HTTPS, API = 53, 80, 443, 6443
EVERY_PORT = 0
ADDRESSES, NAMESPACE, TENANTS = "addresses", "namespace", "tenants"
DNS_NAMESPACE = {"matchLabels": {NAMESPACE_LABEL: "kube-system"}}
Openings = Mapping[str, Mapping[str, set[int]]]
INTO: Openings = {
    "agent": {
        ADDRESSES: {AGENT_PORT}, NAMESPACE: {AGENT_PORT, GATE_PORT},
        FAILOVER_CONTROLLER: {AGENT_PORT, GATE_PORT},
    },
    "brain": {
        "agent": {BRAIN_PORT}, NAMESPACE: {GATE_PORT}, FAILOVER_CONTROLLER: {BRAIN_PORT, GATE_PORT},
    },
    FAILOVER_CONTROLLER: {ADDRESSES: {HTTP_PORT}, NAMESPACE: {HTTP_PORT, METRICS_PORT}},
}  # fmt: skip
"""By kind of pod and of sender: the ports. A namespace is that of the ingress controller, or monitoring."""
OUT_OF: Openings = {
    "agent": {NAMESPACE: {DNS}, "brain": {BRAIN_PORT}},
    "brain": {NAMESPACE: {DNS}},
    FAILOVER_CONTROLLER: {NAMESPACE: {DNS}, TENANTS: {AGENT_PORT, BRAIN_PORT, GATE_PORT}},
}
TO_ALL = {"agent": {HTTPS}, "brain": {HTTPS}, FAILOVER_CONTROLLER: {HTTPS, API}}
"""Ports on which a kind of pod may reach every address but link-local ones."""
LOCAL_SERVICES = {DNS: ("169.254.20.10/32",), HTTP: ("169.254.170.23/32", "fd00:ec2::23/128")}
"""Link-local addresses, by port: the node's DNS cache, the Pod Identity agent."""


def _openings(args: ResourceValidationArgs) -> Iterator[str]:
    spec, namespace = args.props["spec"], str(metadata(args.props).get("namespace"))
    if set(spec.get("policyTypes") or ()) != BOTH:
        yield "its policyTypes are not Ingress and Egress: the missing one is open to all, or not closed"
    if not (spec.get("ingress") or spec.get("egress")):
        return
    own = (spec.get("podSelector") or {}).get("matchLabels") or {}
    kind = own.get(NAME)
    if kind not in INTO or not _is_own(own, namespace) or (spec["podSelector"]).keys() != {"matchLabels"}:
        yield "it opens pods other than those of one Agent, one Brain or the failover controller"
    yield from each(
        ((spec.get("ingress"), "from"), (spec.get("egress"), "to")),
        lambda pair: _direction(pair[0] or (), pair[1], own),
    )


def _is_own(own: Props, namespace: str) -> bool:
    """Whether labels select the workload of one region of the namespace's company, or the controller."""
    if not PLATFORM_LABEL.items() <= own.items():
        return False
    if own[NAME] == FAILOVER_CONTROLLER:
        return namespace == SYSTEM_NAMESPACE
    return own.get(COMPANY_LABEL) == namespace != SYSTEM_NAMESPACE and REGION_LABEL in own


def _direction(rules: Sequence[Props], side: str, own: Props) -> Iterator[str]:
    judges = (_rules, _addresses_of_all)
    yield from each(judges, lambda judge: judge(rules, side, own))


def _rules(rules: Sequence[Props], side: str, own: Props) -> Iterator[str]:
    yield from each(rules, lambda rule: _rule(rule, side, own))


def _addresses_of_all(rules: Sequence[Props], side: str, own: Props) -> Iterator[str]:
    """What is wrong with the addresses that all rules together open on a port."""
    covered: dict[int, list[Network]] = {}

    def collect(rule: Props) -> Iterator[str]:
        for port in _ports(rule):
            covered.setdefault(port, []).extend(_addresses(rule.get(side) or ()))
        return iter(())

    unknown = None
    try:
        yield from each(rules, collect)
    except UnknownValueError as error:
        unknown = error
    for port, networks in sorted(covered.items()):
        yield from _covered(union(networks), port, side, str(own.get(NAME)))
    if unknown:
        raise unknown


def _rule(rule: Props, side: str, own: Props) -> Iterator[str]:
    """What a single rule opens to pods and namespaces, and whether it has ports at all."""
    everybody = "all senders are admitted" if side == "from" else "all destinations are allowed"
    peers, ports = plain(rule.get(side)), _ports(rule)
    if not peers:
        yield everybody
    allowed = (INTO if side == "from" else OUT_OF).get(str(own.get(NAME)), {})
    for peer in peers or ():
        what = _peer(peer, own)
        if what == ADDRESSES and side == "to":
            excepted = tuple(peer["ipBlock"].get("except") or ())
            yield from _closed_to(peer["ipBlock"]["cidr"], excepted, str(own.get(NAME)))
        if what == NAMESPACE and side == "to" and peer["namespaceSelector"] != DNS_NAMESPACE:
            yield f"{peer} has an opening"
        if what == ADDRESSES and side == "to" and EVERY_PORT not in ports:
            continue  # What all addresses of a port are together is judged at once.
        if beyond := sorted(set(ports) - allowed.get(what, set())):
            where = ", ".join(map(_named, beyond))
            who = f"{everybody}," if not any(peer.values()) else f"{peer} has an opening"
            yield f"{who} on {where}"


def _named(port: int) -> str:
    return f"port {port}" if port else "every port"


def _ports(rule: Props) -> list[int]:
    """The numbers of a rule's ports; EVERY_PORT where it opens all, a range, or ports by name."""
    ports = rule.get("ports") or [{}]
    return [
        int(port["port"])
        if isinstance(port.get("port"), int | float) and not port.get("endPort")
        else EVERY_PORT
        for port in ports
    ]


def _peer(peer: Props, own: Props) -> str:
    """What kind of sender or destination a peer is; "" if it is of none."""
    if peer.keys() == {"ipBlock"}:
        return ADDRESSES
    pods, spaces = peer.get("podSelector") or {}, peer.get("namespaceSelector")
    labels = pods.get("matchLabels") or {}
    if spaces is None:
        same = {key: own[key] for key in (COMPANY_LABEL, REGION_LABEL) if key in own}
        return str(labels.get(NAME, "")) if len(same) == 2 and same.items() <= labels.items() else ""
    if spaces == {"matchExpressions": [{"key": COMPANY_LABEL, "operator": "Exists"}]}:
        return TENANTS if PLATFORM_LABEL.items() <= labels.items() else ""
    if (spaces.get("matchLabels") or {}).keys() != {NAMESPACE_LABEL}:
        return ""
    if spaces["matchLabels"][NAMESPACE_LABEL] == SYSTEM_NAMESPACE:
        return FAILOVER_CONTROLLER if labels.get(NAME) == FAILOVER_CONTROLLER else ""
    return NAMESPACE


def _addresses(peers: Sequence[Props]) -> Iterator[Network]:
    for peer in peers:
        if "ipBlock" in peer:
            yield from block(peer["ipBlock"]["cidr"], tuple(peer["ipBlock"].get("except") or ()))


@cache
def _closed_to(cidr: str, excepted: tuple[str, ...], kind: str) -> tuple[str, ...]:
    """What a tenant's pods reach beyond public addresses, by a block of the internet."""
    reached = [] if kind == FAILOVER_CONTROLLER else [*map(str, private_parts(block(cidr, excepted)))]
    return (f"{cidr} includes addresses that are not public: {', '.join(reached[:3])}",) if reached else ()


def _covered(networks: list[Network], port: int, side: str, kind: str) -> Iterator[str]:
    """What is wrong with all addresses that are open on a port."""
    if side == "from":
        if is_wide(networks):
            yield f"all senders are admitted, or nearly all, on {_named(port)}"
        return
    remote = without(networks, map(ip_network, LOCAL_SERVICES.get(port, ())))
    near = [one for one in LINK_LOCAL if overlaps(remote, one)]
    for network in near if kind == FAILOVER_CONTROLLER else link_local_in(remote):
        yield f"the node's credentials can be reached: {network} is not excluded, on {_named(port)}"
    if is_wide(networks) and port not in TO_ALL.get(kind, ()):
        yield f"all destinations are allowed, or nearly all, on {_named(port)}"


def _closed(resources: Sequence[PolicyResource]) -> Problems:
    """Namespaces with pods that are not closed by default, and openings to other companies."""
    stack = Stack(resources)
    closed = {place(policy) for policy in stack.of(NETWORK_POLICY) if _denies_all(policy.props["spec"])}
    for workload in stack.of(STATEFUL_SET, DEPLOYMENT):
        if place(workload) not in closed:
            yield workload, f"no NetworkPolicy of its namespace {place(workload)[1]} denies all by default"

    def named(policy: PolicyResource) -> Problems:
        spec = policy.props["spec"]
        rules = ((spec.get("ingress") or (), "from"), (spec.get("egress") or (), "to"))
        for rule, side in ((rule, side) for found, side in rules for rule in found):
            for peer in rule.get(side) or ():
                name = ((peer.get("namespaceSelector") or {}).get("matchLabels") or {}).get(NAMESPACE_LABEL)
                if name in stack.companies:
                    yield policy, f"it has an opening for the company {name}"

    yield from each(stack.of(NETWORK_POLICY), named)
    yield from _unlike(stack)
    yield from _senders(stack)


def _senders(stack: Stack) -> Problems:
    """Namespaces that are let in at a port where the other policies let another one in: that of an ingress
    controller, or of what scrapes metrics."""
    found: dict[int, dict[str, list[PolicyResource]]] = {}
    for policy in stack.of(NETWORK_POLICY):
        for rule in policy.props["spec"].get("ingress") or ():
            for peer in plain(rule.get("from") or ()):
                named = ((peer.get("namespaceSelector") or {}).get("matchLabels") or {}).get(NAMESPACE_LABEL)
                for port in _ports(rule) if named not in (None, SYSTEM_NAMESPACE) else ():
                    found.setdefault(port, {}).setdefault(str(named), []).append(policy)
    for port, by_name in sorted(found.items()):
        for name, policies in sorted(by_name.items(), key=lambda item: len(item[1]))[:-1]:
            yield policies[0], f"the namespace {name} is admitted on {_named(port)}, unlike in other policies"


def _unlike(stack: Stack) -> Problems:
    """A policy that opens the internet otherwise than those of the other pods, with fewer exceptions, say."""
    found: dict[frozenset[tuple[str, ...]], list[PolicyResource]] = {}
    for policy in stack.of(NETWORK_POLICY):
        selected = plain(policy.props["spec"].get("podSelector") or {}).get("matchLabels") or {}
        if selected.get(NAME) in ("agent", "brain"):
            wide = {
                (peer["ipBlock"]["cidr"], *sorted(peer["ipBlock"].get("except") or ()))
                for rule in policy.props["spec"].get("egress") or ()
                for peer in rule.get("to") or ()
                if "ipBlock" in peer and is_wide(_addresses([peer]))
            }
            found.setdefault(frozenset(wide), []).append(policy)
    for policies in sorted(found.values(), key=len)[:-1]:
        yield policies[0], "it opens the internet otherwise than those of the other pods"


def _denies_all(spec: Props) -> bool:
    open_to = bool(spec.get("ingress") or spec.get("egress"))
    return set(spec.get("policyTypes") or ()) == BOTH and not _selects(spec) and not open_to


def _selects(spec: Props) -> bool:
    return any((spec.get("podSelector") or {}).values())


POLICIES = (
    of_resources(
        "openings-are-narrow",
        Severity.HIGH,
        [NETWORK_POLICY],
        "NetworkPolicies open only what the platform needs, and never the node's credentials.",
        "Set the allowed senders (`ingressFrom`), and the addresses and ports to reach (`extraEgress`).",
        _openings,
    ),
    of_the_stack(
        "namespaces-begin-closed",
        Severity.CRITICAL,
        "In each namespace with pods a NetworkPolicy denies all, and none opens it to another company.",
        "Create it with `components.network_policies.deny_all`.",
        _closed,
    ),
)
