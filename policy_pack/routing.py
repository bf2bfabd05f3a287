"""DNS names with one owner, and somebody to answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pulumi_policy import PolicyResource, Severity
from pulumi_policy.proxy import UnknownValueError

from policy_pack.writing import Found, Props, metadata, of_the_stack

RECORD = "aws:route53/record:Record"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
REGION = "agency:region:Region"
POLICY_KEYS = (
    "latencyRoutingPolicies",
    "weightedRoutingPolicies",
    "geolocationRoutingPolicies",
    "failoverRoutingPolicies",
)
HOSTNAME = "external-dns.alpha.kubernetes.io/hostname"
SET_IDENTIFIER = "external-dns.alpha.kubernetes.io/set-identifier"


def _owners(resources: Sequence[PolicyResource]) -> Found:
    taken: dict[tuple[str, str, str], PolicyResource] = {}
    policies: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in resources:
        try:
            names = _names(one)
        except UnknownValueError:
            continue  # A certificate's own name, which AWS makes up.
        for name, kind, place, policy in names:
            if (name, kind, place) in taken:
                owner = taken[name, kind, place].name
                yield one, f"the name {name} ({kind}{f', {place}' if place else ''}) is that of {owner}"
            taken[name, kind, place] = one
            policies[name, kind].add(policy)
            if len(policies[name, kind]) > 1:
                yield one, f"the name {name} ({kind}) has records of several policies"


def _names(one: PolicyResource) -> list[tuple[str, str, str, str]]:
    """Name, type, set identifier and policy of each record that a resource makes."""
    if one.resource_type == RECORD:
        props = one.props
        policy = next((key for key in POLICY_KEYS if props.get(key)), "simple")
        return [(_lower(props["name"]), props["type"], props.get("setIdentifier") or "", policy)]
    if one.resource_type == INGRESS:
        annotations: Props = metadata(one.props).get("annotations") or {}
        hosts = str(annotations.get(HOSTNAME) or "").split(",")
        place = str(annotations.get(SET_IDENTIFIER) or "")
        return [(_lower(host), "external-dns", place, "external-dns") for host in hosts if host.strip()]
    return []


def _lower(name: str) -> str:
    return name.strip().rstrip(".").lower()


def _active(resources: Sequence[PolicyResource]) -> Found:
    regions = [one for one in resources if one.resource_type == REGION]
    if regions and not any(one.props.get("active") for one in regions):
        yield regions[0], "none of the regions is active: nobody answers"


POLICIES = (
    of_the_stack(
        "a-name-has-one-owner",
        Severity.HIGH,
        "No two resources make the same DNS record, and all records of a name follow one policy.",
        "Give each company a name of its own; leave records to `plan/dns.py`.",
        _owners,
    ),
    of_the_stack(
        "a-region-is-active",
        Severity.CRITICAL,
        "At least one region of the stack is active.",
        "Say `active: true` of a region in the stack file.",
        _active,
    ),
)
