"""A company's Agent in one region: the daemon on port 3000 and its health monitor on 3004."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi import ComponentResource, ResourceOptions

from components import brain
from components.base import SKIP_AWAIT, KubernetesObject
from components.load_balancer import ingress_annotations
from components.pods import (
    AGENT_DIRECTORY,
    PodParts,
    claim,
    container,
    environment,
    scratch,
)
from components.policies import (
    Rule,
    Rules,
    from_load_balancer,
    from_monitoring,
    outbound,
    policy,
    to_pods,
)
from components.secrets import key_annotations, key_source
from components.workload import Workload, WorkloadArgs, deploy, labels_of
from plan import external_dns
from plan.names import host_of
from settings.models import HEALTH_MONITOR_RESOURCES, Manager, resources
from settings.routes import check_of, company_route, region_route

PORT = 3000
HEALTH_MONITOR_PORT = 3004
CONFIGURATION = "/etc/agency"
"""Where the ConfigMap with `mcp.json` is mounted: as a folder, or a change would never arrive."""

LINKS_RESOURCES = resources(("50m", "64Mi"), ("200m", "128Mi"))


@dataclass(frozen=True, kw_only=True)
class AgentArgs(WorkloadArgs):
    pass


class Agent(ComponentResource):
    """StatefulSet of agent and health monitor, volume, services, identity, budget, network policy, Ingress.

    The agent works in `/work`, whose entries are links into the image's `/app`: the application reads
    `mcp.json` and writes `.agent` where it works, and the image itself is read-only.
    """

    TYPE = "agency:agent:Agent"

    stateful_set: KubernetesObject

    def __init__(self, name: str, args: AgentArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        ports = {"agent": PORT, "health-monitor": HEALTH_MONITOR_PORT}
        workload = Workload(kind="agent", args=args, size=args.company.agent, ports=ports)
        child = ResourceOptions(
            parent=self, provider=args.region.cluster.provider, depends_on=[args.namespace]
        )
        KubernetesObject(f"{name}-config", _configuration(workload), child)
        self.stateful_set = deploy(self, name, workload, _pod(args, workload.name), _policy(workload))
        KubernetesObject(f"{name}-ingress", _ingress(workload), child)
        self.register_outputs({"service": f"{workload.name}.{args.company.namespace}"})


def _configuration(workload: Workload) -> dict[str, Any]:
    """`mcp.json` names the servers by URL, which the application opens as MCP over SSE."""
    servers = {
        "brain": {"url": f"http://brain-{workload.args.region.settings.name}:{brain.PORT}/sse"},
        "health_monitor": {"url": f"http://localhost:{HEALTH_MONITOR_PORT}/sse"},
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": workload.metadata(),
        "data": {"mcp.json": json.dumps({"mcpServers": servers, "scheduledTasks": []}, indent=2)},
    }


def _policy(workload: Workload) -> dict[str, Any]:
    args = workload.args
    balancer = from_load_balancer(args.settings, args.region.settings, args.region.cluster, PORT)
    return policy(
        workload.name,
        args.company.namespace,
        workload.labels,
        ingress=_together(balancer, from_monitoring(args.settings)),
        egress=[to_pods(labels_of("brain", args), brain.PORT), *outbound(args.settings)],
    )


def _together(some: Rules, more: list[Rule]) -> Rules:
    if isinstance(some, pulumi.Output):
        return some.apply(lambda rules: [*rules, *more])
    return [*some, *more]


DATA = {AGENT_DIRECTORY: "agent", "/tmp": "tmp"}
"""Mounts of both containers: they share the `.agent` volume."""


def _pod(args: AgentArgs, volume: str) -> PodParts:
    company = args.company
    volumes = [
        scratch("work"),
        claim("agent", volume),
        scratch("tmp"),
        {"name": "configuration", "configMap": {"name": volume}},
    ]
    if company.agent.mount_brain:
        volumes.append(claim("brain", f"brain-{args.region.settings.name}"))
    return PodParts(
        init_containers=[_links(args)],
        containers=[_agent(args), _health_monitor(args)],
        volumes=volumes,
        annotations=key_annotations(company),
    )


def _links(args: AgentArgs) -> dict[str, Any]:
    """Fills the agent's working directory."""
    return container(
        "links",
        args.settings.agency_image,
        ["node", "-e", (Path(__file__).parent / "links.js").read_text()],
        resources=LINKS_RESOURCES,
        mounts={"/work": "work", "/tmp": "tmp"},
        env=[{"name": "CONFIGURATION", "value": CONFIGURATION}],
    )


def _agent(args: AgentArgs) -> dict[str, Any]:
    settings, company = args.settings, args.company
    brain_mount = {f"{AGENT_DIRECTORY}/brain": "brain"} if company.agent.mount_brain else {}
    return container(
        "agent",
        settings.agency_image,
        ["node", "dist/daemon.js"],
        resources=company.agent.resources,
        port=PORT,
        mounts={"/work": "work", **DATA, **brain_mount, CONFIGURATION: "configuration"},
        workingDir="/work",
        env=[
            *environment(settings, company, container="agent", port=PORT),
            # A link's target changes without an event that the application's watcher would see.
            {"name": "CHOKIDAR_USEPOLLING", "value": "1"},
        ],
        envFrom=key_source(company),
    )


def _health_monitor(args: AgentArgs) -> dict[str, Any]:
    settings, company = args.settings, args.company
    return container(
        "health-monitor",
        settings.agency_image,
        ["node", "dist/mcp_servers/health_monitor/index.js"],
        resources=HEALTH_MONITOR_RESOURCES,
        port=HEALTH_MONITOR_PORT,
        mounts=DATA,
        workingDir="/app",
        env=environment(settings, company, container="health-monitor", port=HEALTH_MONITOR_PORT),
    )


def _ingress(workload: Workload) -> dict[str, Any]:
    """The company's host on the region's load balancer. Only port 3000: the others have no authentication."""
    args, region = workload.args, workload.args.region
    host = host_of(args.company.namespace, args.settings.domain)
    backend = {"service": {"name": workload.name, "port": {"name": "agent"}}}
    metadata = workload.metadata()
    metadata["annotations"] = {
        **ingress_annotations(
            args.settings.ingress,
            region=region.settings.name,
            edge=args.company.edge,
            certificate_arn=region.certificate_arn,
        ),
        **_names(args, host),
        # A load balancer that exists already writes no address into the Ingress.
        **(SKIP_AWAIT if region.settings.endpoint or not args.settings.wait_for_ready else {}),
    }
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata,
        "spec": {
            "ingressClassName": args.settings.ingress.class_name,
            "rules": [{"host": host, "http": {"paths": paths}}],
        },
    }


def _names(args: WorkloadArgs, host: str) -> dict[str, pulumi.Input[str]]:
    """What external-dns is told, where it manages the names."""
    settings, region = args.settings, args.region
    if settings.load_balancing.manager is not Manager.EXTERNAL_DNS:
        return {}
    prefix, route = settings.load_balancing.annotation_prefix, company_route(settings, args.company)
    check = check_of(settings, args.company, region.settings.name)
    told = external_dns.annotations(
        prefix,
        settings.load_balancing.policy,
        region_route(region.settings),
        route,
        host,
        [region_route(one) for one in settings.regions],
        target=region.settings.endpoint,
    )
    return {**told, f"{prefix}{external_dns.HEALTH_CHECK_ID}": region.checks[check.key]}
