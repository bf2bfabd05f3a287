"""The configuration of a gate: its ConfigMap, which may change while it runs, and its environment
variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from runtime.contracts.gate import CONFIG_FILE, GateConfig
from runtime.ports import GATE_PORT

INVALID = (OSError, ValueError, KeyError, TypeError, AttributeError)
"""What `load_config` and `check` raise when the ConfigMap is missing or invalid."""


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
    replacement: Path | None = None
    """The volume that a pod without AWS credentials fills to be replaced; None: they are not injected."""
    port: int
    ordinal: int
    """Of the pod in its StatefulSet. Only 0 replicates."""


def load_config(folder: Path) -> GateConfig:
    """Raises INVALID when the ConfigMap is missing or malformed."""
    return GateConfig.from_json((folder / CONFIG_FILE).read_text())


def environment() -> Environment:
    """Raises KeyError naming the variable that is missing."""
    work, replacement = os.environ.get("GATE_WORK"), os.environ.get("GATE_REPLACEMENT")
    return Environment(
        volume=Path(os.environ["GATE_VOLUME"]),
        config=Path(os.environ["GATE_SETTINGS"]),
        flags=Path(os.environ["GATE_FLAGS"]),
        rclone=Path(os.environ["GATE_RCLONE"]),
        application=os.environ["GATE_APPLICATION"],
        work=Path(work) if work else None,
        replacement=Path(replacement) if replacement else None,
        port=int(os.environ.get("GATE_PORT", GATE_PORT)),
        ordinal=int(os.environ["POD_NAME"].rpartition("-")[2]),
    )
