"""A company's Brain in one region: the company's memory, served on port 3002."""

from __future__ import annotations

from typing import Any

from pulumi import ComponentResource, ResourceOptions

from components.base import KubernetesObject
from components.gate import Gate, gate_config_map
from components.network_policies import from_controller, from_monitoring, from_pods, network_policy, outbound
from components.pods import (
    PodParts,
    claim,
    container,
    environment,
    probed,
    scratch,
)
from components.secrets import key_annotations, key_source
from components.workload import Workload, WorkloadArgs, deploy, labels_of
from plan.handover import brain_handover
from plan.names import AGENT_FOLDER, BRAIN_FOLDER
from runtime.ports import BRAIN_PORT, GATE_PORT
from settings.routes import company_route, region_routes


class Brain(ComponentResource):
    """StatefulSet, volume, services, identity, disruption budget and network policy.

    Port 3002 has no authentication. Only the company's Agents of the same region reach it, and the failover
    controller, which probes its health.
    """

    TYPE = "agency:brain:Brain"

    stateful_set: KubernetesObject

    def __init__(self, name: str, args: WorkloadArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        workload = Workload(kind="brain", args=args, size=args.company.brain, ports={"brain": BRAIN_PORT})
        openings = network_policy(
            workload.name,
            args.company.namespace,
            workload.labels,
            ingress=[
                from_pods(labels_of("agent", args), BRAIN_PORT),
                *from_controller(args.settings, BRAIN_PORT, GATE_PORT),
                *from_monitoring(args.settings),
            ],
            egress=outbound(args.settings),
        )
        deployed = deploy(
            self, name, workload, _pod(workload), network_policy=openings, config=_config(workload)
        )
        self.stateful_set = deployed.stateful_set
        self.register_outputs({"service": f"{workload.name}.{args.company.namespace}"})


def _config(workload: Workload) -> dict[str, Any]:
    settings, company = workload.args.settings, workload.args.company
    handover = brain_handover(
        settings.load_balancing.policy,
        company_route(settings, company),
        region_routes(settings),
        workload.args.region.settings.name,
    )
    return gate_config_map(workload, handover, {})


def _pod(workload: Workload) -> PodParts:
    company = workload.args.company
    gate = Gate(
        workload=workload,
        claim="brain",
        volume=BRAIN_FOLDER,
        health=f"http://127.0.0.1:{BRAIN_PORT}/health",
        mounts={},
        variables={},
    )
    return PodParts(
        init_containers=gate.init_containers(),
        containers=[_brain(workload)],
        volumes=[scratch("agent"), claim("brain", workload.name), scratch("tmp"), *gate.volumes()],
        annotations=key_annotations(company),
    )


def _brain(workload: Workload) -> dict[str, Any]:
    settings, company = workload.args.settings, workload.args.company
    return container(
        "brain",
        settings.agency_image,
        ["node", "dist/mcp_servers/brain/index.js"],
        resources=company.brain.resources,
        probes=probed("brain", BRAIN_PORT, gated=True),
        mounts={AGENT_FOLDER: "agent", BRAIN_FOLDER: "brain", "/tmp": "tmp"},
        workingDir="/app",
        env=environment(settings, company, container="brain", port=BRAIN_PORT),
        envFrom=key_source(company),
    )
