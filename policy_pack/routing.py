"""DNS names with a single owner, and a region that answers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence, Set

from pulumi_policy import PolicyResource, ResourceValidationArgs, Severity
from pulumi_policy.proxy import UnknownValueError

from plan.external_dns import OLD_PREFIX, PREFIX
from plan.names import REGION_LABEL
from policy_pack.publishing import ALB, HEALTH_CHECK, INGRESS
from policy_pack.stack import REGION, Stack, known
from policy_pack.writing import (
    Problems,
    Props,
    each,
    every,
    labels,
    metadata,
    of_resources,
    of_the_stack,
    unlike,
)

RECORD = "aws:route53/record:Record"
ENDPOINT_GROUP = "aws:globalaccelerator/endpointGroup:EndpointGroup"
POLICY_KEYS = (
    "latencyRoutingPolicies",
    "weightedRoutingPolicies",
    "geolocationRoutingPolicies",
    "failoverRoutingPolicies",
)
LONGEST_TTL, LONGEST_TTL_OF_ONE = 60, 300
"""Seconds: of one of several records of a name, and of a name's only record, as that of a certificate."""
HOSTNAME, SET_IDENTIFIER, TARGET = "hostname", "set-identifier", "target"
"""Annotations of external-dns, below its prefix: a setting, with another default in each version."""


def _owners(resources: Sequence[PolicyResource]) -> Problems:
    taken: dict[tuple[str, str, str], PolicyResource] = {}
    policies: dict[tuple[str, str], set[str]] = defaultdict(set)
    yield from each(Stack(resources).of(INGRESS), _unclaimed)
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


def _unclaimed(ingress: PolicyResource) -> Problems:
    """external-dns makes records of every Ingress's hosts, beside the program's, unless annotations tell it
    which to make, or to keep away."""
    own = _annotations(ingress)
    made = any(key.rpartition("/")[2] == HOSTNAME for key in own)
    if not made and any(own.get(f"{prefix}controller") != "none" for prefix in (PREFIX, OLD_PREFIX)):
        yield ingress, "external-dns makes records of its hosts, which are the program's"


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
    for key in annotations:
        prefix, _, name = key.rpartition("/")
        if name == HOSTNAME:
            identifier = str(annotations.get(f"{prefix}/{SET_IDENTIFIER}") or "")
            for host in filter(str.strip, str(annotations[key]).split(",")):
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
    stack = Stack(resources)
    companies = {f"{name}." for name in stack.companies}
    yield from every(
        lambda: each(records, lambda record: _leads(record, edges, {*map(_name, records)}, companies)),
        lambda: each(records, lambda record: _checks(record, stack)),
        lambda: _one_primary(records),
        lambda: _one_zone(records),
        lambda: each(stack.of(INGRESS), lambda ingress: _named(ingress, edges)),
    )


def _named(ingress: PolicyResource, edges: Set[str]) -> Problems:
    """Names that external-dns makes, and that lead out of the stack."""
    for key in _annotations(ingress):
        target = _annotations(ingress)[key] if key.rpartition("/")[2] == TARGET else ""
        if target and _lower(str(target)) not in edges:
            yield ingress, f"its name leads to {target}, which is no load balancer of the stack"


def _checks(record: PolicyResource, stack: Stack) -> Problems:
    """A region's own health check decides whether its record answers, and soon."""
    props = record.props
    if (props.get("ttl") or 0) > (LONGEST_TTL if props.get("setIdentifier") else LONGEST_TTL_OF_ONE):
        yield record, f"its TTL is {int(props['ttl'])} s: clients would stay with a failed region"
    if "healthCheckId" not in list(props):
        return
    id = known(props, "healthCheckId")
    found = record.property_dependencies.get("healthCheckId", [])
    arns = {known(one.props, "arn"): one for one in stack.of(HEALTH_CHECK)}
    if id is not None and None not in arns:  # A preview does not know the ARN of a check that changes.
        found = [one for arn, one in arns.items() if str(arn).endswith(f":healthcheck/{id}")]
    regions = {host: region.name for region in stack.of(REGION) for host in region.props.get("edges") or ()}
    wanted = {regions.get(str(target)) for target in props.get("records") or ()} - {None}
    checked = {str(each.props.get("resourcePath")).split("/")[2:3][0] for each in found if _is_ours(each)}
    if not checked or (wanted and checked != wanted):
        yield record, f"its health check asks for {', '.join(sorted(checked)) or 'nothing of the stack'}"


