"""The companies' Brains and their gates, in pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from clients import mcp_client
from clients.http_client import HttpError
from ops.cluster_access import Cluster
from ops.errors import OperatorError
from ops.probing.containers import BRAIN
from ops.probing.failure import Failure
from ops.probing.pods import ComponentPod
from ops.probing.port_forwards import PortForwards
from ops.probing.test_data import QUERY, STORE, memory, query

TOOL_SECONDS = 15.0
"""A Brain that was idle for a while loads its libraries first."""
SERVING = "serving"
"""A role on the gate's /health: primary or active."""


class BrainError(Exception):
    """A Brain or its gate did not answer, or not as expected."""


class PodBrains:
    """All methods but `pod` raise BrainError."""

    def __init__(self, clusters: Mapping[str, Cluster], forwards: PortForwards) -> None:
        """`clusters`: by region."""
        self._clusters, self._forwards = clusters, forwards

    def pod(self, namespace: str, region: str, component: str = BRAIN) -> ComponentPod:
        return ComponentPod(
            cluster=self._clusters[region],
            namespace=namespace,
            component=component,
            region=region,
            forwards=self._forwards,
        )

    def store(self, namespace: str, region: str, company: str, text: str) -> None:
        self._call(namespace, region, STORE, memory(company, text, text, f"{text} was stored"))

    def query(self, namespace: str, region: str, company: str, text: str, limit: int) -> str:
        """The memories as text: the Brain's tool has no other form."""
        return self._call(namespace, region, QUERY, query(company, text, limit))

    def not_serving(self, namespace: str, region: str) -> str:
        """Why the region's Brain does not serve the company now; empty when it does. A standby must not be
        asked anything else: a query would count as a use of its memory."""
        pod = self.pod(namespace, region)
        with _reported():
            role = pod.health().get("role")
            if role != SERVING:
                return f"the gate of {pod.workload} has the role {role}"
            status, text = pod.page("/ready")
        return "" if status == 200 else f"the gate of {pod.workload} answers: {' '.join(text.split())}"

    def diverged_markers(self, namespace: str, region: str, pattern: str) -> list[str]:
        """Matches in the diverged files on the Brain's volume."""
        with _reported():
            markers: list[str] = self.pod(namespace, region).run("search", pattern)
        return markers

    def _call(self, namespace: str, region: str, tool: str, arguments: Mapping[str, Any]) -> str:
        with _reported():
            return mcp_client.call(self.pod(namespace, region).url(BRAIN), tool, arguments, TOOL_SECONDS)


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except (Failure, HttpError, OperatorError, ValueError) as error:
        raise BrainError(str(error)) from error
