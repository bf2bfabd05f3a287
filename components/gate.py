"""The gate in a workload's pod: what fills the volume, the sidecar that copies it, and what they are told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components import runtime_programs
from components.flags import FLAGS, flags_volume
from components.pods import container, probed, scratch, variables
from components.replica_keys import key_source
from components.workload import Workload
from plan.memory import MemoryPlan
from runtime.ports import GATE_PORT
from settings.models import Resources, resources

SETTINGS = "/etc/agency/runtime"
TOOLS = "/tools"

GATE_RESOURCES = resources(("100m", "128Mi"), ("200m", "256Mi"))
"""Source: the replication sidecar of the application's published chart."""
RESTORE_RESOURCES = resources(("100m", "128Mi"), ("500m", "512Mi"))
"""It runs before anything else does: what it may use costs no more room."""
RCLONE_RESOURCES = resources(("50m", "64Mi"), ("500m", "128Mi"))
"""To copy a binary."""
GO_MEMORY = {"gate": "160MiB", "restore": "384MiB"}
"""From where rclone frees memory rather than take more: its container's limit, less Python's share."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What a workload's pod has of it. `volume` is where the volume of the claim `claim` is mounted; `health`
    the URL of the application's own; `mounts` what the sidecar has besides.
    """

    workload: Workload
    claim: str
    volume: str
    health: str
    mounts: Mapping[str, str]
    variables: Mapping[str, str]

    def init_containers(self) -> list[dict[str, Any]]:
        """In their order. Without replication there is nothing to restore from."""
        if not self.workload.args.buckets:
            return [self._sidecar()]
        return [self._rclone(), self._restore(), self._sidecar()]

    def volumes(self) -> list[dict[str, Any]]:
        """Settings and flags are folders that the kubelet keeps current: they roll no pod."""
        return [
            runtime_programs.gate().volume("programs"),
            {"name": "settings", "configMap": {"name": settings_name(self.workload)}},
            flags_volume("flags"),
            *([scratch("tools")] if self.workload.args.buckets else []),
        ]

    def _rclone(self) -> dict[str, Any]:
        return container(
            "rclone",
            self.workload.args.settings.images.rclone,
            ["cp", "/usr/local/bin/rclone", f"{TOOLS}/rclone"],
            resources=RCLONE_RESOURCES,
            mounts={TOOLS: "tools"},
        )

    def _restore(self) -> dict[str, Any]:
        return self._program("restore", "runtime.gate.restore", RESTORE_RESOURCES, {})

    def _sidecar(self) -> dict[str, Any]:
        return self._program(
            "gate",
            "runtime.gate",
            GATE_RESOURCES,
            self.mounts,
            restartPolicy="Always",
            probes=probed("gate", GATE_PORT, path="/live"),
        )

    def _program(
        self, name: str, module: str, size: Resources, mounts: Mapping[str, str], **rest: Any
    ) -> dict[str, Any]:
        args = self.workload.args
        told = {
            **runtime_programs.ENVIRONMENT,
            "AGENCY_CONTAINER": name,
            "GATE_VOLUME": self.volume,
            "GATE_SETTINGS": SETTINGS,
            "GATE_FLAGS": FLAGS,
            "GATE_RCLONE": f"{TOOLS}/rclone",
            "GATE_APPLICATION": self.health,
            "GOMEMLIMIT": GO_MEMORY[name],
            **self.variables,
        }
        own = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
        return container(
            name,
            args.settings.images.python,
            runtime_programs.command(module),
            resources=size,
            mounts={
                **mounts,
                self.volume: self.claim,
                "/tmp": "tmp",
                runtime_programs.MOUNT: "programs",
                SETTINGS: "settings",
                FLAGS: "flags",
                **({TOOLS: "tools"} if args.buckets else {}),
            },
            env=[*variables(told), own],
            envFrom=key_source(args.settings),
            **rest,
        )


def settings_name(workload: Workload) -> str:
    return f"runtime-{workload.name}"


def settings_map(workload: Workload, memory: MemoryPlan, more: Mapping[str, str]) -> dict[str, Any]:
    """What the gate reads again each round (`runtime/gate/config.py`), and files beside it."""
    args, replication = workload.args, workload.args.settings.replication
    told = {
        "region": args.region.settings.name,
        "namespace": args.company.namespace,
        "component": workload.kind,
        "order": memory.order,
        "follows": memory.follows,
        "ranked": memory.ranked,
        "buckets": {name: args.buckets[name] for name in sorted(memory.order) if args.buckets},
        "replicas": workload.size.replicas,
        "syncInterval": replication.sync_interval,
        "bandwidthLimit": replication.bandwidth_limit,
        "transfers": replication.transfers,
        "retention": replication.retention.model_dump(by_alias=True),
        "endpoint": replication.endpoint,
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": workload.metadata(settings_name(workload)),
        "data": {"settings.json": json.dumps(told, indent=1), **more},
    }
