"""What keeps companies apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulumi_policy import PolicyResource, ResourceValidationArgs, Severity

from plan.names import COMPANY_LABEL
from policy_pack.writing import Found, Props, each, labels, metadata, of_resources, of_the_stack
from runtime.ports import AGENT_PORT

NAMESPACE = "kubernetes:core/v1:Namespace"
QUOTA = "kubernetes:core/v1:ResourceQuota"
LIMIT_RANGE = "kubernetes:core/v1:LimitRange"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
SERVICE = "kubernetes:core/v1:Service"
ENFORCE = "pod-security.kubernetes.io/enforce"
EVERYBODY = ("0.0.0.0/0", "::/0")
NODE_CREDENTIALS = "169.254.0.0/16"


def _enforced(args: ResourceValidationArgs) -> Iterator[str]:
    if labels(args.props).get(ENFORCE) != "restricted":
        yield f"the label {ENFORCE} is {labels(args.props).get(ENFORCE) or 'missing'}"


def _guards(resources: Sequence[PolicyResource]) -> Found:
    there = {
        (one.resource_type, metadata(one.props).get("namespace"), _cluster(one))
        for one in resources
        if one.resource_type in (QUOTA, LIMIT_RANGE)
        or (one.resource_type == NETWORK_POLICY and _denies_all(one.props["spec"]))
    }
    for one in resources:
        if one.resource_type == NAMESPACE and COMPANY_LABEL in labels(one.props):
            name = metadata(one.props)["name"]
            for guard, told in (
                (QUOTA, "a ResourceQuota"),
                (LIMIT_RANGE, "a LimitRange"),
                (NETWORK_POLICY, "a NetworkPolicy that denies all by default"),
            ):
                if (guard, name, _cluster(one)) not in there:
                    yield one, f"the namespace {name} has not {told}"


def _cluster(one: PolicyResource) -> str:
    """Kept objects have a provider of their own, for the same cluster."""
    return str(one.provider.props.get("clusterIdentifier")) if one.provider else ""


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
    yield from each(directions, lambda one: each(spec.get(one[0]) or (), one[1]))


def _let_in(rule: Props) -> Iterator[str]:
    if any(map(_is_everybody, rule.get("from") or [{}])):
        yield "everybody is let in"


def _let_out(rule: Props) -> Iterator[str]:
    for peer in rule.get("to") or [{}]:
        if _is_everybody(peer) and not rule.get("ports"):
            yield "everything can be reached, on every port"
        block = peer.get("ipBlock") or {}
        if block.get("cidr") == EVERYBODY[0] and NODE_CREDENTIALS not in (block.get("except") or ()):
            yield f"the node's own credentials can be reached: {NODE_CREDENTIALS} is not excepted"


def _is_everybody(peer: Any) -> bool:
    if "ipBlock" in peer:
        return peer["ipBlock"]["cidr"] in EVERYBODY
    selectors = [peer[key] for key in ("namespaceSelector", "podSelector") if key in peer]
    return not selectors or (
        "namespaceSelector" in peer and not peer["namespaceSelector"] and not peer.get("podSelector")
    )


def _published(resources: Sequence[PolicyResource]) -> Found:
    companies = {
        metadata(one.props)["name"]
        for one in resources
        if one.resource_type == NAMESPACE and COMPANY_LABEL in labels(one.props)
    }
    ports = {
        (
            _cluster(one),
            metadata(one.props)["namespace"],
            metadata(one.props)["name"],
        ): one.props["spec"]["ports"]
        for one in resources
        if one.resource_type == SERVICE
    }
    ingresses = [
        one
        for one in resources
        if one.resource_type == INGRESS and metadata(one.props).get("namespace") in companies
    ]
    yield from each(ingresses, lambda one: ((one, fault) for fault in _backends(one, ports)))


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
                yield f"{service['name']}:{number or service['port'].get('name')} is on an ingress"


def _number(port: Props, ports: Sequence[Props]) -> int | None:
    if port.get("number"):
        return int(port["number"])
    return next((int(one["port"]) for one in ports if one.get("name") == port.get("name")), None)


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
        "A company's namespace has a ResourceQuota, a LimitRange, and is closed to the network by default.",
        "Make it with `components.tenant.Tenant`, which brings all three.",
        _guards,
    ),
    of_resources(
        "openings-are-narrow",
        Severity.HIGH,
        [NETWORK_POLICY],
        "No network policy lets everybody in, or everything out, or pods reach their node's credentials.",
        "Name who may come in (`ingressFrom`), and addresses and ports to reach (`extraEgress`).",
        _openings,
    ),
    of_the_stack(
        "only-the-agent-is-published",
        Severity.CRITICAL,
        f"Of a company, only the Agent's port {AGENT_PORT} is on an ingress: the others let anybody in.",
        f"Point the ingress at the Agent's service, port {AGENT_PORT}.",
        _published,
    ),
)
