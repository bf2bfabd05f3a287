"""The configuration of a gate: its ConfigMap, which may change while it runs, and its environment
variables."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime.ports import GATE_PORT

CONFIG_FILE = "settings.json"
COMPONENTS = ("agent", "brain")
INVALID = (OSError, ValueError, KeyError, TypeError, AttributeError)
"""What `load_config` and `check` raise when the ConfigMap is missing or invalid."""


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Which checkpoints stay: all of the last hours, then one an hour, then one a day."""

    all_hours: int = 1
    hourly_hours: int = 24
    daily_days: int = 30


@dataclass(frozen=True, kw_only=True)
class GateConfig:
    """The ConfigMap `runtime-<component>-<region>`, read again each round."""

    region: str
    namespace: str
    component: str
    """`brain` or `agent`."""
    order: tuple[str, ...]
    """The company's regions by priority, highest first; the first that is not flagged is primary."""
    follows: tuple[str, ...]
    """Regions whose snapshots this one takes over; empty: an active region with files of its own."""
    ranked: bool
    """Whether snapshots rank by generation (policy failover). Else a followed region's always wins."""
    buckets: Mapping[str, str]
    """Each region of the company to its bucket; empty: no replication."""
    replicas: int = 1
    sync_interval: int = 60
    """Seconds between two uploads."""
    bandwidth_limit: str = "off"
    """In the syntax of rclone's `--bwlimit`."""
    transfers: int = 4
    retention: Retention = Retention()
    endpoint: str | None = None
    """URL of an S3 API other than AWS's: the local target's."""

    def check(self) -> GateConfig:
        """Raises ValueError naming each invalid key, the value found and the values allowed."""
        own_bucket = not self.buckets or self.region in self.buckets
        rules = {
            "region": (self.region, self.region in self.order, f"must be one of {self.order}"),
            "component": (
                self.component,
                self.component in COMPONENTS,
                f"must be one of {', '.join(COMPONENTS)}",
            ),
            "syncInterval": (self.sync_interval, _positive(self.sync_interval), "must be seconds above 0"),
            "replicas": (self.replicas, _positive(self.replicas), "must be a number above 0"),
            "transfers": (self.transfers, _positive(self.transfers), "must be a number above 0"),
            "buckets": (self.buckets, own_bucket, f"must be empty, or have one for {self.region} too"),
        }
        invalid = [
            f"{key}: {rule}, got {value!r}" for key, (value, valid, rule) in rules.items() if not valid
        ]
        if invalid:
            raise ValueError("; ".join(invalid))
        return self


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What only a new pod can change."""

    volume: Path
    """Where the replicated volume is mounted."""
    config: Path
    """Folder of the ConfigMap with CONFIG_FILE (and, for an Agent, `mcp.serving.json`,
    `mcp.standby.json`)."""
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


def load_config(folder: Path) -> GateConfig:
    """Raises INVALID when the ConfigMap is missing or malformed."""
    content = json.loads((folder / CONFIG_FILE).read_text())
    retention = content.get("retention", {})
    return GateConfig(
        region=content["region"],
        namespace=content["namespace"],
        component=content["component"],
        order=tuple(content["order"]),
        follows=tuple(content["follows"]),
        ranked=content["ranked"],
        buckets=dict(content["buckets"]),
        replicas=content.get("replicas", 1),
        sync_interval=content["syncInterval"],
        bandwidth_limit=content.get("bandwidthLimit", "off"),
        transfers=content.get("transfers", 4),
        retention=Retention(
            all_hours=retention.get("allHours", 1),
            hourly_hours=retention.get("hourlyHours", 24),
            daily_days=retention.get("dailyDays", 30),
        ),
        endpoint=content.get("endpoint"),
    )


def environment() -> Environment:
    """Raises KeyError naming the variable that is missing."""
    work = os.environ.get("GATE_WORK")
    return Environment(
        volume=Path(os.environ["GATE_VOLUME"]),
        config=Path(os.environ["GATE_SETTINGS"]),
        flags=Path(os.environ["GATE_FLAGS"]),
        rclone=Path(os.environ["GATE_RCLONE"]),
        application=os.environ["GATE_APPLICATION"],
        work=Path(work) if work else None,
        port=int(os.environ.get("GATE_PORT", GATE_PORT)),
        ordinal=int(os.environ["POD_NAME"].rpartition("-")[2]),
    )


def _positive(value: object) -> bool:
    return isinstance(value, int) and value > 0
