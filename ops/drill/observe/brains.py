"""The companies' Brains and their gates, in pods."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from clients import http_client, mcp_client
from clients.http_client import HttpError
from ops.cluster_access import Cluster
from ops.drill.in_pod import source
from ops.drill.observe.kubernetes import PortForwards
from ops.drill.observe.markers import BrainError
from ops.errors import OperatorError
from runtime.ports import BRAIN_PORT, GATE_PORT

GATE = "gate"
PATIENCE_SECONDS = 5.0
TOOL_SECONDS = 15.0
"""A Brain that was idle for a while loads its libraries first."""
SERVING = "serving"
"""A role on the gate's /health."""


class PodBrains:
    def __init__(self, clusters: Mapping[str, Cluster], forwards: PortForwards) -> None:
        """`clusters`: by region."""
        self._clusters, self._forwards = clusters, forwards

    def store(self, namespace: str, region: str, company: str, text: str) -> None:
        memory = {"taskId": text, "request": text, "solution": f"{text} was stored", "company": company}
        self._call(namespace, region, "brain_store", memory)

    def query(self, namespace: str, region: str, company: str, text: str, limit: int) -> str:
        query = {"query": text, "company": company, "limit": limit}
        return self._call(namespace, region, "brain_query", query)

    def not_serving(self, namespace: str, region: str) -> str:
        role = self.health(namespace, region).get("role")
        if role != SERVING:
            return f"the gate of brain-{region} has the role {role}"
        status, text = self.gate_page(namespace, region, "brain", "/ready")
        return "" if status == 200 else f"the gate of brain-{region} answers: {' '.join(text.split())}"

    def health(self, namespace: str, region: str) -> Mapping[str, Any]:
        """The Brain's gate's /health."""
        _, text = self.gate_page(namespace, region, "brain", "/health")
        try:
            health = json.loads(text)
        except ValueError:
            health = None
        if not isinstance(health, dict):
            raise BrainError(f"the gate of brain-{region} in {namespace} gives no JSON on /health")
        return health

    def gate_page(self, namespace: str, region: str, kind: str, path: str) -> tuple[int, str]:
        """Status and text."""
        pod = f"{kind}-{region}-0"
        try:
            url = self._forwards.url(self._clusters[region], namespace, pod, GATE_PORT)
            return http_client.get(url, path, PATIENCE_SECONDS)
        except HttpError as error:
            raise BrainError(f"the gate of {namespace}/{pod} cannot be asked: {error}") from error

    def diverged_markers(self, namespace: str, region: str, pattern: str) -> list[str]:
        markers: list[str] = self.run(namespace, region, "search", [pattern])
        return markers

    def run(self, namespace: str, region: str, script: str, argv: Sequence[str]) -> Any:
        """Run an in-pod script in a Brain's gate; returns the JSON that it prints."""
        pod = f"brain-{region}-0"
        command = ["python3", "-c", source(script), *argv]
        try:
            code, out, err = self._clusters[region].exec(namespace, pod, GATE, command)
            if code == 0:
                return json.loads(out)
        except (OperatorError, ValueError) as error:
            raise BrainError(f"{script}.py in {namespace}/{pod}: {error}") from error
        raise BrainError(f"{script}.py in {namespace}/{pod}: {err.strip() or f'exit code {code}'}")

    def _call(self, namespace: str, region: str, tool: str, arguments: Mapping[str, Any]) -> str:
        try:
            url = self._forwards.url(self._clusters[region], namespace, f"brain-{region}-0", BRAIN_PORT)
            return mcp_client.call(url, tool, arguments, TOOL_SECONDS)
        except HttpError as error:
            raise BrainError(str(error)) from error
