"""Tells a bucket that an interrupted run created from one that was kept when it left the stack.

The engine does not remember a resource whose creation was interrupted, and S3 cannot create a bucket
together with a tag. So a parameter of SSM in the emulator says that a bucket is being created: from before
its creation until the engine has recorded the bucket, that is when a part of the bucket is created, or when
the run ends.
"""

from __future__ import annotations

import threading

from local.aws.emulator import REGION
from local.aws.provider.api import ApiError, AwsApi, Client
from local.machine.files import LocalError

BUCKET = "aws:s3/bucket:Bucket"
_PARAMETER = "/digital-agency/creating-bucket/"


class BucketCreations:
    """The creations of buckets that the engine may not have recorded yet."""

    def __init__(self, api: AwsApi) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._created, self._recorded = set[str](), set[str]()

    def interrupted(self, s3: Client, bucket: str) -> bool:
        """Whether an interrupted run created the bucket. Raises LocalError when the bucket was kept."""
        try:
            s3.send("head_bucket", {"Bucket": bucket})
            self._ssm().send("get_parameter", {"Name": _PARAMETER + bucket})
        except ApiError as error:
            if error.code == "ParameterNotFound":
                raise LocalError(
                    f"bucket {bucket} was kept from before; add `adopt: true` to regions[name={s3.region}]"
                    " in the stack file"
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
        """The engine gets the answer now: at the run's end it has recorded the bucket."""
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
        """The run has ended in an orderly way."""
        for bucket in sorted(self._created):
            self.record(bucket)

    def _ssm(self) -> Client:
        return self._api.client("ssm", REGION)
