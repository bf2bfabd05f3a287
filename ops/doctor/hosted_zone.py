"""Whether the hosted zone is there, is the domain's, is public, and is the one that the internet asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from clients.dns import DnsError, name_servers
from ops.aws import AwsAccess
from ops.doctor.findings import Finding, code_of, missing, present, reason_of
from ops.stack import Stack
from settings import Settings
from settings.ingress import Scheme

ACCOUNT = "account"


def hosted_zone(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    settings = stack.settings
    if settings.hosted_zone_id is None:
        return
    what = f"hosted zone {settings.hosted_zone_id}"
    try:
        zone = access.zone_client().get_hosted_zone(Id=settings.hosted_zone_id)
    except ClientError as error:
        yield missing(ACCOUNT, what, reason_of(error), _remedy(settings, error))
        return
    name = str(zone["HostedZone"]["Name"]).rstrip(".")
    if settings.domain != name and not settings.domain.endswith(f".{name}"):
        problem = f"it is {name}, which {settings.domain} is not in"
        yield missing(ACCOUNT, what, problem, "set domain or hostedZoneId")
    elif not (zone["HostedZone"].get("Config") or {}).get("PrivateZone"):
        yield present(ACCOUNT, what, name)
        yield from _delegations(zone, name, settings.domain)
    elif reasons := _needs_public(settings):
        problem = f"it is private: {' and '.join(reasons)}"
        yield missing(ACCOUNT, what, problem, f"set hostedZoneId to the public zone of {name}")
    else:
        detail = f"{name}, private: Route53's health checks, which come from the internet, reach no region"
        yield present(ACCOUNT, what, detail)


def _remedy(settings: Settings, error: ClientError) -> str:
    code = code_of(error)
    if code == "NoSuchHostedZone":
        elsewhere = (
            "" if settings.hosted_zone_role_arn else "; for a zone in another account, hostedZoneRoleArn"
        )
        return f"create a zone for {settings.domain} and set hostedZoneId{elsewhere}"
    if settings.hosted_zone_role_arn:
        return f"let these credentials assume {settings.hosted_zone_role_arn}, and that role read the zone"
    return "allow route53:GetHostedZone, or set hostedZoneRoleArn for a zone in another account"


def _needs_public(settings: Settings) -> list[str]:
    reasons = []
    if any(map(settings.needs_certificate, settings.regions)):
        reasons.append("ACM validates certificates in public zones alone")
    if settings.ingress.scheme is not Scheme.INTERNAL:
        reasons.append("clients outside the VPC find no name of it")
    return reasons


def _delegations(zone: Mapping[str, Any], name: str, domain: str) -> Iterator[Finding]:
    """Of the zone, by its parent; and of each name below, down to the domain, which must have none."""
    own = {each.rstrip(".").lower() for each in (zone.get("DelegationSet") or {}).get("NameServers", ())}
    if not own:
        return
    labels = domain.removesuffix(name).split(".")[:-1]
    for first in reversed(range(len(labels) + 1)):
        asked = ".".join((*labels[first:], name))
        what = f"delegation of {asked}"
        try:
            found = name_servers(asked)
        except DnsError as error:
            yield missing(ACCOUNT, what, f"not known: {error}", f"ask by hand: dig +short NS {asked}")
            continue
        if asked == name:
            yield _of_zone(what, name, found, own)
        elif found and found.isdisjoint(own):
            problem = f"it is delegated to {', '.join(sorted(found))}: nobody asks the zone {name} for it"
            remedy = f"delete the NS record of {asked} in {name}, or set hostedZoneId to the zone there"
            yield missing(ACCOUNT, what, problem, remedy)
            return
        else:
            yield present(ACCOUNT, what, f"it is in the zone {name}")


def _of_zone(what: str, name: str, found: set[str], own: set[str]) -> Finding:
    remedy = f"write an NS record for {name} into its parent zone: {', '.join(sorted(own))}"
    if not found:
        return missing(ACCOUNT, what, "the parent zone names no name server", remedy)
    if found.isdisjoint(own):
        problem = f"the parent zone names {', '.join(sorted(found))}, which are not this zone's"
        return missing(ACCOUNT, what, problem, remedy)
    return present(ACCOUNT, what, ", ".join(sorted(found & own)))
