"""Whether external-dns can change a zone's live records to those that the settings need.

Each cluster's external-dns changes only its own records, in one batch, and retries until Route53 accepts the
batch. Route53 checks a batch together with the other clusters' records. So Route53 rejects a change of the
routing policy, or of the primary region, for ever: each instance waits for the others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from plan.accelerators import ACCELERATORS
from plan.external_dns import routing
from plan.record_sets import RecordSet, canonical
from plan.records import CompanyRoute, RegionRoute, RoutingPolicy
from plan.route53 import Key, key_of, rejections

NAME_TYPES = ("A", "AAAA", "CNAME")
_OURS = ("._tree.", ACCELERATORS)
"""In the targets of companies' names: those of manager route53, and of global-accelerator."""


def is_ours(record: RecordSet) -> bool:
    """Whether this program created a company's record: then `pulumi up` moves or deletes it."""
    alias = record.get("AliasTarget") or {"DNSName": ""}
    return record["Type"] == "CNAME" and any(part in canonical(alias["DNSName"]) for part in _OURS)


def wanted_records(
    policy: RoutingPolicy,
    company: CompanyRoute,
    regions: Sequence[RegionRoute],
    host: str,
    kinds: Sequence[str],
) -> dict[str, list[RecordSet]]:
    """A company's records by region, of each of these types, with a placeholder for the value."""
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
    """The record types of a name. A change keeps them; a new name has CNAMEs (`--aws-prefer-cname`)."""
    return sorted({record["Type"] for record in live if not is_ours(record)}) or ["CNAME"]


def rejections_for_good(
    live: Sequence[RecordSet], wanted: Mapping[str, Sequence[RecordSet]], clusters: Sequence[Collection[str]]
) -> list[str]:
    """Why Route53 never accepts a cluster's change, in any order; empty if it accepts all changes.

    `live` are the records of one name, `wanted` each region's new records, `clusters` the regions of each
    cluster. A cluster changes and deletes its records of the name in one batch. Records of other regions are
    ignored: their owner deletes them, and Route53 accepts any deletion.
    """
    regions = {region for cluster in clusters for region in cluster}
    state: dict[Key, RecordSet] = {
        key_of(record): record
        for record in live
        if not is_ours(record) and record.get("SetIdentifier") in (None, *regions)
    }
    waiting = list(clusters)
    while waiting:
        rejected: list[tuple[Collection[str], list[str]]] = []
        for cluster in waiting:
            new = {key_of(record): record for region in cluster for record in wanted.get(region, ())}
            after = {key: record for key, record in state.items() if key[2] not in cluster} | new
            if reasons := rejections(list(after.values())):
                rejected.append((cluster, reasons))
            else:
                state = after
        if len(rejected) == len(waiting):
            return list(dict.fromkeys(reason for _, reasons in rejected for reason in reasons))
        waiting = [cluster for cluster, _ in rejected]
    return []
