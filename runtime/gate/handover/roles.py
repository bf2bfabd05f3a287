"""Which regions are flagged as failed, and the role that this gives to the gate's region."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from pathlib import Path

from runtime import flags
from runtime.contracts.gate import GateConfig


class Role(StrEnum):
    """The values are those of metrics, `/health` and the ConfigMap's keys `mcp.<role>.json`."""

    PRIMARY = "serving"
    """Every region of higher priority is flagged, and this one is not: clients are sent here."""
    STANDBY = "standby"


def read_flags(folder: Path) -> frozenset[str]:
    """The flagged regions. None without the ConfigMap, its key or any line."""
    try:
        return flags.parse((folder / flags.KEY).read_text())
    except FileNotFoundError:
        return frozenset()


def role_of(config: GateConfig, flagged: Collection[str]) -> Role:
    """By this cluster's flags: one of the company's regions is primary."""
    before = config.order[: config.order.index(config.region)]
    if config.region in flagged or any(region not in flagged for region in before):
        return Role.STANDBY
    return Role.PRIMARY
