"""Isolation of companies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulumi_policy import PolicyResource, ResourceValidationArgs, Severity

from plan.names import COMPANY_LABEL
from policy_pack.writing import Problems, Props, each, labels, metadata, of_resources, of_the_stack
from runtime.ports import AGENT_PORT

NAMESPACE = "kubernetes:core/v1:Namespace"
QUOTA = "kubernetes:core/v1:ResourceQuota"
LIMIT_RANGE = "kubernetes:core/v1:LimitRange"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
SERVICE = "kubernetes:core/v1:Service"
ENFORCE = "pod-security.kubernetes.io/enforce"
ALL_ADDRESSES = ("0.0.0.0/0", "::/0")
NODE_CREDENTIALS = "169.254.0.0/16"


def _enforced(args: ResourceValidationArgs) -> Iterator[str]:
    if labels(args.props).get(ENFORCE) != "restricted":
        yield f"the label {ENFORCE} is {labels(args.props).get(ENFORCE) or 'missing'}"


def _guards(resources: Sequence[PolicyResource]) -> Problems:
    guards = {
        (resource.resource_type, metadata(resource.props).get("namespace"), _cluster(resource))
        for resource in resources
        if resource.resource_type in (QUOTA, LIMIT_RANGE)
        or (resource.resource_type == NETWORK_POLICY and _denies_all(resource.props["spec"]))
    }
    for resource in resources:
        if resource.resource_type == NAMESPACE and COMPANY_LABEL in labels(resource.props):
            name = metadata(resource.props)["name"]
            for guard, kind in (
                (QUOTA, "ResourceQuota"),
                (LIMIT_RANGE, "LimitRange"),
                (NETWORK_POLICY, "NetworkPolicy that denies all by default"),
            ):
                if (guard, name, _cluster(resource)) not in guards:
                    yield resource, f"the namespace {name} has no {kind}"


def _cluster(resource: PolicyResource) -> str:
    """The cluster's identifier, which its two providers share."""
    return str(resource.provider.props.get("clusterIdentifier")) if resource.provider else ""


def _denies_all(spec: Props) -> bool:
    open_to = bool(spec.get("ingress") or spec.get("egress"))
    return (
        set(spec.get("policyTypes") or ()) == {"Ingress", "Egress"}
        and not spec.get("podSelector")
        and not open_to
    )


def _openings(args: ResourceValidationArgs) -> Iterator[str]:
    spec = args.props["spec"]
    directions = (("ingress", _let_in), ("egress", _let_out))
    yield from each(directions, lambda pair: each(spec.get(pair[0]) or (), pair[1]))


def _let_in(rule: Props) -> Iterator[str]:
    if any(map(_is_anybody, rule.get("from") or [{}])):
        yield "all senders are admitted"


def _let_out(rule: Props) -> Iterator[str]:
    for peer in rule.get("to") or [{}]:
        if _is_anybody(peer) and not rule.get("ports"):
            yield "all destinations are allowed, on every port"
        block = peer.get("ipBlock") or {}
        if block.get("cidr") == ALL_ADDRESSES[0] and NODE_CREDENTIALS not in (block.get("except") or ()):
            yield f"the node's credentials can be reached: {NODE_CREDENTIALS} is not excluded"


def _is_anybody(peer: Any) -> bool:
    if "ipBlock" in peer:
        return peer["ipBlock"]["cidr"] in ALL_ADDRESSES
    selectors = [peer[key] for key in ("namespaceSelector", "podSelector") if key in peer]
    return not selectors or (
        "namespaceSelector" in peer and not peer["namespaceSelector"] and not peer.get("podSelector")
    )


def _published(resources: Sequence[PolicyResource]) -> Problems:
    companies = {
        metadata(resource.props)["name"]
        for resource in resources
        if resource.resource_type == NAMESPACE and COMPANY_LABEL in labels(resource.props)
    }
    ports = {
        (
            _cluster(resource),
            metadata(resource.props)["namespace"],
            metadata(resource.props)["name"],
        ): resource.props["spec"]["ports"]
        for resource in resources
        if resource.resource_type == SERVICE
    }
    ingresses = [
        resource
        for resource in resources
        if resource.resource_type == INGRESS and metadata(resource.props).get("namespace") in companies
    ]
    yield from each(
        ingresses, lambda resource: ((resource, problem) for problem in _backends(resource, ports))
    )


def _backends(
    ingress: PolicyResource, ports: Mapping[tuple[str, str, str], Sequence[Props]]
) -> Iterator[str]:
    spec = ingress.props["spec"]
    if spec.get("defaultBackend"):
        yield "a defaultBackend answers for every host"
    for rule in spec.get("rules") or ():
        for path in rule["http"]["paths"]:
            service = path["backend"]["service"]
            key = (_cluster(ingress), metadata(ingress.props)["namespace"], service["name"])
            number = _number(service["port"], ports.get(key) or ())
            if number != AGENT_PORT:
                yield f"{service['name']}:{number or service['port'].get('name')} is on an Ingress"


def _number(port: Props, ports: Sequence[Props]) -> int | None:
    if port.get("number"):
        return int(port["number"])
    return next((int(each["port"]) for each in ports if each.get("name") == port.get("name")), None)


POLICIES = (
    of_resources(
        "namespaces-enforce-restricted",
        Severity.HIGH,
        [NAMESPACE],
        "Every namespace enforces Pod Security's profile `restricted`.",
        f"Label it {ENFORCE}: restricted.",
        _enforced,
    ),
    of_the_stack(
        "namespaces-are-guarded",
        Severity.HIGH,
        "A company's namespace has a ResourceQuota, a LimitRange and a NetworkPolicy that denies all.",
        "Create it with `components.tenant.Tenant`, which creates all three.",
        _guards,
    ),
    of_resources(
        "openings-are-narrow",
        Severity.HIGH,
        [NETWORK_POLICY],
        "No NetworkPolicy admits all senders, allows all destinations, or opens the node's credentials.",
        "Set the allowed senders (`ingressFrom`), and the addresses and ports to reach (`extraEgress`).",
        _openings,
    ),
    of_the_stack(
        "only-the-agent-is-published",
        Severity.CRITICAL,
        f"A company's Ingresses expose only the Agent's port {AGENT_PORT}: others have no authentication.",
        f"Change the Ingress's backend to the Agent's Service, port {AGENT_PORT}.",
        _published,
    ),
)
