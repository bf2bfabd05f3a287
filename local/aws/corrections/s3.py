"""S3: replication rules as they were put, and bucket policies that ask for TLS.

`GetBucketReplication` answers with the filter and the delete markers that were put: moto keeps both, but
answers with an empty prefix and `Disabled` whatever they are. A bucket whose policy asks for TLS can be used:
here the connection never leaves the machine, and moto would refuse every call, TLS or not.
"""

from __future__ import annotations

import json
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.exceptions import ReplicationConfigurationNotFoundError
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

_ASKS_FOR_TLS = {"Bool": {"aws:SecureTransport": "false"}}


def mend() -> None:
    S3Response.get_bucket_replication = _get_bucket_replication  # type: ignore[method-assign]
    FakeBucket.get_permission = _get_permission  # type: ignore[method-assign]


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
