"""Checks of a Kubernetes cluster: version, rights, nodes, ingress controller, storage, identity."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address, ip_network

from clients.kubernetes_api import Object
from ops.cluster_access import Cluster
from ops.doctor.accelerators import network_balancers
from ops.doctor.capacity import capacity
from ops.doctor.enforcement import network_policies
from ops.doctor.external_dns import external_dns, owners
from ops.doctor.findings import Finding, missing, present
from ops.doctor.ingress_class_params import ingress_class_params
from ops.doctor.monitoring import monitoring
from ops.doctor.pods import pods
from ops.doctor.storage import storage
from plan.names import COMPANY_LABEL, REGION_LABEL, SYSTEM_NAMESPACE, foreign_namespace
from settings import ClusterPlan, Region, Settings
from settings.ingress import AUTO_MODE_CONTROLLER, LOAD_BALANCER_CONTROLLER, Ingress
from settings.models import Identity
from settings.network import Protocol

LEAST_VERSION = (1, 30)
"""The first with a stable ValidatingAdmissionPolicy and sidecar containers."""
COMPUTE_TYPE, OPERATING_SYSTEM = "eks.amazonaws.com/compute-type", "kubernetes.io/os"
"""Labels of nodes."""
DNS_SERVICE, DNS_PORT = "kube-dns", 53
NAMED = "app.kubernetes.io/name"
RIGHTS = (
    ("", "namespaces"),
    ("apps", "statefulsets"),
    ("networking.k8s.io", "networkpolicies"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
)

Check = Callable[[Settings, ClusterPlan, Cluster], Iterator[Finding]]
CheckAcross = Callable[[Settings, Sequence[tuple[ClusterPlan, Cluster]]], Iterator[Finding]]


def version(settings: Settings, plan: ClusterPlan, cluster: Cluster) -> Iterator[Finding]:
    live = cluster.api.call("GET", "/version")
    numbers = tuple(int(re.sub(r"\D.*", "", str(live[key]))) for key in ("major", "minor"))
    if numbers >= LEAST_VERSION:
        yield present(plan.id, "Kubernetes", str(live["gitVersion"]))
    else:
        least = ".".join(map(str, LEAST_VERSION))
        yield missing(
            plan.id, "Kubernetes", str(live["gitVersion"]), f"upgrade the cluster to {least} or later"
        )


def rights(settings: Settings, plan: ClusterPlan, cluster: Cluster) -> Iterator[Finding]:
    refused = [
        f"{kind}.{group}".rstrip(".") for group, kind in RIGHTS if not _may_create(cluster, group, kind)
    ]
    if not refused:
        yield present(plan.id, "rights", "these credentials may deploy")
        return
    remedy = "use an identity with cluster-admin: in EKS an access entry with AmazonEKSClusterAdminPolicy"
    yield missing(plan.id, "rights", f"these credentials may not create {', '.join(refused)}", remedy)


def _may_create(cluster: Cluster, group: str, kind: str) -> bool:
    asked = {"group": group, "resource": kind, "verb": "create"}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    answer = cluster.api.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool(answer["status"].get("allowed"))


def nodes(settings: Settings, plan: ClusterPlan, cluster: Cluster) -> Iterator[Finding]:
    live = cluster.api.list("Node")
    for region in plan.regions:
        wanted = {REGION_LABEL: region.name, **region.node_selector}
        fitting = [node for node in live if _is_ready(node) and wanted.items() <= _labels(node).items()]
        obstacles = [_obstacle(node, region) for node in fitting]
        ready = [node for node, obstacle in zip(fitting, obstacles, strict=True) if not obstacle]
        if ready:
            zones = {_labels(node).get("topology.kubernetes.io/zone", "no zone") for node in ready}
            yield present(region.name, "nodes", f"{len(ready)} ready, in {', '.join(sorted(zones))}")
            yield from capacity(settings, region, ready)
            continue
        if fitting:
            problem = f"no pod may run on the region's nodes: {'; '.join(dict.fromkeys(obstacles))}"
            remedy = "set regions[].tolerations, uncordon the nodes, or add others"
            yield missing(region.name, "nodes", problem, remedy)
            continue
        labels = " ".join(f"{key}={value}" for key, value in wanted.items())
        remedy = f"add nodes with the labels {labels}, or change regions[].nodeSelector"
        yield missing(region.name, "nodes", "no node for the region's pods is ready", remedy)


def _obstacle(node: Object, region: Region) -> str:
    """Why the region's pods may not run on a node; empty where they may."""
    spec = node.get("spec") or {}
    if _labels(node).get(OPERATING_SYSTEM, "linux") != "linux":
        return f"they run {_labels(node)[OPERATING_SYSTEM]}"
    if spec.get("unschedulable"):
        return "they are cordoned"
    for taint in spec.get("taints") or ():
        key, value, effect = taint["key"], taint.get("value") or "", taint["effect"]
        tolerated = any(each.matches(key, value, effect) for each in region.tolerations)
        if effect != "PreferNoSchedule" and not tolerated:
            return f"they have the taint {key}={value}:{effect}"
    return ""


