"""S3: replication rules and bucket policies that require TLS.

GetBucketReplication returns the stored filter and delete marker setting; moto returns an empty prefix and
`Disabled`. A bucket whose policy requires TLS can be used without TLS: connections never leave this machine,
and moto rejects every call to such a bucket.
"""

from __future__ import annotations

import json
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.exceptions import ReplicationConfigurationNotFoundError
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

_WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "false"}}


def apply() -> None:
    S3Response.get_bucket_replication = _get_bucket_replication  # type: ignore[method-assign]
    FakeBucket.get_permission = _get_permission  # type: ignore[method-assign]


def _get_bucket_replication(self: S3Response) -> Any:
    self.data["Action"] = "GetBucketReplication"
    stored = self.backend.get_bucket_replication(self.bucket_name)
    if not stored:
        raise ReplicationConfigurationNotFoundError(bucket_name=self.bucket_name)
    configuration = {"Role": stored["Role"], "Rules": stored["Rule"]}
    return self.serialized(ActionResult({"ReplicationConfiguration": configuration}))


def _get_permission(self: FakeBucket, action: str, resource: str) -> PermissionResult:
    if self.policy is None:
        return PermissionResult.NEUTRAL
    policy = json.loads(self.policy)
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    evaluated = [
        each for each in statements if each.get("Condition") != _WITHOUT_TLS or each["Effect"] != "Deny"
    ]
    return IAMPolicy(json.dumps({**policy, "Statement": evaluated})).is_action_permitted(action, resource)
