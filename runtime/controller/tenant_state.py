"""How far a company's flags are, and what comes next: pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Stage(Enum):
    UNKNOWN = "unknown"
    """The ConfigMap has to be read."""
    WRITTEN = "written"
    """The flags are in the ConfigMap; the pods are not all touched."""
    CURRENT = "current"
    """The pods are touched, too."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Of one company, as far as this leader wrote or read it."""

    stage: Stage = Stage.UNKNOWN
    flags: frozenset[str] = frozenset()
    """Written; without meaning while unknown."""

    def is_current(self, wanted: frozenset[str]) -> bool:
        return self.stage is Stage.CURRENT and self.flags == wanted

    def must_read(self, wanted: frozenset[str]) -> bool:
        """Whether the ConfigMap is read first: others may have changed it. Not when these flags are known
        to be out of date: then the change must not wait."""
        return self.stage is not Stage.CURRENT or self.flags == wanted


class Action(Enum):
    WAIT = "keep the flags and touch the pods: a gate has not acknowledged the flag that is to be cleared"
    WRITE = "write the flags, then touch the pods"
    REMIND = "touch the pods once more: a gate has not acknowledged a flag of a region that answers again"
    TOUCH = "touch the pods that are not touched yet"


def next_action(
    *, present: frozenset[str], wanted: frozenset[str], awaited: bool = False, unacknowledged: bool = False
) -> Action:
    """`present`: the flags in the ConfigMap. `awaited`: the acknowledgement of a flag to be cleared.
    `unacknowledged`: a flag that stays is not acknowledged."""
    if present != wanted:
        return Action.WAIT if awaited and wanted < present else Action.WRITE
    return Action.REMIND if unacknowledged else Action.TOUCH


def may_touch(progress: Progress, wanted: frozenset[str]) -> bool:
    """Not when other flags are wanted since the ConfigMap was written: those are written first."""
    return progress.stage is not Stage.WRITTEN or progress.flags == wanted