def namespaces(settings: Settings, plan: ClusterPlan, cluster: Cluster) -> Iterator[Finding]:
    """A namespace that exists is adopted only if it is the company's own (`components/own_namespaces.py`)."""
    live = {each["metadata"]["name"]: each for each in cluster.api.list("Namespace")}
    here = {region.name for region in plan.regions}
    companies = {
        company.namespace
        for company in settings.companies
        if not here.isdisjoint(region.name for region in settings.regions_of(company))
    }
    for name in sorted(live.keys() & {*companies, SYSTEM_NAMESPACE}):
        what = f"namespace {name}"
        if since := live[name]["metadata"].get("deletionTimestamp"):
            problem = "; ".join((f"it is being deleted since {since}", *_held(live[name])))
            remedy = "wait until it is gone, then deploy with `pulumi up --refresh`, which creates it again"
            yield missing(plan.id, what, problem, remedy)
        elif name in companies and _labels(live[name]).get(COMPANY_LABEL) != name:
            problem, _, remedy = foreign_namespace(name).partition(". ")
            yield missing(plan.id, what, problem, remedy)


def _held(namespace: Object) -> list[str]:
    """What keeps a namespace that is being deleted."""
    conditions = (namespace.get("status") or {}).get("conditions") or ()
    return [str(each["message"]) for each in conditions if each["status"] == "True"]


def ingress(settings: Settings, plan: ClusterPlan, cluster: Cluster) -> Iterator[Finding]:
    classes = {
        each["metadata"]["name"]: each["spec"]
        for each in cluster.api.list("IngressClass", version="networking.k8s.io/v1")
    }
    controllers = {name: str(spec.get("controller", "")) for name, spec in classes.items()}
    wanted = {ingress.class_name: ingress for ingress in map(settings.ingress_of, plan.regions)}
    for name, ingress in wanted.items():
        key = "ingress.className" if name == settings.ingress.class_name else "regions[].ingressClass"
        yield _ingress_class(plan, ingress, key, controllers)
        if controllers.get(name) == LOAD_BALANCER_CONTROLLER and ingress.makes_load_balancers:
            yield _running(
                plan, cluster, "Deployment", "aws-load-balancer-controller", "AWS Load Balancer Controller"
            )
            yield from ingress_class_params(settings, plan, cluster, name, classes[name])


