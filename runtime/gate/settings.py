"""What a gate is told: by its ConfigMap, which may change while it runs, and by its environment, which may
not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime.ports import GATE_PORT

SETTINGS_FILE = "settings.json"


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Which checkpoints stay: all of the last hours, then one an hour, then one a day."""

    all_hours: int = 1
    hourly_hours: int = 24
    daily_days: int = 30


@dataclass(frozen=True, kw_only=True)
class GateSettings:
    """The ConfigMap `runtime-<component>-<region>`, read again each round."""

    region: str
    namespace: str
    component: str
    """`brain` or `agent`."""
    order: tuple[str, ...]
    """The company's regions as they take over from each other; the first that is not flagged serves."""
    follows: tuple[str, ...]
    """Regions whose memory this one takes over; empty: a memory of its own."""
    ranked: bool
    """Whether memories rank by generation (policy failover). Else a followed region's always wins."""
    buckets: Mapping[str, str]
    """Each region of the company to its bucket; empty: no replication."""
    replicas: int = 1
    sync_interval: int = 60
    """Seconds between two copies."""
    bandwidth_limit: str = "off"
    """As rclone takes it (`--bwlimit`)."""
    transfers: int = 4
    retention: Retention = Retention()
    endpoint: str | None = None
    """URL of an S3 API other than AWS's: the local target's."""

    @property
    def prefix(self) -> str:
        """Where this gate writes, in any bucket."""
        return prefix_of(self.region, self.namespace, self.component)


def prefix_of(region: str, namespace: str, component: str) -> str:
    return f"{region}/{namespace}/{component}"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What only a new pod can change."""

    volume: Path
    """Where the replicated volume is mounted."""
    settings: Path
    """Folder of the ConfigMap with SETTINGS_FILE (and, for an Agent, `mcp.serving.json`,
    `mcp.standby.json`).
    """
    flags: Path
    """Folder of the ConfigMap `failed-regions`; it may be empty or absent."""
    rclone: Path
    application: str
    """URL of the application's own health."""
    work: Path | None
    """The Agent's working folder, into which `mcp.json` is written; None for a Brain."""
    port: int
    ordinal: int
    """Of the pod in its StatefulSet. Only 0 replicates."""


def load_settings(folder: Path) -> GateSettings:
    """Raises OSError, ValueError or KeyError when the ConfigMap is not there or not what it should be."""
    told = json.loads((folder / SETTINGS_FILE).read_text())
    retention = told.get("retention", {})
    return GateSettings(
        region=told["region"],
        namespace=told["namespace"],
        component=told["component"],
        order=tuple(told["order"]),
        follows=tuple(told["follows"]),
        ranked=told["ranked"],
        buckets=dict(told["buckets"]),
        replicas=told.get("replicas", 1),
        sync_interval=told["syncInterval"],
        bandwidth_limit=told.get("bandwidthLimit", "off"),
        transfers=told.get("transfers", 4),
        retention=Retention(
            all_hours=retention.get("allHours", 1),
            hourly_hours=retention.get("hourlyHours", 24),
            daily_days=retention.get("dailyDays", 30),
        ),
        endpoint=told.get("endpoint"),
    )


def environment() -> Environment:
    """Raises KeyError naming the variable that is missing."""
    work = os.environ.get("GATE_WORK")
    return Environment(
        volume=Path(os.environ["GATE_VOLUME"]),
        settings=Path(os.environ["GATE_SETTINGS"]),
        flags=Path(os.environ["GATE_FLAGS"]),
        rclone=Path(os.environ["GATE_RCLONE"]),
        application=os.environ["GATE_APPLICATION"],
        work=Path(work) if work else None,
        port=int(os.environ.get("GATE_PORT", GATE_PORT)),
        ordinal=int(os.environ["POD_NAME"].rpartition("-")[2]),
    )
