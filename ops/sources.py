"""The regions that replicate to a region's bucket, by the stack file and by the buckets' rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ops.aws import calling
from ops.errors import WRONG_CALL, OperatorError
from ops.stack import Stack
from plan.iam import bucket_arn

NO_RULES = "ReplicationConfigurationNotFoundError"


@dataclass(frozen=True, kw_only=True)
class Source:
    region: str
    bucket: str
    target: str
    """The bucket to which S3 replicates."""

    @property
    def prefix(self) -> str:
        """Of the objects that its rules replicate: those that the region writes."""
        return f"{self.region}/"


def sources_of(stack: Stack, region: str) -> list[Source]:
    """Regions that replicate to this one. Raises OperatorError."""
    stack.require_replication()
    if region not in stack.regions:
        raise stack.wrong_region(region)
    sources = [
        Source(region=each.name, bucket=stack.bucket(each.name), target=stack.bucket(region))
        for each in stack.settings.regions
        if each.name != region and (each.replicate_to is None or region in each.replicate_to)
    ]
    if not sources:
        raise OperatorError(
            f"--region: no other region of {stack.file} replicates to {region}: see their replicateTo",
            WRONG_CALL,
        )
    return sorted(sources, key=lambda source: source.region)


def require_rule(client: Any, source: Source) -> None:
    """Raises OperatorError without a rule for the target: batch jobs follow the rules."""
    where = f"reading the replication rules of {source.bucket}"
    with calling(where, source.bucket):
        try:
            rules = client.get_bucket_replication(Bucket=source.bucket)["ReplicationConfiguration"]["Rules"]
        except ClientError as error:
            if error.response["Error"]["Code"] != NO_RULES:
                raise
            rules = []
    for rule in rules:
        if rule["Status"] == "Enabled" and rule["Destination"]["Bucket"] == bucket_arn(source.target):
            return
    raise OperatorError(
        f"{where}: no rule replicates to {source.target}: deploy the stack with the new region first (`pulumi"
        " up`)"
    )
