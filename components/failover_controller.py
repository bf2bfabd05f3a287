"""The failover controller of one cluster: it watches the regions, and says which of them are failed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import ComponentResource, ResourceOptions

from components import failover_access as access
from components import runtime_programs
from components.base import SKIP_AWAIT, KubernetesObject, Manifest
from components.cluster import Cluster
from components.flags import FLAGS, flags_map, flags_volume
from components.network_policies import (
    CONTROLLER,
    Rules,
    deny_all,
    from_load_balancer,
    from_monitoring,
    network_policy,
    to_dns,
    to_https,
    to_tenants,
    together,
)
from components.pods import (
    PodParts,
    before_stop,
    container,
    is_local,
    pod_template,
    probed,
    scratch,
    variables,
)
from plan.edges import MIN_READY_SECONDS, PRE_STOP_SECONDS
from plan.names import SYSTEM_NAMESPACE
from runtime.ports import AGENT_PORT, BRAIN_PORT, GATE_PORT
from settings import Settings
from settings.companies import resources

PORT = 8080
"""Health and views, for edges and peers. Nothing else is on it."""
METRICS_PORT = 8081
API_PORT = 6443
"""Of API servers that are not on 443: network policies are held against the address behind the Service."""
REPLICAS = 2
SETTINGS = "/etc/agency/controller"
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_SECONDS = 3600
"""Until the kubelet has renewed the token; it does at 80 % of that."""

RESOURCES = resources(("50m", "64Mi"), ("500m", "128Mi"))
"""Source: the application's published chart; but half a core at most, to flag 500 companies in seconds."""

LABELS = {"app.kubernetes.io/name": CONTROLLER, "app.kubernetes.io/part-of": "digital-agency"}


@dataclass(frozen=True, kw_only=True)
class FailoverControllerArgs:
    settings: Settings
    cluster: Cluster
    peers: Mapping[str, str]
    """Regions to the URLs of their pages, where other clusters can be asked."""
    after: Sequence[pulumi.Resource]
    """The Deployments of the clusters that roll first."""


class FailoverController(ComponentResource):
    """Deployment of two replicas with its settings, program, Service, disruption budget and network policies;
    its account with exactly the rights that it needs; the flags of the cluster and its Lease.

    The flags and the Lease are declared without content: they are the controller's to write, and a deployment
    in an outage leaves them as they are. Settings are a folder that it reads again: they roll nothing.
    """

    TYPE = "agency:failover_controller:FailoverController"

    deployment: KubernetesObject
    service: KubernetesObject
    """What edges lead to."""

    def __init__(self, name: str, args: FailoverControllerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        child = ResourceOptions(
            parent=self, provider=args.cluster.provider, depends_on=[args.cluster.system_namespace]
        )
        before = [
            KubernetesObject(f"{name}-{part}", manifest, child) for part, manifest in _before(args).items()
        ]
        self.service = KubernetesObject(f"{name}-service", _service(), child)
        KubernetesObject(f"{name}-budget", _budget(), child)
        self.deployment = KubernetesObject(
            f"{name}-deployment",
            _deployment(args),
            ResourceOptions.merge(child, ResourceOptions(depends_on=[*before, *args.after])),
        )
        self.register_outputs({"service": f"{CONTROLLER}.{SYSTEM_NAMESPACE}"})


def _before(args: FailoverControllerArgs) -> dict[str, Manifest]:
    """What is there before a pod, by the part's name."""
    return {
        "settings": _settings_map(args),
        "program": runtime_programs.failover_controller().config_map(SYSTEM_NAMESPACE, LABELS),
        "flags": flags_map(SYSTEM_NAMESPACE),
        "lease": {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": _metadata()},
        "account": {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": _metadata(),
            "automountServiceAccountToken": False,
        },
        "role": access.role(),
        "binding": access.role_binding(),
        "tenants-role": access.tenants_role(),
        "admission": access.admission_policy(),
        "admission-binding": access.admission_binding(),
        "deny": deny_all(SYSTEM_NAMESPACE),
        "policy": _policy(args),
    }


def _metadata(**annotations: str) -> dict[str, Any]:
    found = {"name": CONTROLLER, "namespace": SYSTEM_NAMESPACE, "labels": LABELS}
    return {**found, "annotations": annotations} if annotations else found


def _settings_map(args: FailoverControllerArgs) -> Manifest:
    """What the controller reads again each round (`runtime/controller/settings.py`)."""
    settings, plan = args.settings, args.cluster.plan
    here = sorted(region.name for region in plan.regions)
    companies = {
        company.namespace: {"regions": regions, "dedicated": company.dedicated_health_checks}
        for company in sorted(settings.companies, key=lambda company: company.namespace)
        for regions in [sorted(region.name for region in settings.regions_of(company))]
        if not set(here).isdisjoint(regions)
    }
    told = {
        "cluster": plan.folder,
        "regions": here,
        "all": sorted(region.name for region in settings.regions),
        "peers": dict(sorted(args.peers.items())),
        "companies": companies,
        "intervalSeconds": settings.failover.interval_seconds,
        "timeoutSeconds": settings.failover.timeout_seconds,
        "failureThreshold": settings.failover.failure_threshold,
        "recoveryThreshold": settings.failover.recovery_threshold,
    }
    data = {"settings.json": json.dumps(told, indent=1)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata(), "data": data}


def _policy(args: FailoverControllerArgs) -> Manifest:
    """In: the regions' load balancers and monitoring. Out: DNS, companies' workloads, the API, edges."""
    balancers: Rules = []
    for region in args.cluster.plan.regions:
        balancers = together(balancers, from_load_balancer(args.settings, region, args.cluster, PORT))
    return network_policy(
        CONTROLLER,
        SYSTEM_NAMESPACE,
        LABELS,
        ingress=together(balancers, from_monitoring(args.settings, METRICS_PORT)),
        egress=[to_dns(), to_tenants(AGENT_PORT, BRAIN_PORT, GATE_PORT), to_https(443, API_PORT)],
    )


def _service() -> Manifest:
    """Edges lead here, and so only to the one port. Metrics are asked of each pod."""
    ports = [{"name": "http", "port": PORT, "targetPort": "http"}]
    metadata = _metadata(**SKIP_AWAIT)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": LABELS, "ports": ports},
    }


def _budget() -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _metadata(),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": LABELS},
        },
    }


