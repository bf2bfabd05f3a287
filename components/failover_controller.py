"""The failover controller of one cluster: it probes the regions and flags those that failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import ComponentResource, ResourceOptions

from components import failover_access as access
from components import runtime_programs
from components.base import SKIP_AWAIT, KubernetesObject, Manifest
from components.cluster import Cluster
from components.flags import flags_map, flags_volume
from components.network_policies import (
    Rules,
    combined,
    deny_all,
    from_load_balancer,
    from_monitoring,
    network_policy,
    to_all,
    to_dns,
    to_tenants,
)
from components.pods import (
    POD_NAME,
    PodParts,
    before_stop,
    container,
    disruption_budget,
    pod_template,
    probed,
    rollout_annotations,
    scratch,
    service_account,
    variables,
)
from plan.edges import MIN_READY_SECONDS, PRE_STOP_SECONDS
from plan.names import (
    CONTROLLER_CONFIG_FOLDER,
    CONTROLLER_SECRET_FOLDER,
    FAILOVER_CONTROLLER,
    FLAGS_FOLDER,
    PLATFORM_LABEL,
    PROGRAMS_FOLDER,
    SYSTEM_NAMESPACE,
)
from runtime.contracts.controller import CONFIG_FILE, HTTP_PORT, METRICS_PORT, ControllerContract
from runtime.contracts.controller import Company as ControlledCompany
from runtime.ports import AGENT_PORT, BRAIN_PORT, GATE_PORT
from settings import Settings
from settings.companies import resources

API_PORT = 6443
"""Port of API servers that do not use 443. Network policies see the address behind the Service."""
REPLICAS = 2
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_SECONDS = 3600
"""The token's lifetime; the kubelet renews it at 80 % of it."""

RESOURCES = resources(("50m", "64Mi"), ("500m", "128Mi"))
"""Source: the application's published chart, except for a limit of half a core: to flag 500 companies in
seconds."""

LABELS = {"app.kubernetes.io/name": FAILOVER_CONTROLLER, **PLATFORM_LABEL}


@dataclass(frozen=True, kw_only=True)
class FailoverControllerArgs:
    settings: Settings
    cluster: Cluster
    peers: Mapping[str, str]
    """URLs of the regions' pages, where the stack has several clusters."""
    secret: pulumi.Resource
    """The cluster's copy of the controllers' Secret."""
    after: Sequence[pulumi.Resource]
    """The Deployments of the clusters that roll first."""


