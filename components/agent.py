"""A company's Agent in one region: the daemon on port 3000 and its health monitor on 3004."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
from pulumi import ComponentResource, ResourceOptions

from components.base import SKIP_AWAIT, KubernetesObject
from components.gate import Gate, gate_config_map
from components.load_balancer import balancer_label, ingress_annotations
from components.mcp import mcp_files
from components.network_policies import (
    combined,
    from_controller,
    from_load_balancer,
    from_monitoring,
    network_policy,
    outbound,
    to_pods,
)
from components.pods import (
    PodParts,
    before_stop,
    claim,
    container,
    environment,
    probed,
    scratch,
)
from components.secrets import key_annotations, key_source
from components.workload import Workload, WorkloadArgs, deploy, labels_of
from plan import external_dns
from plan.edges import PRE_STOP_SECONDS
from plan.handover import agent_handover
from plan.names import AGENT_FOLDER, BRAIN_FOLDER, WORK_FOLDER, host_of
from runtime.ports import AGENT_PORT, BRAIN_PORT, GATE_PORT, HEALTH_MONITOR_PORT
from settings.companies import HEALTH_MONITOR_RESOURCES, resources
from settings.models import Manager
from settings.routes import check_of, company_route, region_route, region_routes

LINKS_RESOURCES = resources(("50m", "64Mi"), ("200m", "128Mi"))


class Agent(ComponentResource):
    """StatefulSet of agent and health monitor, volume, services, identity, budget, network policy, Ingress.

    The agent's working directory is `/work`, whose entries link into the image's `/app`. The image is
    read-only, while the application reads `mcp.json`, which the gate writes, and writes `.agent` there.
    """

    TYPE = "agency:agent:Agent"

    stateful_set: KubernetesObject
    ingress: KubernetesObject

    def __init__(self, name: str, args: WorkloadArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        ports = {"agent": AGENT_PORT, "health-monitor": HEALTH_MONITOR_PORT}
        workload = Workload(kind="agent", args=args, size=args.company.agent, ports=ports)
        deployed = deploy(
            self,
            name,
            workload,
            _pod(workload),
            network_policy=_network_policy(workload),
            config=_config(workload),
        )
        self.stateful_set = deployed.stateful_set
        self.ingress = KubernetesObject(
            f"{name}-ingress",
            _ingress(workload),
            ResourceOptions(
                parent=self,
                provider=args.region.cluster.provider,
                depends_on=[args.namespace, deployed.service],
            ),
        )
        self.register_outputs({"service": f"{workload.name}.{args.company.namespace}"})


def _config(workload: Workload) -> dict[str, Any]:
    settings, company, region = workload.args.settings, workload.args.company, workload.args.region
    handover = agent_handover(
        settings.load_balancing.policy, company_route(settings, company), region_routes(settings)
    )
    servers = {
        "brain": f"http://brain-{region.settings.name}:{BRAIN_PORT}/sse",
        "health_monitor": f"http://localhost:{HEALTH_MONITOR_PORT}/sse",
    }
    return gate_config_map(workload, handover, mcp_files(servers))


def _network_policy(workload: Workload) -> dict[str, Any]:
    args = workload.args
    in_cluster = [*from_controller(args.settings, AGENT_PORT, GATE_PORT), *from_monitoring(args.settings)]
    return network_policy(
        workload.name,
        args.company.namespace,
        workload.labels,
        ingress=combined(
            from_load_balancer(args.settings, args.region.settings, args.region.cluster, AGENT_PORT),
            in_cluster,
        ),
        egress=[to_pods(labels_of("brain", args), BRAIN_PORT), *outbound(args.settings)],
    )


DATA = {AGENT_FOLDER: "agent", "/tmp": "tmp"}
"""Mounts of both containers: they share the `.agent` volume."""


def _pod(workload: Workload) -> PodParts:
    args = workload.args
    gate = Gate(
        workload=workload,
        claim="agent",
        volume=AGENT_FOLDER,
        health=f"http://127.0.0.1:{AGENT_PORT}/health",
        mounts={WORK_FOLDER: "work"},
        variables={"GATE_WORK": WORK_FOLDER},
    )
    volumes = [scratch("work"), claim("agent", workload.name), scratch("tmp"), *gate.volumes()]
    if args.company.agent.mount_brain:
        volumes.append(claim("brain", f"brain-{args.region.settings.name}"))
    return PodParts(
        init_containers=[_links(args), *gate.init_containers()],
        containers=[_agent(args), _health_monitor(args)],
        volumes=volumes,
        annotations=key_annotations(args.company),
        pre_stop=_pre_stop(args),
    )


def _pre_stop(args: WorkloadArgs) -> int:
    return PRE_STOP_SECONDS if args.settings.balanced([args.region.settings]) else 0


def _links(args: WorkloadArgs) -> dict[str, Any]:
    """Fills the agent's working directory."""
    return container(
        "links",
        args.settings.agency_image,
        ["node", "-e", (Path(__file__).parent / "links.js").read_text()],
        resources=LINKS_RESOURCES,
        mounts={WORK_FOLDER: "work", "/tmp": "tmp"},
    )


