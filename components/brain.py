"""A company's Brain in one region: its memory, served on port 3002."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ComponentResource, ResourceOptions

from components.base import KubernetesObject
from components.pods import (
    AGENT_DIRECTORY,
    PodParts,
    claim,
    container,
    environment,
    scratch,
)
from components.policies import from_monitoring, from_pods, outbound, policy
from components.secrets import key_annotations, key_source
from components.workload import Workload, WorkloadArgs, deploy, labels_of

PORT = 3002


@dataclass(frozen=True, kw_only=True)
class BrainArgs(WorkloadArgs):
    pass


class Brain(ComponentResource):
    """StatefulSet, volume, services, identity, disruption budget and network policy.

    Port 3002 has no authentication: only the company's Agents of the same region reach it.
    """

    TYPE = "agency:brain:Brain"

    stateful_set: KubernetesObject

    def __init__(self, name: str, args: BrainArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        workload = Workload(kind="brain", args=args, size=args.company.brain, ports={"brain": PORT})
        opening = policy(
            workload.name,
            args.company.namespace,
            workload.labels,
            ingress=[from_pods(labels_of("agent", args), PORT), *from_monitoring(args.settings)],
            egress=outbound(args.settings),
        )
        self.stateful_set = deploy(self, name, workload, _pod(args, workload.name), opening)
        self.register_outputs({"service": f"{workload.name}.{args.company.namespace}"})


def _pod(args: BrainArgs, volume: str) -> PodParts:
    settings, company = args.settings, args.company
    brain = container(
        "brain",
        settings.agency_image,
        ["node", "dist/mcp_servers/brain/index.js"],
        resources=company.brain.resources,
        port=PORT,
        mounts={AGENT_DIRECTORY: "agent", f"{AGENT_DIRECTORY}/brain": "brain", "/tmp": "tmp"},
        workingDir="/app",
        env=environment(settings, company, container="brain", port=PORT),
        envFrom=key_source(company),
    )
    return PodParts(
        containers=[brain],
        volumes=[scratch("agent"), claim("brain", volume), scratch("tmp")],
        annotations=key_annotations(company),
    )