class FailoverController(ComponentResource):
    """Deployment of two replicas with its config, program, Service, disruption budget and network policies;
    its account with exactly the rights that it needs; the flags of the cluster and its Lease.

    The flags and the Lease are declared without content: only the controller writes them, and a deployment
    during an outage leaves them unchanged. The controller reads its config again: a change rolls no pod.
    """

    TYPE = "agency:failover_controller:FailoverController"

    deployment: KubernetesObject
    service: KubernetesObject
    """Receives the edges' requests."""

    def __init__(self, name: str, args: FailoverControllerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        child = ResourceOptions(
            parent=self, provider=args.cluster.provider, depends_on=[args.cluster.system_namespace]
        )
        before = [
            KubernetesObject(f"{name}-{part}", manifest, child) for part, manifest in _before(args).items()
        ]
        self.service = KubernetesObject(f"{name}-service", _service(), child)
        KubernetesObject(f"{name}-budget", disruption_budget(_metadata(), LABELS), child)
        self.deployment = KubernetesObject(
            f"{name}-deployment",
            _deployment(args),
            ResourceOptions.merge(child, ResourceOptions(depends_on=[*before, args.secret, *args.after])),
        )
        self.register_outputs({"service": f"{FAILOVER_CONTROLLER}.{SYSTEM_NAMESPACE}"})


def _before(args: FailoverControllerArgs) -> dict[str, Manifest]:
    """The objects that must exist before a pod, by the part's name."""
    return {
        "settings": _config_map(args),
        "program": runtime_programs.failover_controller().config_map(SYSTEM_NAMESPACE, LABELS),
        "flags": flags_map(SYSTEM_NAMESPACE),
        "lease": {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": _metadata()},
        "account": service_account(_metadata()),
        "role": access.role(),
        "binding": access.role_binding(),
        "tenants-role": access.tenants_role(),
        "admission": access.admission_policy(),
        "admission-binding": access.admission_binding(),
        "deny": deny_all(SYSTEM_NAMESPACE),
        "policy": _network_policy(args),
    }


def _metadata(**annotations: str) -> dict[str, Any]:
    metadata = {"name": FAILOVER_CONTROLLER, "namespace": SYSTEM_NAMESPACE, "labels": LABELS}
    return {**metadata, "annotations": annotations} if annotations else metadata


def _config_map(args: FailoverControllerArgs) -> Manifest:
    settings, plan = args.settings, args.cluster.plan
    here = sorted(region.name for region in plan.regions)
    companies = {
        company.namespace: ControlledCompany(regions=regions, dedicated=company.dedicated_health_checks)
        for company in sorted(settings.companies, key=lambda company: company.namespace)
        for regions in [tuple(sorted(region.name for region in settings.regions_of(company)))]
        if not set(here).isdisjoint(regions)
    }
    contract = ControllerContract(
        cluster=plan.id,
        regions=tuple(here),
        all=tuple(sorted(region.name for region in settings.regions)),
        peers=dict(sorted(args.peers.items())),
        companies=companies,
        interval_seconds=settings.failover.interval_seconds,
        timeout_seconds=settings.failover.timeout_seconds,
        failure_threshold=settings.failover.failure_threshold,
        recovery_threshold=settings.failover.recovery_threshold,
    )
    data = {CONFIG_FILE: contract.to_json()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata(), "data": data}


def _network_policy(args: FailoverControllerArgs) -> Manifest:
    """In: load balancers and monitoring. Out: DNS, companies' workloads, the API, edges."""
    balancers: Rules = []
    for region in args.cluster.plan.regions:
        balancers = combined(balancers, from_load_balancer(args.settings, region, args.cluster, HTTP_PORT))
    return network_policy(
        FAILOVER_CONTROLLER,
        SYSTEM_NAMESPACE,
        LABELS,
        ingress=combined(balancers, from_monitoring(args.settings, METRICS_PORT)),
        egress=[to_dns(), to_tenants(AGENT_PORT, BRAIN_PORT, GATE_PORT), to_all(443, API_PORT)],
    )


def _service() -> Manifest:
    """The edges' backend, with the one port that they need. Metrics are scraped from each pod."""
    ports = [{"name": "http", "port": HTTP_PORT, "targetPort": "http"}]
    metadata = _metadata(**SKIP_AWAIT)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": LABELS, "ports": ports},
    }


def _deployment(args: FailoverControllerArgs) -> Manifest:
    settings = args.settings
    pre_stop = PRE_STOP_SECONDS if settings.balanced(args.cluster.plan.regions) else 0
    pod = PodParts(containers=[_container(settings, pre_stop)], volumes=_volumes(), pre_stop=pre_stop)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(**rollout_annotations(settings)),
        "spec": {
            "replicas": REPLICAS,
            "revisionHistoryLimit": 3,
            "minReadySeconds": MIN_READY_SECONDS,
            # One of two replicas always answers the edges' health checks.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "selector": {"matchLabels": LABELS},
            "template": pod_template(
                pod,
                settings=settings,
                region=None,
                service_account=FAILOVER_CONTROLLER,
                labels=LABELS,
                among=args.cluster.plan.regions,
            ),
        },
    }


def _container(settings: Settings, pre_stop: int) -> dict[str, Any]:
    environment = {
        **runtime_programs.ENVIRONMENT,
        "AGENCY_CONTAINER": FAILOVER_CONTROLLER,
        "CONTROLLER_SETTINGS": CONTROLLER_CONFIG_FOLDER,
        "CONTROLLER_SECRET_PATH": CONTROLLER_SECRET_FOLDER,
        "CONTROLLER_FLAGS": FLAGS_FOLDER,
        "CONTROLLER_HTTP_PORT": str(HTTP_PORT),
        "CONTROLLER_METRICS_PORT": str(METRICS_PORT),
    }
    return container(
        FAILOVER_CONTROLLER,
        settings.images.python,
        runtime_programs.command("runtime.controller"),
        resources=RESOURCES,
        mounts={
            PROGRAMS_FOLDER: "programs",
            CONTROLLER_CONFIG_FOLDER: "settings",
            CONTROLLER_SECRET_FOLDER: "secret",
            FLAGS_FOLDER: "flags",
            ACCOUNT: "account",
            "/tmp": "tmp",
        },
        env=[*variables(environment), POD_NAME],
        probes=_probes(),
        lifecycle=before_stop(pre_stop),
    )


def _probes() -> dict[str, Any]:
    """All probes use the port that no edge reaches."""
    probes = probed("metrics", METRICS_PORT, path="/live")
    probes["readinessProbe"] |= {"httpGet": {"path": "/ready", "port": "metrics"}}
    probes["ports"] = [{"name": "http", "containerPort": HTTP_PORT}, *probes["ports"]]
    return probes


def _volumes() -> list[dict[str, Any]]:
    """The account's token is mounted explicitly: no other pod of the platform has a token."""
    token = {"serviceAccountToken": {"path": "token", "expirationSeconds": TOKEN_SECONDS}}
    authority = {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}
    return [
        runtime_programs.failover_controller().volume("programs"),
        {"name": "settings", "configMap": {"name": FAILOVER_CONTROLLER}},
        {"name": "secret", "secret": {"secretName": FAILOVER_CONTROLLER}},
        flags_volume("flags"),
        {"name": "account", "projected": {"sources": [token, authority]}},
        scratch("tmp"),
    ]