def _agent(args: WorkloadArgs) -> dict[str, Any]:
    settings, company = args.settings, args.company
    brain_mount = {BRAIN_FOLDER: "brain"} if company.agent.mount_brain else {}
    return container(
        "agent",
        settings.agency_image,
        ["node", "dist/daemon.js"],
        resources=company.agent.resources,
        probes=probed("agent", AGENT_PORT, gated=True),
        mounts={WORK_FOLDER: "work", **DATA, **brain_mount},
        workingDir=WORK_FOLDER,
        env=[
            *environment(settings, company, container="agent", port=AGENT_PORT),
            # The gate replaces `mcp.json`, and the application's watcher would keep the old file open.
            {"name": "CHOKIDAR_USEPOLLING", "value": "1"},
        ],
        envFrom=key_source(company),
        lifecycle=before_stop(_pre_stop(args)),
    )


def _health_monitor(args: WorkloadArgs) -> dict[str, Any]:
    settings, company = args.settings, args.company
    return container(
        "health-monitor",
        settings.agency_image,
        ["node", "dist/mcp_servers/health_monitor/index.js"],
        resources=HEALTH_MONITOR_RESOURCES,
        probes=probed("health-monitor", HEALTH_MONITOR_PORT),
        mounts=DATA,
        workingDir="/app",
        env=environment(settings, company, container="health-monitor", port=HEALTH_MONITOR_PORT),
        # The agent calls it until the agent itself ends.
        lifecycle=before_stop(_pre_stop(args)),
    )


def _ingress(workload: Workload) -> dict[str, Any]:
    """The company's host on the region's load balancer. Other ports lack authentication."""
    args, region = workload.args, workload.args.region
    host = host_of(args.company.namespace, args.settings.domain)
    backend = {"service": {"name": workload.name, "port": {"name": "agent"}}}
    ingress = args.settings.ingress_of(region.settings)
    balancer = balancer_label(ingress, region.settings.name, args.company.edge)
    metadata = workload.metadata(f"agent-{balancer}" if ingress.makes_load_balancers else None)
    metadata["annotations"] = {
        **ingress_annotations(
            args.settings,
            region.settings,
            edge=args.company.edge,
            certificate_arn=region.certificate_arn,
        ),
        **_external_dns(args, host),
        # An existing load balancer writes no address into the Ingress.
        **(SKIP_AWAIT if region.settings.endpoint or not args.settings.wait_for_ready else {}),
    }
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata,
        "spec": {
            "ingressClassName": ingress.class_name,
            "rules": [{"host": host, "http": {"paths": paths}}],
        },
    }


def _external_dns(args: WorkloadArgs, host: str) -> dict[str, pulumi.Input[str]]:
    """The annotations for external-dns."""
    settings, region = args.settings, args.region
    prefix, route = settings.load_balancing.annotation_prefix, company_route(settings, args.company)
    if settings.load_balancing.manager is not Manager.EXTERNAL_DNS:
        return {**external_dns.keep_away(prefix)}
    check = check_of(settings, args.company, region.settings.name)
    annotations = external_dns.annotations(
        prefix,
        settings.load_balancing.policy,
        region_route(region.settings),
        route,
        host,
        [*region_routes(settings).values()],
        target=region.settings.endpoint,
    )
    return {**annotations, f"{prefix}{external_dns.HEALTH_CHECK_ID}": region.checks[check.key]}
