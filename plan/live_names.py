"""Whether a zone's live records can become those that the settings ask for, where external-dns writes them.

Each cluster's external-dns changes its own records alone, in one batch, and tries again until Route53 accepts
it. Route53 judges a batch together with the other clusters' records. So a change of policy, or of who is
primary, is refused for good: each instance waits for the others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from plan.external_dns import routing
from plan.records import CompanyRoute, Policy, RegionRoute
from plan.route53 import Key, RecordSet, canonical, key_of, refusals

NAME_TYPES = ("A", "AAAA", "CNAME")
_TREES = "._tree."


def is_ours(record: RecordSet) -> bool:
    """Whether this program made a company's record, with manager route53: then `pulumi up` deletes it."""
    alias = record.get("AliasTarget") or {"DNSName": ""}
    return record["Type"] == "CNAME" and _TREES in canonical(alias["DNSName"])


def wanted_records(
    policy: Policy, company: CompanyRoute, regions: Sequence[RegionRoute], host: str, kinds: Sequence[str]
) -> dict[str, list[RecordSet]]:
    """A company's records by region, of each of these types: what tells them apart, with a made-up value."""
    known = {region.name: region for region in regions}
    return {
        name: [_record(host, kind, name, routing(policy, known[name], company, regions)) for kind in kinds]
        for name in company.regions
    }


def _record(host: str, kind: str, region: str, policy: dict[str, Any]) -> RecordSet:
    values = [{"Value": host}]
    return {
        "Name": host,
        "Type": kind,
        "SetIdentifier": region,
        "TTL": 1,
        "ResourceRecords": values,
        **policy,
    }


def kinds_of(live: Sequence[RecordSet]) -> list[str]:
    """The record types of a name. A change keeps them; a new name gets CNAMEs (`--aws-prefer-cname`)."""
    return sorted({record["Type"] for record in live if not is_ours(record)}) or ["CNAME"]


def refused_for_good(
    live: Sequence[RecordSet], wanted: Mapping[str, Sequence[RecordSet]], clusters: Sequence[Collection[str]]
) -> list[str]:
    """Why Route53 never accepts one cluster's change, whatever the order; empty if all get through.

    `live` are the records of one name, `wanted` those of each region, `clusters` the regions of each. A
    cluster changes and deletes its records of the name in one batch. Records of a region that is in none of
    them are deleted by whoever made them, which Route53 never refuses.
    """
    regions = {region for cluster in clusters for region in cluster}
    state: dict[Key, RecordSet] = {
        key_of(record): record
        for record in live
        if not is_ours(record) and record.get("SetIdentifier") in (None, *regions)
    }
    waiting = list(clusters)
    while waiting:
        refused: list[tuple[Collection[str], list[str]]] = []
        for cluster in waiting:
            made = {key_of(record): record for region in cluster for record in wanted.get(region, ())}
            after = {key: record for key, record in state.items() if key[2] not in cluster} | made
            if found := refusals(list(after.values())):
                refused.append((cluster, found))
            else:
                state = after
        if len(refused) == len(waiting):
            return list(dict.fromkeys(why for _, found in refused for why in found))
        waiting = [cluster for cluster, _ in refused]
    return []
