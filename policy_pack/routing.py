"""DNS names with a single owner, and a region that answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence, Set

from pulumi_policy import PolicyResource, Severity
from pulumi_policy.proxy import UnknownValueError

from plan.names import REGION_LABEL
from policy_pack.publishing import ALB
from policy_pack.stack import known
from policy_pack.writing import Problems, Props, each, labels, metadata, of_the_stack

RECORD = "aws:route53/record:Record"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
REGION = "agency:region:Region"
ENDPOINT_GROUP = "aws:globalaccelerator/endpointGroup:EndpointGroup"
POLICY_KEYS = (
    "latencyRoutingPolicies",
    "weightedRoutingPolicies",
    "geolocationRoutingPolicies",
    "failoverRoutingPolicies",
)
HOSTNAME, SET_IDENTIFIER = "hostname", "set-identifier"
"""Annotations of external-dns, below its prefix: a setting, with another default in each version."""


def _owners(resources: Sequence[PolicyResource]) -> Problems:
    taken: dict[tuple[str, str, str], PolicyResource] = {}
    policies: dict[tuple[str, str], set[str]] = defaultdict(set)
    for resource in resources:
        try:
            names = _names(resource)
        except UnknownValueError:
            continue  # The name of a certificate's validation, which AWS chooses.
        for name, kind, identifier, policy in names:
            if (name, kind, identifier) in taken:
                owner = taken[name, kind, identifier].name
                yield (
                    resource,
                    f"the name {name} ({kind}{f', {identifier}' if identifier else ''}) is that of {owner}",
                )
            taken[name, kind, identifier] = resource
            policies[name, kind].add(policy)
            if len(policies[name, kind]) > 1:
                yield resource, f"the name {name} ({kind}) has records of several routing policies"


def _names(resource: PolicyResource) -> list[tuple[str, str, str, str]]:
    """Name, type, set identifier and routing policy of each record of a resource."""
    if resource.resource_type == RECORD:
        props = resource.props
        policy = next((key for key in POLICY_KEYS if props.get(key)), "simple")
        return [(_lower(props["name"]), props["type"], props.get("setIdentifier") or "", policy)]
    if resource.resource_type == INGRESS:
        return list(_external_dns_names(metadata(resource.props).get("annotations") or {}))
    return []


def _external_dns_names(annotations: Props) -> Iterator[tuple[str, str, str, str]]:
    for key, hosts in annotations.items():
        prefix, _, name = key.rpartition("/")
        if name == HOSTNAME:
            identifier = str(annotations.get(f"{prefix}/{SET_IDENTIFIER}") or "")
            for host in filter(str.strip, str(hosts).split(",")):
                yield _lower(host), "external-dns", identifier, "external-dns"


def _lower(name: str) -> str:
    return name.strip().rstrip(".").lower()


def _active(resources: Sequence[PolicyResource]) -> Problems:
    regions = [resource for resource in resources if resource.resource_type == REGION]
    if regions and not any(resource.props.get("active") for resource in regions):
        yield regions[0], "no region is active, and no region answers"


def _targets(resources: Sequence[PolicyResource]) -> Problems:
    """Records that lead out of the stack, or to a region whose health nobody asks for."""
    records = [resource for resource in resources if resource.resource_type == RECORD]
    edges = {
        host
        for resource in resources
        if resource.resource_type == REGION
        for host in resource.props.get("edges") or ()
    }
    yield from each(records, lambda record: _leads(record, edges, {*map(_name, records)}))


def _name(record: PolicyResource) -> str:
    """Empty where a preview does not know it: the name of a certificate's validation."""
    return _lower(str(known(record.props, "name") or ""))


def _leads(record: PolicyResource, edges: Set[str], names: Set[str]) -> Problems:
    props = record.props
    if not record.property_dependencies.get("records"):  # Else they come from an Ingress or a certificate.
        for target in props.get("records") or ():
            if target not in edges:
                yield record, f"it leads to {target}, which is no load balancer of the stack"
    for alias in props.get("aliases") or ():
        if _lower(alias["name"]) not in names:
            yield record, f"it leads to {alias['name']}, which is no name of the stack"
        if not alias.get("evaluateTargetHealth"):
            yield record, f"it leads to {alias['name']} even when that is not healthy"
    if props.get("setIdentifier") and props.get("records") and "healthCheckId" not in list(props):
        yield record, "it has no health check"


def _endpoints(resources: Sequence[PolicyResource]) -> Problems:
    groups = [resource for resource in resources if resource.resource_type == ENDPOINT_GROUP]
    fronts = [
        resource
        for resource in resources
        if resource.resource_type == INGRESS and _annotations(resource).get(f"{ALB}enable-frontend-nlb")
    ]
    yield from each(fronts, _checked)
    yield from each(groups, _endpoints_of)


def _checked(front: PolicyResource) -> Problems:
    region = labels(front.props).get(REGION_LABEL)
    path = _annotations(front).get(f"{ALB}frontend-nlb-healthcheck-path")
    if path != f"/healthz/{region}":
        yield front, f"its Network Load Balancer is checked at {path}, not at /healthz/{region}"


def _endpoints_of(group: PolicyResource) -> Problems:
    props = group.props
    if props.get("trafficDialPercentage") != 100:
        yield group, f"its traffic dial is {props.get('trafficDialPercentage')}, which failover ignores"
    for endpoint in props.get("endpointConfigurations") or ():
        if ":loadbalancer/net/" not in (arn := str(endpoint["endpointId"])):
            yield group, f"its endpoint {arn} is unhealthy as soon as one company is"


def _annotations(resource: PolicyResource) -> Props:
    return metadata(resource.props).get("annotations") or {}


POLICIES = (
    of_the_stack(
        "names-lead-to-healthy-edges",
        Severity.CRITICAL,
        "Every DNS record leads to a load balancer of the stack, and only while it is healthy.",
        "Let `plan/dns.py` plan the records.",
        _targets,
    ),
    of_the_stack(
        "a-name-has-one-owner",
        Severity.HIGH,
        "No two resources create the same DNS record, and a name's records have the same routing policy.",
        "Give each company a unique name; let `plan/dns.py` plan the records.",
        _owners,
    ),
    of_the_stack(
        "endpoints-are-as-healthy-as-their-region",
        Severity.CRITICAL,
        "Global Accelerator sends clients to Network Load Balancers, checked at the region's health path.",
        "Let `components/accelerator.py` and `components/edge.py` make them.",
        _endpoints,
    ),
    of_the_stack(
        "a-region-is-active",
        Severity.CRITICAL,
        "At least one region of the stack is active.",
        "Set `active: true` for a region in the stack file.",
        _active,
    ),
)
