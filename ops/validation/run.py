"""The state of one run of the suite, which its checks share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from clients import mcp_client
from clients.http_client import quoted
from clients.mcp_client import McpError
from ops.probing.containers import BRAIN
from ops.probing.failure import Failure
from ops.probing.test_data import QUERY, query
from ops.validation.marker import Marker
from ops.validation.target import Limits, Target

if TYPE_CHECKING:
    from ops.validation.network.pod_facts import PodFacts

AnyTarget = TypeVar("AnyTarget", bound=Target)
NEAREST = 5
"""Memories that a query asks for."""


@dataclass(kw_only=True)
class Run:
    id: str
    targets: Sequence[Target]
    limits: Limits = field(default_factory=Limits)
    markers: dict[Target, Marker] = field(default_factory=dict)
    stored_at: dict[Target, float] = field(default_factory=dict)
    """When a Brain stored its marker, by the monotonic clock."""
    queried: dict[Target, set[str]] = field(default_factory=dict)
    """The companies about which each Brain was asked."""
    proofs: dict[tuple[str, Target], bool] = field(default_factory=dict)
    """By kind: whether a Brain finds its own marker, so that not finding another marker proves something."""
    pods: dict[tuple[str, str], PodFacts] = field(default_factory=dict)
    """By cluster and the pod's uid."""

    def marker(self, target: Target) -> Marker:
        return self.markers.setdefault(target, Marker(run=self.id, company=target.company))

    def others(self, target: AnyTarget) -> list[AnyTarget]:
        """The targets of all other companies."""
        others = (other for other in self.targets if other.company != target.company)
        return [other for other in others if isinstance(other, type(target))]

    def call(self, target: Target, container: str, tool: str, arguments: Mapping[str, Any]) -> str:
        """The answer of the Brain or the health monitor. Raises Failure."""
        try:
            return mcp_client.call(target.url(container), tool, arguments, self.limits.answer)
        except McpError as error:
            raise target.failure(container, f"the {container} of {target.name}: {error}") from error

    def ask_brain(self, target: Target, tool: str, arguments: Mapping[str, Any]) -> str:
        """A Brain's answer; asks again if the gate restarted the Brain meanwhile. Raises Failure."""
        self.queried.setdefault(target, set()).add(arguments["company"])
        try:
            return self.call(target, BRAIN, tool, arguments)
        except Failure:
            if not target.recovered():
                raise
            return self.call(target, BRAIN, tool, arguments)

    def query(self, target: Target, marker: Marker, company: str) -> str:
        """A Brain's answer to the query for a marker, asked as that company."""
        return self.ask_brain(target, QUERY, query(company, marker.question, NEAREST))

    def require_marker(self, target: Target, problem: str) -> None:
        """Raises Failure with the `problem` and the Brain's answer when it does not find its marker."""
        marker = self.marker(target)
        answer = self.query(target, marker, marker.folder)
        if marker.token not in answer:
            raise target.failure(BRAIN, f"{problem} (brain_query: {shown(answer)})")


shown = partial(quoted, limit=160)
"""As much of an answer as a report quotes, in one line."""
