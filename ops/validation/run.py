"""One run of the suite, as its checks see it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ops import mcp_client
from ops.mcp_client import McpError
from ops.terminal import REPORT_SECONDS, rounds, say
from ops.validation.marks import Mark
from ops.validation.sites import Limits, Site
from ops.validation.verdicts import Failure

if TYPE_CHECKING:
    from ops.validation.pod_facts import PodFacts

POLL_SECONDS = 0.5
FOUND = 5
"""Memories that a question asks for: what it is about is the nearest."""


@dataclass(kw_only=True)
class Run:
    id: str
    sites: Sequence[Site]
    limits: Limits = field(default_factory=Limits)
    marks: dict[Site, Mark] = field(default_factory=dict)
    stored: dict[Site, float] = field(default_factory=dict)
    """When a Brain took its mark, by the monotonic clock."""
    asked: dict[Site, set[str]] = field(default_factory=dict)
    """The companies that each Brain was asked about."""
    proofs: dict[tuple[str, Site], bool] = field(default_factory=dict)
    """By kind: whether a Brain found its own, so that what it does not find says something."""
    pods: dict[tuple[str, str], PodFacts] = field(default_factory=dict)
    """By cluster and the pod's uid."""

    def mark(self, site: Site) -> Mark:
        return self.marks.setdefault(site, Mark(run=self.id, company=site.company))

    def others(self, site: Site) -> list[Site]:
        """The sites of all other companies."""
        return [one for one in self.sites if one.company != site.company]

    def brain(self, site: Site, tool: str, arguments: Mapping[str, Any]) -> str:
        """What a Brain answers; asked once more if the platform itself restarted it. Raises Failure."""
        self.asked.setdefault(site, set()).add(arguments["company"])
        try:
            try:
                return mcp_client.call(site.brain, tool, arguments, self.limits.answer)
            except McpError:
                if not site.recovered():
                    raise
                return mcp_client.call(site.brain, tool, arguments, self.limits.answer)
        except McpError as error:
            raise Failure(f"the Brain of {who(site)}: {error}", site.look("brain")) from error

    def health_monitor(self, site: Site, tool: str, arguments: Mapping[str, Any]) -> str:
        """What a health monitor answers. Raises Failure."""
        try:
            return mcp_client.call(site.health_monitor, tool, arguments, self.limits.answer)
        except McpError as error:
            raise Failure(
                f"the health monitor of {who(site)}: {error}", site.look("health-monitor")
            ) from error

    def query(self, site: Site, mark: Mark, company: str) -> str:
        """What a Brain says when it is asked for a mark as that company."""
        asked = {"query": mark.question, "company": company, "limit": FOUND}
        return self.brain(site, "brain_query", asked)

    def finds(self, site: Site, mark: Mark) -> str | None:
        """What the Brain answers to the question for a mark when the answer lacks it; None: it has it."""
        answer = self.query(site, mark, mark.space)
        return None if mark.token in answer else answer


def who(site: Site) -> str:
    return f"{site.company} in {site.region}" if site.region else site.company


def shown(text: str, limit: int = 160) -> str:
    """Of an answer, in one line, as much as an error quotes."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit // 2]} … {line[-limit // 2 :]}"


def waited(met: Callable[[], bool], limit: float, what: str, every: float = POLL_SECONDS) -> float | None:
    """Seconds until the condition was met; None: not within the limit (seconds). Says what it waits for."""
    began = time.monotonic()
    for passed, tell in rounds(every, limit):
        if met():
            return time.monotonic() - began
        if tell and passed >= REPORT_SECONDS:
            say(f"    waiting: {what} ({passed:.0f} s)")
    return None
