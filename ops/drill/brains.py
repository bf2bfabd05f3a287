"""The companies' real Brains and their gates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clients import mcp_client
from clients.mcp_client import McpError
from ops.cluster_access import Cluster
from ops.drill.asking import NoPage, fetch
from ops.drill.doors import Doors
from ops.drill.memories import NoBrain
from ops.errors import OperatorError
from runtime.ports import BRAIN_PORT, GATE_PORT

INSIDE = Path(__file__).parent / "inside"
GATE = "gate"
PATIENCE_SECONDS = 5.0
TOOL_SECONDS = 15.0
"""A Brain that nobody asked for a while loads its libraries first."""
SERVING = "serving"


class PodBrains:
    def __init__(self, clusters: Mapping[str, Cluster], doors: Doors) -> None:
        """`clusters`: by region."""
        self._clusters, self._doors = clusters, doors

    def store(self, namespace: str, region: str, company: str, text: str) -> None:
        told = {"taskId": text, "request": text, "solution": f"{text} was stored", "company": company}
        self._call(namespace, region, "brain_store", told)

    def query(self, namespace: str, region: str, company: str, text: str, limit: int) -> str:
        return self._call(
            namespace, region, "brain_query", {"query": text, "company": company, "limit": limit}
        )

    def why_not(self, namespace: str, region: str) -> str:
        told = self.health(namespace, region)
        if told.get("role") != SERVING:
            return f"the gate of brain-{region} takes it for {told.get('role')}"
        status, text = self.page(namespace, region, "brain", "/ready")
        return "" if status == 200 else f"the gate of brain-{region} says: {' '.join(text.split())}"

    def health(self, namespace: str, region: str) -> Mapping[str, Any]:
        """What the gate of the Brain says of itself."""
        _, text = self.page(namespace, region, "brain", "/health")
        try:
            told = json.loads(text)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise NoBrain(f"the gate of brain-{region} in {namespace} gives no JSON on /health")
        return told

    def page(self, namespace: str, region: str, kind: str, path: str) -> tuple[int, str]:
        """Status and text of a page of a gate."""
        pod = f"{kind}-{region}-0"
        try:
            url = self._doors.url(self._clusters[region], namespace, pod, GATE_PORT)
            return fetch(url, path, PATIENCE_SECONDS)
        except NoPage as error:
            raise NoBrain(f"the gate of {namespace}/{pod} cannot be asked: {error}") from error

    def set_aside(self, namespace: str, region: str, pattern: str) -> list[str]:
        return self.run(namespace, region, "search", [pattern]).split()

    def run(self, namespace: str, region: str, script: str, argv: Sequence[str]) -> str:
        """What a program of `inside/` prints in the gate of a Brain."""
        pod = f"brain-{region}-0"
        source = (INSIDE / f"{script}.py").read_text(encoding="utf-8")
        command = ["python3", "-c", source, *argv]
        try:
            code, out, err = self._clusters[region].exec(namespace, pod, GATE, command)
        except OperatorError as error:
            raise NoBrain(str(error)) from error
        if code != 0:
            raise NoBrain(f"{script}.py in {namespace}/{pod}: {err.strip() or f'exit code {code}'}")
        return out

    def _call(self, namespace: str, region: str, tool: str, told: Mapping[str, Any]) -> str:
        try:
            url = self._doors.url(self._clusters[region], namespace, f"brain-{region}-0", BRAIN_PORT)
            return mcp_client.call(url, tool, told, TOOL_SECONDS)
        except McpError as error:
            raise NoBrain(str(error)) from error
