"""The gates of a company, as a controller reaches them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runtime.controller.probes import Target
from runtime.ports import GATE_PORT


@dataclass(frozen=True, slots=True)
class Gate:
    namespace: str
    pod: str

    def target(self, path: str) -> Target:
        workload = self.pod.rpartition("-")[0]
        return Target(f"{self.pod}.{workload}-headless.{self.namespace}.svc", GATE_PORT, path)


def gates(namespace: str, regions: Iterable[str]) -> list[Gate]:
    """Those of a company's first pods in regions of this cluster: they alone have the memory in hand."""
    return [
        Gate(namespace, f"{workload}-{region}-0") for region in regions for workload in ("agent", "brain")
    ]
