"""Whether a zone's live records allow the records of the stack file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from ops.aws import AwsAccess
from ops.doctor.findings import Finding, is_absent, missing, present, unknown
from ops.stack import Stack
from plan.edges import edge_name
from plan.live_names import NAME_TYPES, is_ours, kinds_of, rejections_for_good, wanted_records
from plan.names import host_of
from plan.record_sets import RecordSet, canonical
from settings import Settings, clusters_of
from settings.models import Manager
from settings.routes import company_route, region_route

ACCOUNT, WHAT = "account", "live records"
PAGE = "docs/external-dns.md"
_NAMED = 3
"""Names that one finding quotes."""

Names = Mapping[str, Sequence[RecordSet]]
"""Live record sets by their names, of the types that a name has."""


def live_records(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    settings = stack.settings
    route53 = access.zone_client()
    try:
        zone = settings.hosted_zone_id or _public_zone(route53, settings.domain)
        live = _names_in(route53, zone) if zone else {}
    except ClientError as error:
        if not is_absent(error):  # `in_account.hosted_zone` reports it.
            yield unknown(ACCOUNT, WHAT, error, "route53:ListHostedZones and route53:ListResourceRecordSets")
        return
    if not zone:
        problem = f"this account has no public hosted zone for {settings.domain}: nothing was checked"
        yield missing(ACCOUNT, WHAT, problem, "create the zone, or use credentials of its account")
        return
    if settings.load_balancing.manager is Manager.EXTERNAL_DNS:
        yield _finding(dict(_rejected(settings, live)), f"{PAGE}#changes-on-a-live-stack", zone)
    else:
        yield _finding(dict(_conflicts(settings, live)), f"{PAGE}#from-external-dns-to-route53", zone)


def _finding(rejected: Mapping[str, Sequence[str]], page: str, zone: str) -> Finding:
    if not rejected:
        return present(ACCOUNT, WHAT, f"nothing in {zone} conflicts with the stack's names")
    problem = "; ".join(why for reasons in list(rejected.values())[:_NAMED] for why in reasons)
    rest = len(rejected) - _NAMED
    more = f"; and {rest} more names" if rest > 0 else ""
    remedy = f"Route53 rejects this change in one step: first follow {page}"
    return missing(ACCOUNT, WHAT, f"{problem}{more}", remedy)


def _rejected(settings: Settings, live: Names) -> Iterator[tuple[str, list[str]]]:
    """Names whose live records external-dns cannot change into what is wanted, with Route53's reasons."""
    policy, regions = settings.load_balancing.policy, [region_route(region) for region in settings.regions]
    clusters = [{region.name for region in plan.regions} for plan in clusters_of(settings)]
    for company in settings.companies:
        host = host_of(company.namespace, settings.domain)
        records = live.get(host, ())
        wanted = wanted_records(policy, company_route(settings, company), regions, host, kinds_of(records))
        if records and (why := rejections_for_good(records, wanted, clusters)):
            yield host, why


def _conflicts(settings: Settings, live: Names) -> Iterator[tuple[str, list[str]]]:
    """Names that already have a record of somebody else."""
    for company in settings.companies:
        host = host_of(company.namespace, settings.domain)
        if others := [record for record in live.get(host, ()) if not is_ours(record)]:
            yield host, [f"{host} has records that this program did not create: {_kinds(others)}"]
    for region in settings.regions:
        edges = {company.edge for company in settings.companies if region in settings.regions_of(company)}
        for edge in sorted(edges | {1} if not region.endpoint else ()):
            host = edge_name(region.name, edge, settings.domain)
            if others := [each for each in live.get(host, ()) if each["Type"] != "CNAME"]:
                yield host, [f"{host} has records that this program did not create: {_kinds(others)}"]


def _kinds(records: Sequence[RecordSet]) -> str:
    return ", ".join(
        sorted(
            record["Type"] + (f" ({record['SetIdentifier']})" if record.get("SetIdentifier") else "")
            for record in records
        )
    )


def _public_zone(route53: Any, domain: str) -> str | None:
    """The zone that answers for the domain: the one with the longest name."""
    zones = [
        (canonical(zone["Name"]), str(zone["Id"]).removeprefix("/hostedzone/"))
        for page in route53.get_paginator("list_hosted_zones").paginate()
        for zone in page["HostedZones"]
        if not zone["Config"].get("PrivateZone")
    ]
    above = [(len(name), zone) for name, zone in zones if f".{domain}".endswith(f".{name}")]
    return max(above)[1] if above else None


def _names_in(route53: Any, zone: str) -> Names:
    live: defaultdict[str, list[RecordSet]] = defaultdict(list)
    for page in route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone):
        for record in page["ResourceRecordSets"]:
            if record["Type"] in NAME_TYPES:
                live[canonical(record["Name"])].append(record)
    return live
