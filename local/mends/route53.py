"""Route53: changes are judged as Route53 judges them, and listings go on where the page before ended.

moto takes most record sets that Route53 refuses, and refuses to make one again that was deleted. Its pages
tell no set identifier to go on from, and it ignores the one that is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any

from moto.core.responses import ActionResult
from moto.route53.exceptions import InvalidInput, Route53ClientError
from moto.route53.models import FakeZone, RecordSet, Route53Backend, reverse_domain_name
from moto.route53.responses import Route53

from plan.record_sets import canonical
from plan.route53 import Rejected, Zone

_changing = Lock()


def mend() -> None:
    Route53Backend.change_resource_record_sets = _change_resource_record_sets  # type: ignore[method-assign]
    Route53.list_resource_record_sets = _list_resource_record_sets  # type: ignore[method-assign]


def _change_resource_record_sets(
    self: Route53Backend, zoneid: str, change_list: list[dict[str, Any]]
) -> None:
    with _changing:
        zone = self.get_hosted_zone(zoneid)
        judge = vars(zone).get("judge") or _judge(self, zone)
        try:
            judge.change(*((change["Action"], change["ResourceRecordSet"]) for change in change_list))
        except Rejected as refused:
            raise Route53ClientError("InvalidChangeBatch", f"[{refused}]") from refused
        zone.rrsets = [_as_moto_has_it(record) for record in judge.record_sets]


def _judge(backend: Route53Backend, zone: FakeZone) -> Zone:
    """Begins with the records that moto gives a new zone, and stays with the zone."""
    first = [
        {"Name": one.name, "Type": one.type, "TTL": one.ttl, "ResourceRecords": one.resource_records}
        for one in zone.rrsets
    ]
    there = backend.zones, backend.health_checks
    judge = Zone(first, zone.resource_id, name=zone.name, zones=there[0], health_checks=there[1])
    vars(zone)["judge"] = judge
    return judge


def _as_moto_has_it(record: Mapping[str, Any]) -> RecordSet:
    values = [one["Value"] for one in record.get("ResourceRecords") or ()]
    told = {**record, "Name": f"{canonical(record['Name'])}.", "ResourceRecords": values}
    return RecordSet(told)  # type: ignore[abstract]


def _list_resource_record_sets(self: Route53) -> ActionResult:
    type_, name, limit = (
        self._get_param("StartRecordType") or "",
        self._get_param("StartRecordName") or "",
        self._get_int_param("MaxItems", 300),
    )
    if type_ and not name:
        raise InvalidInput("The input is not valid")
    start = (reverse_domain_name(name), type_, self._get_param("StartRecordIdentifier") or "")
    zone = self.backend.get_hosted_zone(self._get_param("HostedZoneId"))
    found = [one for one in sorted(zone.rrsets, key=_position) if _position(one) >= start]
    told = {"ResourceRecordSets": found[:limit], "IsTruncated": len(found) > limit, "MaxItems": limit}
    if len(found) > limit:
        following = found[limit]
        told |= {"NextRecordName": following.name, "NextRecordType": following.type}
        told |= {"NextRecordIdentifier": following.set_identifier} if following.set_identifier else {}
    return ActionResult(told)


def _position(record: RecordSet) -> tuple[str, str, str]:
    return reverse_domain_name(record.name), str(record.type), record.set_identifier or ""
