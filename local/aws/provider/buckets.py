"""Distinguishes buckets that an interrupted run created from buckets that were retained.

The engine does not record a resource whose creation was interrupted, and S3 cannot create a bucket with tags.
So an SSM parameter in the emulator says that a bucket is being created. The parameter exists until the engine
has recorded the bucket: until another resource of the bucket is created, or the run ends.
"""

from __future__ import annotations

import threading

from local.aws.emulator import REGION
from local.aws.provider.api import ApiError, AwsApi, Client
from local.machine.files import LocalError

BUCKET = "aws:s3/bucket:Bucket"
_PARAMETER = "/digital-agency/creating-bucket/"


class BucketCreations:
    """Created buckets that the engine may not have recorded yet."""

    def __init__(self, api: AwsApi) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._created, self._recorded = set[str](), set[str]()

    def interrupted(self, s3: Client, bucket: str) -> bool:
        """Whether an interrupted run created the bucket. Raises LocalError for a retained bucket."""
        try:
            s3.send("head_bucket", {"Bucket": bucket})
            self._ssm().send("get_parameter", {"Name": _PARAMETER + bucket})
        except ApiError as error:
            if error.code == "ParameterNotFound":
                raise LocalError(
                    f"bucket {bucket} was retained by an earlier deployment; add `adopt: true` to"
                    f" regions[name={s3.region}] in the stack file"
                ) from None
            if error.not_found:
                return False
            raise
        return True

    def begin(self, bucket: str) -> None:
        value = {"Name": _PARAMETER + bucket, "Value": "creating", "Type": "String", "Overwrite": True}
        self._ssm().send("put_parameter", value)
        with self._lock:
            self._recorded.discard(bucket)

    def created(self, bucket: str) -> None:
        """The engine will have recorded the bucket at the end of the run."""
        with self._lock:
            self._created.add(bucket)

    def record(self, bucket: str) -> None:
        """The engine has recorded the bucket."""
        with self._lock:
            if bucket in self._recorded:
                return
            self._recorded.add(bucket)
            self._created.discard(bucket)
        try:
            self._ssm().send("delete_parameter", {"Name": _PARAMETER + bucket})
        except ApiError as error:
            if error.code != "ParameterNotFound":
                raise

    def close(self) -> None:
        """The run has ended in order."""
        for bucket in sorted(self._created):
            self.record(bucket)

    def _ssm(self) -> Client:
        return self._api.client("ssm", REGION)
