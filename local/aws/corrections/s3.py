"""S3: replication rules, Object Lock, and bucket policies that deny something on a condition.

GetBucketReplication returns the stored filter and delete marker setting; moto returns an empty prefix and
`Disabled`. Statements that deny on a condition deny nothing: moto evaluates no conditions and would reject
every call. Here all calls have the same key instead of a role, and no TLS, as they never leave this machine.
Object Lock can be enabled on a bucket that has objects, and locks multipart uploads too.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.exceptions import InvalidBucketState, ReplicationConfigurationNotFoundError
from moto.s3.models import FakeBucket, FakeKey, S3Backend
from moto.s3.responses import S3Response

_moto_complete_multipart_upload = S3Backend.complete_multipart_upload


def apply() -> None:
    FakeBucket.default_retention = _default_retention  # type: ignore[method-assign]
    S3Backend.put_object_lock_configuration = _put_object_lock_configuration  # type: ignore[method-assign]
    S3Backend.complete_multipart_upload = _complete_multipart_upload  # type: ignore[method-assign]
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
    evaluated = [each for each in statements if "Condition" not in each or each["Effect"] != "Deny"]
    return IAMPolicy(json.dumps({**policy, "Statement": evaluated})).is_action_permitted(action, resource)


def _put_object_lock_configuration(
    self: S3Backend,
    bucket_name: str,
    lock_enabled: bool,
    mode: str | None = None,
    days: int | None = None,
    years: int | None = None,
) -> None:
    bucket = self.get_bucket(bucket_name)
    if not bucket.is_versioned:
        raise InvalidBucketState(
            "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        )
    bucket.object_lock_enabled = bucket.object_lock_enabled or lock_enabled
    bucket.default_lock_mode = mode
    bucket.default_lock_days, bucket.default_lock_years = days or None, years or None


def _default_retention(self: FakeBucket) -> str:
    """moto needs both days and years, and answers with both."""
    days = timedelta(days=(self.default_lock_days or 0) + 365 * (self.default_lock_years or 0))
    return f"{datetime.now(UTC) + days:%Y-%m-%dT%H:%M:%SZ}"


def _complete_multipart_upload(
    self: S3Backend, bucket_name: str, *args: Any, **kwargs: Any
) -> FakeKey | None:
    key = _moto_complete_multipart_upload(self, bucket_name, *args, **kwargs)
    bucket = self.get_bucket(bucket_name)
    if key is not None and bucket.has_default_lock:
        key.lock_mode, key.lock_until = bucket.default_lock_mode, bucket.default_retention()
    return key
