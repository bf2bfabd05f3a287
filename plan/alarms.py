"""The alarms of a stack: the source of the rules for Prometheus and of the runbook's table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One row of the runbook. The texts are Markdown."""

    what: str
    meaning: str
    action: str
    rule: str = ""
    """Name of the rule for Prometheus; empty where no metric of the pods shows it."""
    expression: str = ""
    """In PromQL. `{lag}`: the limit of the lag of uploads in seconds."""
    minutes: int = 0
    """For which the expression must hold."""
    urgent: bool = False
    """Clients or memory may be affected now."""


TAMPERED = "[our copies were tampered with](tampered-copies.md)"
REPLICATION_LATENCY_SECONDS = 900
"""What S3 promises with Replication Time Control, and nearly always does without."""

ALARMS = (
    Alarm(
        what="`agency_copy_lag_seconds` over 3 × `syncInterval`",
        meaning="uploads fall behind: S3, role, or a full volume",
        action="the gate's `/health` says why",
        rule="UploadsBehind",
        expression="agency_copy_lag_seconds > {lag}",
        minutes=2,
    ),
    Alarm(
        what="`agency_loss_guard` is 1",
        meaning="a volume lost a table, most rows of one, or other files with most of the bytes",
        action="[restore or accept](#back-to-a-point-in-time)",
        rule="LossGuard",
        expression="agency_loss_guard == 1",
        urgent=True,
    ),
    Alarm(
        what="`agency_damaged_objects_total` rises",
        meaning="somebody overwrote or deleted objects in the bucket; what the volume has is uploaded again",
        action=TAMPERED,
        rule="ObjectsDamaged",
        expression="increase(agency_damaged_objects_total[15m]) > 0",
        urgent=True,
    ),
    Alarm(
        what="`agency_ignored_checkpoints` over 0",
        meaning="somebody wrote a checkpoint whose name cannot be true, or a gate's clock was wrong; it is"
        " ignored, and deleted after a day",
        action="[the same page](tampered-copies.md)",
        rule="CheckpointsIgnored",
        expression="agency_ignored_checkpoints > 0",
        urgent=True,
    ),
    Alarm(
        what="event `ObjectsReplaced`",
        meaning="uploaded objects had other content; the gate uploaded them again",
        action="who has the pod's credentials? The bucket has all versions",
        rule="ObjectsReplaced",
        expression='increase(agency_steps_total{{reason="ObjectsReplaced"}}[15m]) > 0',
        urgent=True,
    ),
    Alarm(
        what="`agency_volume_too_small` is 1",
        meaning="a region's newest snapshot, or what a swap has to set aside, does not fit on the volume;"
        " promoted, the region serves older files",
        action="raise the company's `storage` and deploy; the gate's `/health` says how much it needs",
        rule="VolumeTooSmall",
        expression="agency_volume_too_small == 1",
    ),
    Alarm(
        what="`agency_volume_free_bytes` under `agency_snapshot_bytes`",
        meaning="a region needs space for a second snapshot when it takes another region's; data files of"
        " tables that both have are stored once",
        action="raise `storage` before it is needed",
        rule="VolumeFillsUp",
        expression="agency_volume_free_bytes < agency_snapshot_bytes",
        minutes=15,
    ),
    Alarm(
        what="`agency_files_left_out` is over 0",
        meaning="files cannot be read, or change too fast for the free space",
        action="`/health` names them: correct their mode, shorten their path, or make space",
        rule="FilesLeftOut",
        expression="agency_files_left_out > 0",
        minutes=5,
    ),
    Alarm(
        what="`agency_diverged_unsent` is 1",
        meaning="files below `diverged/` are on the volume alone",
        action="`/health` says why",
        rule="DivergedUnsent",
        expression="agency_diverged_unsent == 1",
        minutes=5,
    ),
    Alarm(
        what="`agency_volume_in_use` is 1",
        meaning="another process writes to the volume; this pod is not ready",
        action="`/health` names its host; delete a pod that its lost node still runs",
        rule="VolumeInUse",
        expression="agency_volume_in_use == 1",
        minutes=1,
        urgent=True,
    ),
    Alarm(
        what="a pod's init container `restore` fails",
        meaning="its log has the reason: a bucket that does not answer, no complete checkpoint, a full"
        " volume",
        action="the bucket, [restore](#back-to-a-point-in-time), or `accept-shrink --empty`",
        rule="RestoreFails",
        expression='increase(kube_pod_init_container_status_restarts_total{{container="restore"}}[15m]) > 0',
        urgent=True,
    ),
    Alarm(
        what="`agency_diverged_total` rises",
        meaning="two regions wrote; one region's files were set aside",
        action="look into `diverged/`",
        rule="Diverged",
        expression="increase(agency_diverged_total[15m]) > 0",
    ),
    Alarm(
        what="`agency_alarm` is 1",
        meaning="a standby was written to without a promotion",
        action="find who reached it",
        rule="StandbyWritten",
        expression="agency_alarm == 1",
        urgent=True,
    ),
    Alarm(
        what="`agency_controller_flagged`",
        meaning="a region is flagged as failed",
        action="[when something fails](failover.md)",
        rule="RegionFlagged",
        expression="agency_controller_flagged > 0",
        urgent=True,
    ),
    Alarm(
        what="`agency_controller_pending_namespaces` stays over 0",
        meaning="flags do not reach a company",
        action="the controller's log says why",
        rule="FlagsPending",
        expression="agency_controller_pending_namespaces > 0",
        minutes=3,
        urgent=True,
    ),
    Alarm(
        what="`agency_controller_api_away` stays 1",
        meaning="the controller cannot read its API server",
        action="the cluster's control plane",
        rule="ApiAway",
        expression="agency_controller_api_away == 1",
        minutes=2,
    ),
    Alarm(
        what="`agency_controller_sample_disagrees` is 1 for 2 minutes",
        meaning="the probed companies of a region say something else than the others: many companies fail,"
        " or some try to move or hold a region",
        action="[what one company can do](hostile-company.md); `/status` names who fails",
        rule="SampleDisagrees",
        expression="agency_controller_sample_disagrees == 1",
        minutes=2,
        urgent=True,
    ),
    Alarm(
        what="`agency_controller_unknown` is 1 for 3 minutes",
        meaning="too few companies have answered this controller since its start",
        action="network policies, DNS of the cluster, or the region is dead",
        rule="NothingKnown",
        expression="agency_controller_unknown == 1",
        minutes=3,
    ),
    Alarm(
        what="`agency_controller_settings_bad` is 1",
        meaning="the controller cannot read its settings or its Secret, and uses the last ones",
        action="the log's line `settings-unreadable`",
        rule="SettingsUnreadable",
        expression="agency_controller_settings_bad == 1",
        minutes=2,
    ),
    Alarm(
        what="no replica has `agency_controller_leading`",
        meaning="nobody sets flags",
        action="`kubectl -n digital-agency-system get pods`",
        rule="NobodyLeads",
        expression="absent(agency_controller_leading == 1)",
        minutes=1,
        urgent=True,
    ),
    Alarm(
        what="a Route53 health check is unhealthy (CloudWatch)",
        meaning="clients are sent elsewhere",
        action="the stack's page in the Pulumi console has the link",
        urgent=True,
    ),
    Alarm(
        what="S3's replication is 15 minutes behind, or fails (CloudWatch)",
        meaning="another region's copies are old, or lack objects: rights, a KMS key, or an incident of S3",
        action="the rule's metrics in the S3 console; [copy what is missing](#regions) with `ops backfill`",
        urgent=True,
    ),
)

OF_CONTROLLERS = "agency_controller_"
"""Begins the metrics of failover controllers: a stack without failover has none."""


def rules(*, sync_interval: int, controllers: bool) -> list[dict[str, object]]:
    """Alerting rules as Prometheus reads them."""
    return [
        {
            "alert": f"DigitalAgency{alarm.rule}",
            "expr": alarm.expression.format(lag=3 * sync_interval),
            "for": f"{alarm.minutes}m",
            "labels": {"severity": "critical" if alarm.urgent else "warning"},
            "annotations": {"summary": alarm.meaning, "description": alarm.action},
        }
        for alarm in ALARMS
        if alarm.rule and (controllers or OF_CONTROLLERS not in alarm.expression)
    ]
