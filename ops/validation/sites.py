"""What checks need of a company in a region, wherever it runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds to wait for."""

    answer: float = 30.0
    """Each call of a tool."""
    start: float = 180.0
    """A process, or a pod, until it answers again."""
    metric: float = 60.0
    """A metric, from one container to the other."""
    copy_slack: float = 30.0
    """What a pass may take, beyond the interval (`runtime/gate/snapshot/schedule.py`)."""
    standby: float = 900.0
    """The other region's copy: what AWS promises of replication time control."""
    restart: float = 600.0
    """A node, until its pods are Ready."""


class Site(Protocol):
    """One company in one region.

    All methods raise Failure, or what reaching the site raises: McpError, OperatorError, LocalError, OSError.
    """

    @property
    def company(self) -> str: ...

    @property
    def region(self) -> str:
        """Empty where there are no regions."""

    @property
    def brain(self) -> str:
        """The Brain's base URL. Another one after a restart."""

    @property
    def health_monitor(self) -> str: ...

    def open(self) -> None:
        """Make the site answer, or find out that it does."""

    def close(self) -> None: ...

    def standby(self) -> str | None:
        """Why nothing may be stored in this Brain now; None: it may."""

    def look(self, container: str) -> str:
        """What to look at when the Brain (`brain`), the `health-monitor`, the `agent` or the `gate` fails."""

    def files(self, space: str) -> int:
        """How many files the Brain's volume has of a company."""

    def restart_brain(self) -> str:
        """Take the Brain away, and return when its successor answers: what was done."""

    def recovered(self) -> bool:
        """After a call that failed: whether the platform itself had a reason to restart the Brain, and it
        answers again.
        """

    def write_metric(self, agent: str, metric: str, value: float) -> None:
        """As the Agent writes it: a line in `.agent/metrics/<date>.ndjson`."""

    def metrics_with(self, text: str) -> Sequence[str]:
        """The lines below `.agent/metrics` that have this text, as the Agent reads them."""

    def forget(self, spaces: Collection[str], asked: Collection[str]) -> str:
        """Remove what was stored in `spaces`, and the empty folders that questions about the companies
        `asked` have left: what was removed. Raises Failure naming what is left.
        """
