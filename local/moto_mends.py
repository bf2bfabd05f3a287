"""Mends of moto 5.2.5, for whichever process serves it.

`GetBucketReplication` answers with the filter and the delete markers that were put: moto keeps both, but
answers with an empty prefix and `Disabled` whatever they are. And a record that is deleted by its set
identifier takes no other name's records with it, as it does in moto. And a listing of records begins at the
set identifier that was asked for, which moto ignores. And a bucket whose policy asks for TLS
can be used: here the connection never leaves the machine, and moto would refuse every call, TLS or not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from threading import Lock
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.route53.models import Route53Backend
from moto.route53.responses import Route53
from moto.s3.exceptions import ReplicationConfigurationNotFoundError
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

_changing = Lock()
_ASKS_FOR_TLS = {"Bool": {"aws:SecureTransport": "false"}}
_moto_change = Route53Backend.change_resource_record_sets
_moto_list = Route53.list_resource_record_sets
_ALL = 1_000_000


def mend() -> None:
    """Mend the moto of this process."""
    S3Response.get_bucket_replication = _get_bucket_replication  # type: ignore[method-assign]
    FakeBucket.get_permission = _get_permission  # type: ignore[method-assign]
    Route53Backend.change_resource_record_sets = _change_resource_record_sets  # type: ignore[method-assign]
    Route53.list_resource_record_sets = _list_resource_record_sets  # type: ignore[method-assign]


def _get_bucket_replication(self: S3Response) -> Any:
    self.data["Action"] = "GetBucketReplication"
    found = self.backend.get_bucket_replication(self.bucket_name)
    if not found:
        raise ReplicationConfigurationNotFoundError(bucket_name=self.bucket_name)
    told = {"Role": found["Role"], "Rules": found["Rule"]}
    return self.serialized(ActionResult({"ReplicationConfiguration": told}))


def _get_permission(self: FakeBucket, action: str, resource: str) -> PermissionResult:
    if self.policy is None:
        return PermissionResult.NEUTRAL
    policy = json.loads(self.policy)
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    judged = [one for one in statements if one.get("Condition") != _ASKS_FOR_TLS or one["Effect"] != "Deny"]
    return IAMPolicy(json.dumps({**policy, "Statement": judged})).is_action_permitted(action, resource)


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
