"""Rules about what load balancers of AWS accept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from settings.load_balancer import (
    ATTRIBUTES,
    KEEP_ALIVE,
    LOGS,
    IpAddressType,
    LoadBalancer,
    RegionLoadBalancer,
)
from settings.models import Settings
from settings.problems import NO_VALUE, Path, Problem, unknown_key
from settings.regions import Region
from settings.rules.base import Rule

SHARED: Path = ("ingress", "loadBalancer")


def _readers(settings: Settings, _: str) -> Iterator[Problem]:
    """The AWS Load Balancer Controller alone reads the keys."""
    shared = settings.ingress.load_balancer
    if shared != LoadBalancer() and not settings.ingress.makes_load_balancers:
        advice = "Only the AWS Load Balancer Controller reads the key."
        yield Problem(SHARED, _shown(shared), "must not be set", advice)
    for path, region in _regions(settings):
        own = region.load_balancer
        if own != RegionLoadBalancer() and not settings.ingress_of(region).makes_load_balancers:
            advice = (
                "No AWS load balancer is created in this region. What all have is in ingress.loadBalancer."
            )
            yield Problem(path, _shown(own), "must not be set", advice)


def _of_regions(settings: Settings, _: str) -> Iterator[Problem]:
    for path, region in _regions(settings):
        own = region.load_balancer
        if own.security_groups and own.inbound_cidrs:
            advice = "The existing security groups decide who may connect."
            yield Problem((*path, "inboundCidrs"), list(own.inbound_cidrs), "must not be set", advice)
        if own.web_acl_arn and own.web_acl_arn.split(":")[3] != region.name:
            yield Problem((*path, "webAclArn"), own.web_acl_arn, f"must be a web ACL of {region.name}")
        if len(own.subnets) == 1:
            yield Problem((*path, "subnets"), list(own.subnets), "must be in two zones or more")
        for key, ids in (("subnets", own.subnets), ("securityGroups", own.security_groups)):
            for id, count in Counter(ids).items():
                if count > 1:
                    yield Problem((*path, key), id, "must have each once")


def _addresses(settings: Settings, _: str) -> Iterator[Problem]:
    """An IPv6 network of clients is ignored by a load balancer with IPv4 addresses alone."""
    for path, own, kinds in _balancers(settings):
        if own.ip_address_type is IpAddressType.DUALSTACK_WITHOUT_PUBLIC_IPV4:
            advice = (
                "Route53's health checks, Global Accelerator and the other clusters come by IPv4: they would"
                " find no region healthy."
            )
            given = own.ip_address_type.value
            yield Problem((*path, "ipAddressType"), given, "must be ipv4 or dualstack", advice)
        six = [cidr for cidr in own.inbound_cidrs if ip_network(cidr).version == 6]
        if six and IpAddressType.IPV4 in kinds:
            requirement = "must be IPv4 networks without ipAddressType: dualstack"
            yield Problem((*path, "inboundCidrs"), six, requirement, "The load balancer has no IPv6 address.")


def _balancers(settings: Settings) -> Iterator[tuple[Path, LoadBalancer, set[IpAddressType]]]:
    """The keys of all load balancers and of each region's, and for which types of addresses they count."""
    types = {
        region.name: settings.load_balancer_of(region).ip_address_type or IpAddressType.IPV4
        for region in settings.regions
    }
    inherit = {types[each.name] for each in settings.regions if not each.load_balancer.inbound_cidrs}
    yield SHARED, settings.ingress.load_balancer, inherit
    for path, region in _regions(settings):
        yield path, region.load_balancer, {types[region.name]}


def _attributes(settings: Settings, _: str) -> Iterator[Problem]:
    for path, own, _kinds in _balancers(settings):
        for key, value in own.attributes.items():
            yield from _attribute((*path, "attributes", key), key, value)


def _attribute(path: Path, key: str, value: str) -> Iterator[Problem]:
    accepted = ATTRIBUTES.get(key)
    if key == KEEP_ALIVE:
        advice = "This program sets the attribute: clients must ask DNS again."
        yield Problem(path, value, "must not be set", advice)
    elif accepted is None:
        yield unknown_key(path, key, ATTRIBUTES)
    elif isinstance(accepted, range):
        if not value.isdecimal() or int(value) not in accepted:
            bounds = f"from {accepted.start} to {accepted.stop - 1}"
            yield Problem(path, value, f"must be a whole number {bounds}")
    elif accepted and value not in accepted:
        yield Problem(path, value, f"must be one of {', '.join(accepted)}")


def _logs(settings: Settings, _: str) -> Iterator[Problem]:
    """A load balancer writes its logs to a bucket of its own region."""
    shared = settings.ingress.load_balancer.attributes
    for kind in LOGS:
        enabled, bucket = f"{kind}.s3.enabled", f"{kind}.s3.bucket"
        if bucket in shared and len(settings.regions) > 1:
            advice = "A load balancer accepts only a bucket of its region."
            requirement = "must be set for each region, in regions[].loadBalancer.attributes"
            yield Problem((*SHARED, "attributes", bucket), shared[bucket], requirement, advice)
            continue
        for path, region in _regions(settings):
            own = settings.load_balancer_of(region).attributes
            if own.get(enabled) == "true" and bucket not in own:
                where = (*path, "attributes", bucket)
                yield Problem(where, NO_VALUE, f"missing (required when {enabled} is true)")


def _regions(settings: Settings) -> Iterator[tuple[Path, Region]]:
    for index, region in enumerate(settings.regions):
        yield ("regions", index, "loadBalancer"), region


def _shown(own: LoadBalancer) -> dict[str, Any]:
    return own.model_dump(mode="json", by_alias=True, exclude_defaults=True)


_CLASS = ("ingress.className", "ingress.controller", "regions[=].endpoint", "regions[=].ingressClass")
_TYPES = ("ingress.loadBalancer.ipAddressType", "regions[*].loadBalancer.ipAddressType")

RULES = (
    Rule(_readers, _CLASS),
    Rule(_of_regions, ("regions[=].name",)),
    Rule(_addresses, _TYPES),
    Rule(_attributes),
    Rule(_logs, ("ingress.loadBalancer", "regions[*].loadBalancer", "regions[]")),
)