def _ingress_class(plan: ClusterPlan, wanted: Ingress, key: str, controllers: dict[str, str]) -> Finding:
    """`key` names the class in the settings."""
    name, controller = wanted.class_name, wanted.served_by
    what = f"ingress class {name}"
    if name not in controllers:
        others = f"; there are: {', '.join(sorted(controllers))}" if controllers else ""
        of = "the AWS Load Balancer Controller" if wanted.makes_load_balancers else "its ingress controller"
        return missing(plan.id, what, f"there is none{others}", f"install {of}, or set {key}")
    if controllers[name] == AUTO_MODE_CONTROLLER:
        problem = "it is EKS Auto Mode's, which ignores the annotation that shares one load balancer"
        remedy = f"install the AWS Load Balancer Controller, and name its class: {key}"
        return missing(plan.id, what, problem, remedy)
    if controller is None and controllers[name] == LOAD_BALANCER_CONTROLLER:
        problem = "it creates a load balancer beside regions[].endpoint"
        return missing(plan.id, what, problem, f"name the class of a controller in the cluster: {key}")
    if controller not in (None, controllers[name]):
        problem = f"its spec.controller is {controllers[name]}, but the settings expect {controller}"
        other = f"set ingress.controller: {controllers[name]}, or " if key == "ingress.className" else ""
        return missing(plan.id, what, problem, f"{other}name another class: {key}")
    return present(plan.id, what, controllers[name])


def identity(settings: Settings, plan: ClusterPlan, cluster: Cluster) -> Iterator[Finding]:
    in_eks = bool(plan.eks or plan.eks_name)
    if not in_eks or not settings.replication.enabled or settings.identity is not Identity.POD_IDENTITY:
        return
    if _is_auto_mode(cluster):
        yield present(plan.id, "Pod Identity agent", "it is part of EKS Auto Mode")
    else:
        yield _running(plan, cluster, "DaemonSet", "eks-pod-identity-agent", "Pod Identity agent")


def cluster_dns(settings: Settings, plan: ClusterPlan, cluster: Cluster) -> Iterator[Finding]:
    """In EKS Auto Mode no pods are behind the cluster's DNS address: the rule for pods does not open it."""
    if not _is_auto_mode(cluster):
        return
    services = [each for each in cluster.api.list("Service") if each["metadata"]["name"] == DNS_SERVICE]
    address = services[0]["spec"]["clusterIP"] if services else ""
    opened = {
        egress.protocol
        for egress in settings.network.extra_egress
        if egress.port == DNS_PORT and (not address or ip_address(address) in ip_network(egress.cidr))
    }
    if opened == set(Protocol):
        yield present(plan.id, "cluster DNS", "network.extraEgress opens it")
        return
    cidr = str(ip_network(address)) if address else f"<clusterIP of the Service {DNS_SERVICE}>/32"
    rules = ", ".join(f"{{cidr: {cidr}, port: {DNS_PORT}, protocol: {each.value}}}" for each in Protocol)
    problem = "EKS Auto Mode serves it on an address, not in pods: network policies close it"
    yield missing(plan.id, "cluster DNS", problem, f"set network.extraEgress: [{rules}]")


def _is_auto_mode(cluster: Cluster) -> bool:
    return any(_labels(node).get(COMPUTE_TYPE) == "auto" for node in cluster.api.list("Node"))


def _running(plan: ClusterPlan, cluster: Cluster, kind: str, name: str, what: str) -> Finding:
    """Whether a workload with its usual label or name runs, in any namespace."""
    workloads = [
        workload
        for workload in cluster.api.call("GET", f"/apis/apps/v1/{kind.lower()}s")["items"]
        if name in (_labels(workload).get(NAMED), workload["metadata"]["name"])
    ]
    remedy = f"install the {what} (`aws eks create-addon` or its Helm chart) and wait until it runs"
    if not workloads:
        return missing(plan.id, what, "it is not installed", remedy)
    number = "numberReady" if kind == "DaemonSet" else "availableReplicas"
    ready = max(int((each.get("status") or {}).get(number) or 0) for each in workloads)
    if not ready:
        return missing(plan.id, what, "none of its pods is ready", remedy)
    return present(plan.id, what, f"{ready} pods ready")


def _is_ready(node: Object) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _labels(live: Object) -> dict[str, str]:
    return live["metadata"].get("labels") or {}


CHECKS: tuple[Check, ...] = (
    version,
    rights,
    nodes,
    namespaces,
    ingress,
    network_balancers,
    storage,
    identity,
    cluster_dns,
    network_policies,
    monitoring,
    pods,
    external_dns,
)

ACROSS: tuple[CheckAcross, ...] = (owners,)
"""Over all clusters that answered."""
