"""The gate in a workload's pod: the init container that restores the volume, the sidecar that uploads it, and
their config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components import runtime_programs
from components.flags import flags_volume
from components.pods import POD_NAME, container, probed, scratch, variables
from components.replica_keys import key_source
from components.workload import Workload
from plan.handover import HandoverPlan
from plan.names import FLAGS_FOLDER, GATE_CONFIG_FOLDER, PROGRAMS_FOLDER, REPLACEMENT_FOLDER, TOOLS_FOLDER
from runtime.contracts.gate import CONFIG_FILE, GateConfig, Retention
from runtime.ports import GATE_PORT
from settings.companies import Resources, resources

GATE_RESOURCES = resources(("100m", "128Mi"), ("200m", "256Mi"))
"""Source: the replication sidecar of the application's published chart."""
RESTORE_RESOURCES = resources(("100m", "128Mi"), ("500m", "512Mi"))
"""It runs before the other containers: its limits need no extra room on a node."""
RCLONE_RESOURCES = resources(("50m", "64Mi"), ("500m", "128Mi"))
"""Enough to copy a binary."""
GO_MEMORY = {"gate": "64MiB", "restore": "384MiB"}
"""Where rclone starts to free memory: its container's limit, less Python's share for 100,000 files."""
REPLACEMENT_SIZE = "1Mi"
"""A pod without AWS credentials exceeds this size, and is evicted (`runtime/gate/restore/credentials.py`)."""
PROXY = ("HTTPS_PROXY", "NO_PROXY")
"""Of `environment`, also for the gate. HTTP_PROXY is not: the Pod Identity agent answers plain HTTP."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Containers and volumes of the gate. `claim` is the claim of the replicated volume, `volume` its mount
    path, `health` the URL of the application's health, `mounts` the sidecar's further mounts.
    """

    workload: Workload
    claim: str
    volume: str
    health: str
    mounts: Mapping[str, str]
    variables: Mapping[str, str]

    def init_containers(self) -> list[dict[str, Any]]:
        """In the order in which they run. Without replication there is no bucket to restore from."""
        if not self.workload.args.buckets:
            return [self._sidecar()]
        return [self._rclone(), self._restore(), self._sidecar()]

    def volumes(self) -> list[dict[str, Any]]:
        """The kubelet keeps config and flags current: a change rolls no pod."""
        return [
            runtime_programs.gate().volume("programs"),
            {"name": "settings", "configMap": {"name": config_name(self.workload)}},
            flags_volume("flags"),
            *([scratch("tools")] if self.workload.args.buckets else []),
            *([scratch("replacement", REPLACEMENT_SIZE)] if self._injected else []),
        ]

    @property
    def _injected(self) -> bool:
        """Whether EKS injects the AWS credentials when a pod is admitted."""
        args = self.workload.args
        return bool(args.buckets) and args.settings.replication.endpoint is None

    def _rclone(self) -> dict[str, Any]:
        return container(
            "rclone",
            self.workload.args.settings.images.rclone,
            ["cp", "/usr/local/bin/rclone", f"{TOOLS_FOLDER}/rclone"],
            resources=RCLONE_RESOURCES,
            mounts={TOOLS_FOLDER: "tools"},
        )

    def _restore(self) -> dict[str, Any]:
        replacement = {REPLACEMENT_FOLDER: "replacement"} if self._injected else {}
        variables = {"GATE_REPLACEMENT": REPLACEMENT_FOLDER} if self._injected else {}
        return self._program("restore", "runtime.gate.restore", RESTORE_RESOURCES, replacement, variables)

    def _sidecar(self) -> dict[str, Any]:
        return self._program(
            "gate",
            "runtime.gate",
            GATE_RESOURCES,
            self.mounts,
            {},
            restartPolicy="Always",
            probes=probed("gate", GATE_PORT, path="/live"),
        )

    def _program(
        self,
        name: str,
        module: str,
        size: Resources,
        mounts: Mapping[str, str],
        own_variables: Mapping[str, str],
        **rest: Any,
    ) -> dict[str, Any]:
        args = self.workload.args
        return container(
            name,
            args.settings.images.python,
            runtime_programs.command(module),
            resources=size,
            mounts={
                **mounts,
                self.volume: self.claim,
                "/tmp": "tmp",
                PROGRAMS_FOLDER: "programs",
                GATE_CONFIG_FOLDER: "settings",
                FLAGS_FOLDER: "flags",
                **({TOOLS_FOLDER: "tools"} if args.buckets else {}),
            },
            env=[*variables({**self._environment(name), **own_variables}), POD_NAME],
            envFrom=key_source(args.settings),
            **rest,
        )

    def _environment(self, name: str) -> dict[str, str]:
        given = self.workload.args.settings.environment
        return {
            **runtime_programs.ENVIRONMENT,
            "AGENCY_CONTAINER": name,
            "GATE_VOLUME": self.volume,
            "GATE_SETTINGS": GATE_CONFIG_FOLDER,
            "GATE_FLAGS": FLAGS_FOLDER,
            "GATE_RCLONE": f"{TOOLS_FOLDER}/rclone",
            "GATE_APPLICATION": self.health,
            "GOMEMLIMIT": GO_MEMORY[name],
            **{key: given[key] for key in PROXY if key in given},
            **self.variables,
        }


def config_name(workload: Workload) -> str:
    return f"runtime-{workload.name}"


def gate_config_map(workload: Workload, handover: HandoverPlan, files: Mapping[str, str]) -> dict[str, Any]:
    """The gate's config, which it reads again each round (`runtime/contracts/gate.py`), and further files."""
    args, replication = workload.args, workload.args.settings.replication
    config = GateConfig(
        region=args.region.settings.name,
        namespace=args.company.namespace,
        component=workload.kind,
        order=tuple(handover.priority),
        follows=tuple(handover.follows),
        ranked=handover.ranked,
        buckets={name: args.buckets[name] for name in sorted(handover.priority) if args.buckets},
        kms_keys={name: args.settings.kms_keys[name] for name in sorted(args.settings.kms_keys)},
        replicas=workload.size.replicas,
        sync_interval=replication.sync_interval,
        bandwidth_limit=replication.bandwidth_limit,
        transfers=replication.transfers,
        retention=Retention(**replication.retention.model_dump()),
        endpoint=replication.endpoint,
    )
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": workload.metadata(config_name(workload)),
        "data": {CONFIG_FILE: config.to_json(), **files},
    }
