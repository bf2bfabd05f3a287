"""Route53: changes are validated as Route53 does, and each page of a listing continues the page before.

moto accepts most record sets that Route53 rejects, and rejects a record set that is created again after its
deletion. Its listings neither return nor accept the set identifier where the next page starts.
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


def apply() -> None:
    Route53Backend.change_resource_record_sets = _change_resource_record_sets  # type: ignore[method-assign]
    Route53.list_resource_record_sets = _list_resource_record_sets  # type: ignore[method-assign]


def _change_resource_record_sets(
    self: Route53Backend, zoneid: str, change_list: list[dict[str, Any]]
) -> None:
    with _changing:
        zone = self.get_hosted_zone(zoneid)
        model = vars(zone).get("model") or _model(self, zone)
        try:
            model.change(*((change["Action"], change["ResourceRecordSet"]) for change in change_list))
        except Rejected as error:
            raise Route53ClientError("InvalidChangeBatch", f"[{error}]") from error
        zone.rrsets = [_moto_record_set(record) for record in model.record_sets]


def _model(backend: Route53Backend, zone: FakeZone) -> Zone:
    """A model of the zone, stored with the zone, with the records that moto gives a new zone."""
    initial = [
        {
            "Name": record.name,
            "Type": record.type,
            "TTL": record.ttl,
            "ResourceRecords": record.resource_records,
        }
        for record in zone.rrsets
    ]
    zones, health_checks = backend.zones, backend.health_checks
    model = Zone(initial, zone.resource_id, name=zone.name, zones=zones, health_checks=health_checks)
    vars(zone)["model"] = model
    return model


def _moto_record_set(record: Mapping[str, Any]) -> RecordSet:
    values = [each["Value"] for each in record.get("ResourceRecords") or ()]
    fields = {**record, "Name": f"{canonical(record['Name'])}.", "ResourceRecords": values}
    return RecordSet(fields)  # type: ignore[abstract]


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
    records = [record for record in sorted(zone.rrsets, key=_position) if _position(record) >= start]
    page = {"ResourceRecordSets": records[:limit], "IsTruncated": len(records) > limit, "MaxItems": limit}
    if len(records) > limit:
        following = records[limit]
        page |= {"NextRecordName": following.name, "NextRecordType": following.type}
        page |= {"NextRecordIdentifier": following.set_identifier} if following.set_identifier else {}
    return ActionResult(page)


def _position(record: RecordSet) -> tuple[str, str, str]:
    return reverse_domain_name(record.name), str(record.type), record.set_identifier or ""
