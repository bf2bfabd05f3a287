"""All checks, in the order in which they run. docs/proofs.md has this table, too."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from ops.validation.checks import (
    agent_to_health_monitor,
    answers,
    bucket_prefix,
    health_monitor_to_agent,
    hr_proposal,
    memory,
    network,
    node_restart,
    restart,
    snapshot_in_the_bucket,
    sop_execution,
    staged_in_the_standby,
    stores_and_finds,
    volume_lost,
)
from ops.validation.results import Area


@dataclass(frozen=True)
class Check:
    name: str
    area: Area
    module: ModuleType
    """Has `check(run, target) -> Verdict`, which raises as targets do. Its docstring says what it proves."""
    stores: bool = False
    """Whether it is about what the run stores: nothing may be stored in a standby."""
    needs_cluster: bool = False
    """Whether it takes a PodTarget."""
    destructive: bool = False
    """Whether it disturbs a cluster: it ends or restarts something, or deletes a volume."""
    reads_only: bool = False
    """Whether it leaves every volume and bucket as it is."""

    @property
    def proves(self) -> str:
        return " ".join((self.module.__doc__ or "").partition("\n\n")[0].split())


CHECKS = (
    Check("answers", Area.APPLICATION, answers, reads_only=True),
    Check("stores and finds", Area.APPLICATION, stores_and_finds, stores=True),
    Check("memory", Area.TENANCY, memory, stores=True),
    Check("network", Area.TENANCY, network, needs_cluster=True, reads_only=True),
    Check("agent to health monitor", Area.SIDECARS, agent_to_health_monitor),
    Check("health monitor to agent", Area.SIDECARS, health_monitor_to_agent),
    Check("SOP execution", Area.PILLARS, sop_execution, stores=True),
    Check("HR proposal", Area.PILLARS, hr_proposal, needs_cluster=True),
    Check("snapshot in the bucket", Area.PERSISTENCE, snapshot_in_the_bucket, needs_cluster=True),
    # After the snapshots: they are what it tries to read.
    Check("bucket prefix", Area.TENANCY, bucket_prefix, needs_cluster=True, reads_only=True),
    Check("staged in the standby", Area.PERSISTENCE, staged_in_the_standby, stores=True, needs_cluster=True),
    Check("restart", Area.PERSISTENCE, restart, stores=True, destructive=True),
    Check("node restart", Area.PERSISTENCE, node_restart, stores=True, needs_cluster=True, destructive=True),
    Check("volume lost", Area.PERSISTENCE, volume_lost, stores=True, needs_cluster=True, destructive=True),
)


def markdown() -> str:
    """The table of docs/proofs.md."""
    rows = ["| area | check | what it proves | `--destructive` |", "|---|---|---|---|"]
    for check in CHECKS:
        link = f"[{check.name}](../{check.module.__name__.replace('.', '/')}.py)"
        rows.append(f"| {check.area} | {link} | {check.proves} | {'needed' if check.destructive else ''} |")
    return "\n".join(rows)