def _is_ours(check: PolicyResource) -> bool:
    return check.resource_type == HEALTH_CHECK and str(check.props.get("resourcePath")).startswith(
        "/healthz/"
    )


def _one_primary(records: Sequence[PolicyResource]) -> Problems:
    roles: dict[str, list[str]] = defaultdict(list)
    for record in records:
        for routing in record.props.get("failoverRoutingPolicies") or ():
            roles[_name(record)].append(str(routing["type"]))
            if len(set(roles[_name(record)])) != len(roles[_name(record)]):
                yield record, f"{_name(record)} has two records that are {routing['type']}"


def _one_zone(records: Sequence[PolicyResource]) -> Problems:
    return unlike("zone", [(record, str(known(record.props, "zoneId"))) for record in records])


def _fast(args: ResourceValidationArgs) -> Iterator[str]:
    props = args.props
    wanted = {
        "type": ("HTTPS",), "port": (443,), "enableSni": (True,), "requestInterval": (10,),
        "failureThreshold": (1, 2, 3),
    }  # fmt: skip
    for key, values in wanted.items():
        if props.get(key) not in values:
            yield f"its {key} is {props.get(key)}, not one of {', '.join(map(str, values))}"
    if not re.fullmatch(r"/healthz/[a-z0-9-]+(/[a-z0-9-]+)?", str(props.get("resourcePath"))):
        yield f"it asks for {props.get('resourcePath')}, not for a region's health"


def _asked(resources: Sequence[PolicyResource]) -> Problems:
    """Health checks that ask other hosts than the stack's load balancers."""
    stack = Stack(resources)
    hosts = {_name(record) for record in stack.of(RECORD)} | {
        host for region in stack.of(REGION) for host in region.props.get("edges") or ()
    }
    for ingress in stack.of(INGRESS):
        hosts |= {name for name, *_ in _external_dns_names(metadata(ingress.props).get("annotations") or {})}
    for check in stack.of(HEALTH_CHECK):
        if (host := known(check.props, "fqdn")) is not None and _lower(str(host)) not in hosts:
            yield check, f"it asks {host}, which is no load balancer of the stack"


def _name(record: PolicyResource) -> str:
    """Empty where a preview does not know it: the name of a certificate's validation."""
    return _lower(str(known(record.props, "name") or ""))


def _leads(record: PolicyResource, edges: Set[str], names: Set[str], companies: Set[str]) -> Problems:
    props = record.props
    if not record.property_dependencies.get("records"):  # Else they come from an Ingress or a certificate.
        for target in props.get("records") or ():
            if target not in edges:
                yield record, f"it leads to {target}, which is no load balancer of the stack"
    for alias in props.get("aliases") or ():
        if _lower(alias["name"]) not in names:
            yield record, f"it leads to {alias['name']}, which is no name of the stack"
        if any(_lower(alias["name"]) == one + _name(record).partition(".")[2] for one in companies):
            yield record, f"it leads to {alias['name']}, the name of a company"
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
    of_resources(
        "health-checks-are-fast",
        Severity.CRITICAL,
        [HEALTH_CHECK],
        "Health checks ask by HTTPS for a region's health, every 10 s.",
        "Let `plan/edges.py` plan them.",
        _fast,
    ),
    of_the_stack(
        "health-checks-ask-load-balancers",
        Severity.CRITICAL,
        "Health checks ask the stack's load balancers.",
        "Let `plan/edges.py` plan them.",
        _asked,
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
