"""Which regions are flagged, and what that makes of this one."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from pathlib import Path

from runtime import flags
from runtime.gate.settings import GateSettings


class Role(StrEnum):
    SERVING = "serving"
    """Every region before this one is flagged, and this one is not: clients are sent here."""
    STANDBY = "standby"


def read_flags(folder: Path) -> frozenset[str]:
    """The flagged regions: exact names, one a line. None without the ConfigMap, its key or any line."""
    try:
        return flags.parse((folder / flags.KEY).read_text())
    except FileNotFoundError:
        return frozenset()


def role_of(settings: GateSettings, flagged: Collection[str]) -> Role:
    """The region's role among the company's regions: one serves, as far as this cluster's flags tell."""
    before = settings.order[: settings.order.index(settings.region)]
    if settings.region in flagged or any(region not in flagged for region in before):
        return Role.STANDBY
    return Role.SERVING
