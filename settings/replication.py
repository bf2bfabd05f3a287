"""The keys under `replication`: backups of the volumes, and buckets."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from settings.values import Bandwidth, Flag, HttpUrl, Model, Whole


class Retention(Model):
    """Which checkpoints of a volume are kept: all, then the newest of each hour, then of each day."""

    all_hours: Whole = Field(default=1, ge=1, le=168, description="Hours for which all are kept. Default: 1.")
    hourly_hours: Whole = Field(
        default=24, ge=1, le=8784, description="Hours for which one per hour is kept. Default: 24."
    )
    daily_days: Whole = Field(
        default=30, ge=1, le=3660, description="Days for which one per day is kept. Default: 30."
    )


class LockMode(StrEnum):
    GOVERNANCE = "governance"
    COMPLIANCE = "compliance"


class ObjectLock(Model):
    """S3 Object Lock of the buckets: nobody deletes or overwrites a version before its time is over."""

    mode: LockMode = Field(
        description="governance: principals with s3:BypassGovernanceRetention may still delete;"
        " compliance: nobody may, the account's root user included."
    )
    days: Whole = Field(
        ge=1, le=3660, description="Days from the upload; at least those for which checkpoints are kept."
    )


class Replication(Model):
    """Backups of the volumes to one bucket per region, and replication between the buckets."""

    enabled: Flag = Field(default=True, description="false: no buckets and no backups. Default: true.")
    sync_interval: Whole = Field(
        default=60, ge=5, le=86400, description="Seconds between two uploads. Default: 60."
    )
    delete_markers: Flag = Field(
        default=False, description="Replicate deletions to other buckets (as markers). Default: false."
    )
    metrics: Flag = Field(
        default=True, description="S3 reports each rule's lag to CloudWatch. Default: true."
    )
    time_control: Flag = Field(
        default=False,
        description="S3 Replication Time Control (15 minutes, extra cost); requires metrics. Default: false.",
    )
    bandwidth_limit: Bandwidth = Field(
        default="off", description="Limit for each volume, in bytes per second such as 10M. Default: off."
    )
    transfers: Whole = Field(
        default=4, ge=1, le=64, description="Files of a volume that are transferred at a time. Default: 4."
    )
    retention: Retention = Field(
        default=Retention(), description="Which checkpoints are kept, for a restore to a point in time."
    )
    object_lock: ObjectLock | None = Field(
        default=None,
        description="S3 Object Lock: versions that nobody can delete. It cannot be removed from a bucket."
        " Default: none.",
    )
    endpoint: HttpUrl | None = Field(
        default=None, description="Only in the stack `local`: an S3 API instead of AWS's. Default: AWS's."
    )