def _deployment(args: FailoverControllerArgs) -> Manifest:
    settings = args.settings
    pre_stop = PRE_STOP_SECONDS if settings.balanced(args.cluster.plan.regions) else 0
    annotations = {
        **({} if settings.wait_for_ready else SKIP_AWAIT),
        # There is nothing to pull an image of this machine from.
        **({"kube-score/ignore": "container-image-pull-policy"} if is_local(settings.images.python) else {}),
    }
    pod = PodParts(containers=[_container(settings, pre_stop)], volumes=_volumes(), pre_stop=pre_stop)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(**annotations),
        "spec": {
            "replicas": REPLICAS,
            "revisionHistoryLimit": 3,
            "minReadySeconds": MIN_READY_SECONDS,
            # One of two goes on answering the edges' health checks.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "selector": {"matchLabels": LABELS},
            "template": pod_template(
                pod, settings=settings, region=None, service_account=CONTROLLER, labels=LABELS
            ),
        },
    }


def _container(settings: Settings, pre_stop: int) -> dict[str, Any]:
    told = {
        **runtime_programs.ENVIRONMENT,
        "AGENCY_CONTAINER": CONTROLLER,
        "CONTROLLER_SETTINGS": SETTINGS,
        "CONTROLLER_FLAGS": FLAGS,
        "CONTROLLER_HTTP_PORT": str(PORT),
        "CONTROLLER_METRICS_PORT": str(METRICS_PORT),
    }
    own = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    return container(
        CONTROLLER,
        settings.images.python,
        runtime_programs.command("runtime.controller"),
        resources=RESOURCES,
        mounts={
            runtime_programs.MOUNT: "programs",
            SETTINGS: "settings",
            FLAGS: "flags",
            ACCOUNT: "account",
            "/tmp": "tmp",
        },
        env=[*variables(told), own],
        probes=_probes(),
        lifecycle=before_stop(pre_stop),
    )


def _probes() -> dict[str, Any]:
    """All on the port that no edge leads to."""
    probes = probed("metrics", METRICS_PORT, path="/live")
    probes["readinessProbe"] |= {"httpGet": {"path": "/ready", "port": "metrics"}}
    probes["ports"] = [{"name": "http", "containerPort": PORT}, *probes["ports"]]
    return probes


def _volumes() -> list[dict[str, Any]]:
    """The account's token is mounted by hand: no other pod of the platform has one."""
    token = {"serviceAccountToken": {"path": "token", "expirationSeconds": TOKEN_SECONDS}}
    authority = {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}
    return [
        runtime_programs.failover_controller().volume("programs"),
        {"name": "settings", "configMap": {"name": CONTROLLER}},
        flags_volume("flags"),
        {"name": "account", "projected": {"sources": [token, authority]}},
        scratch("tmp"),
    ]
