"""The limits of a drill's spans, from the settings."""

from __future__ import annotations

from dataclasses import dataclass

from plan.accelerators import LEAVING_SECONDS
from plan.edges import TARGET_CHECK_SECONDS, TARGET_CHECKS
from plan.records import KEPT_ANSWER_SECONDS
from settings import Settings
from settings.models import Manager

SLACK_SECONDS = 4
"""For the duration of a round, of a patch and of an observation."""
READINESS_SECONDS = 7
"""From a flag to the endpoints: a probe's period, and the time until Kubernetes has updated them."""
REGISTRATION_SECONDS = TARGET_CHECKS * TARGET_CHECK_SECONDS + 15 + 3
"""From ready containers to the pod's endpoint behind a load balancer of AWS: checks of the new target; the
controller asks every 15 s whether they passed (source: AWS Load Balancer Controller,
`--targetgroupbinding-requeue-duration`); registration and the endpoint's update."""
CHECKS_SECONDS = 10
"""From a health path's 503 to Route53's other answer: each of its checkers has asked once more."""
UPLOAD_SECONDS = 30
"""Beyond `syncInterval`: for an upload, and for replication where it is nearly immediate."""
S3_SECONDS = 15 * 60
"""The same with S3's usual quarter of an hour for replication."""
MOVE_SECONDS = 300
"""For deletions, new volumes, the restored snapshots and the start of the pods."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """In seconds."""

    flag: float
    """From the outage to the flag."""
    endpoints: float
    """From the outage until no endpoint is ready."""
    gap: float
    """Without an answer, for a client that caches nothing."""
    kept: float
    """Without an answer, for a client that has kept a DNS answer since just before the outage."""
    clear: float
    """From workloads that answer to the end of the flag, without hold-down."""
    back: float
    """From there until endpoints are ready again, without hold-down."""
    age: float
    """Of the memory found elsewhere, when the outage begins."""
    move: float = MOVE_SECONDS
    """From the beginning of a company's move to another zone until its workloads answer."""


def limits_of(settings: Settings, region: str, upload: float) -> Limits:
    """At the defaults: 20 s to the flag, 27 s to the endpoints, 30 s without an answer; 62 s with Global
    Accelerator. `upload`: seconds from `syncInterval` to a complete snapshot in the other bucket.
    """
    accelerated = settings.load_balancing.manager is Manager.GLOBAL_ACCELERATOR
    registered = settings.balanced(each for each in settings.regions if each.name == region)
    failover = settings.failover
    slack = failover.timeout_seconds + SLACK_SECONDS
    flag = failover.failure_threshold * failover.interval_seconds + slack
    clear = failover.recovery_threshold * failover.interval_seconds + slack
    return Limits(
        flag=flag,
        endpoints=flag + READINESS_SECONDS,
        gap=flag + (LEAVING_SECONDS if accelerated else CHECKS_SECONDS),
        kept=flag + LEAVING_SECONDS if accelerated else KEPT_ANSWER_SECONDS,
        clear=clear,
        back=clear + READINESS_SECONDS + (REGISTRATION_SECONDS if registered else 0),
        age=settings.replication.sync_interval + upload,
    )
