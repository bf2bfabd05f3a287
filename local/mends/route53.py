"""Route53: deletions and listings by set identifier.

A record that is deleted by its set identifier takes no other name's records with it, as it does in moto. A
listing of records begins at the set identifier that was asked for, which moto ignores.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any

from moto.core.responses import ActionResult
from moto.route53.models import Route53Backend
from moto.route53.responses import Route53

_changing = Lock()
_moto_change = Route53Backend.change_resource_record_sets
_moto_list = Route53.list_resource_record_sets
_ALL = 1_000_000


def mend() -> None:
    Route53Backend.change_resource_record_sets = _change_resource_record_sets  # type: ignore[method-assign]
    Route53.list_resource_record_sets = _list_resource_record_sets  # type: ignore[method-assign]


def _change_resource_record_sets(
    self: Route53Backend, zoneid: str, change_list: list[dict[str, Any]]
) -> None:
    deleted = {_key(change["ResourceRecordSet"]) for change in change_list if change["Action"] == "DELETE"}
    with _changing:
        zone = self.get_hosted_zone(zoneid)
        before = {(one.name, one.type, one.set_identifier): one for one in zone.rrsets}
        _moto_change(self, zoneid, change_list)
        left = {(one.name, one.type, one.set_identifier) for one in zone.rrsets}
        zone.rrsets += [one for key, one in before.items() if key not in left and key not in deleted]


def _list_resource_record_sets(self: Route53) -> ActionResult:
    identifier, limit = self._get_param("StartRecordIdentifier"), self._get_int_param("MaxItems", 300)
    if not identifier:
        return _moto_list(self)
    zone, type_, name = map(self._get_param, ("HostedZoneId", "StartRecordType", "StartRecordName"))
    start = (name.rstrip(".") + ".", type_)
    listed = self.backend.list_resource_record_sets(zone, type_, name, _ALL)[0]
    own = {one.set_identifier or "": one for one in listed if (one.name, one.type) == start}
    found = [own[one] for one in sorted(own) if one >= identifier] + listed[len(own) :]
    more = found[limit] if len(found) > limit else None
    following = {"NextRecordName": more.name, "NextRecordType": more.type} if more else {}
    told = {"ResourceRecordSets": found[:limit], "IsTruncated": more is not None, "MaxItems": limit}
    return ActionResult({**told, **following})


def _key(record_set: Mapping[str, Any]) -> tuple[str, str, str | None]:
    return record_set["Name"].rstrip(".") + ".", record_set["Type"], record_set.get("SetIdentifier")
