"""Checks of a Kubernetes cluster: version, rights, nodes, ingress controller, storage, identity."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ops.cluster_access import Cluster
from ops.doctor.external_dns import external_dns, owners
from ops.doctor.findings import Finding, missing, present
from plan.names import REGION_LABEL
from settings import ClusterPlan, Region, Settings
from settings.companies import AccessMode
from settings.ingress import AUTO_MODE_CONTROLLER, LOAD_BALANCER_CONTROLLER, Ingress
from settings.models import Identity

LEAST_VERSION = (1, 30)
"""The first with a stable ValidatingAdmissionPolicy and sidecar containers."""
EBS, EFS = "ebs.csi.aws.com", "efs.csi.aws.com"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
IN_TREE = "kubernetes.io/"
NAMED = "app.kubernetes.io/name"
RIGHTS = (
    ("", "namespaces"),
    ("apps", "statefulsets"),
    ("networking.k8s.io", "networkpolicies"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
)

Object = dict[str, Any]
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
        ready = [node for node in live if _is_ready(node) and wanted.items() <= _labels(node).items()]
        if ready:
            zones = {_labels(node).get("topology.kubernetes.io/zone", "no zone") for node in ready}
            yield present(region.name, "nodes", f"{len(ready)} ready, in {', '.join(sorted(zones))}")
            continue
        labels = " ".join(f"{key}={value}" for key, value in wanted.items())
        remedy = f"add nodes with the labels {labels}, or change regions[].nodeSelector"
        yield missing(region.name, "nodes", "no node for the region's pods is ready", remedy)


def ingress(settings: Settings, plan: ClusterPlan, cluster: Cluster) -> Iterator[Finding]:
    controllers = {
        each["metadata"]["name"]: str(each["spec"].get("controller", ""))
        for each in cluster.api.list("IngressClass", version="networking.k8s.io/v1")
    }
    wanted = {ingress.class_name: ingress for ingress in map(settings.ingress_of, plan.regions)}
    for name, ingress in wanted.items():
        key = "ingress.className" if name == settings.ingress.class_name else "regions[].ingressClass"
        yield _ingress_class(plan, ingress, key, controllers)
        if controllers.get(name) == LOAD_BALANCER_CONTROLLER and ingress.makes_load_balancers:
            yield _running(
                plan, cluster, "Deployment", "aws-load-balancer-controller", "AWS Load Balancer Controller"
            )


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
    if in_eks and settings.replication.enabled and settings.identity is Identity.POD_IDENTITY:
        yield _running(plan, cluster, "DaemonSet", "eks-pod-identity-agent", "Pod Identity agent")


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
    status = workloads[0].get("status", {})
    ready = status.get("numberReady" if kind == "DaemonSet" else "availableReplicas", 0)
    if not ready:
        return missing(plan.id, what, "none of its pods is ready", remedy)
    return present(plan.id, what, f"{ready} pods ready")


def storage(settings: Settings, plan: ClusterPlan, cluster: Cluster) -> Iterator[Finding]:
    classes = cluster.api.list("StorageClass", version="storage.k8s.io/v1")
    drivers = {
        driver["metadata"]["name"] for driver in cluster.api.list("CSIDriver", version="storage.k8s.io/v1")
    }
    for region in plan.regions:
        yield from _storage(settings, region, classes, drivers)


def _storage(
    settings: Settings, region: Region, classes: list[Object], drivers: set[str]
) -> Iterator[Finding]:
    name = region.storage_class
    what = f"storage class {name}" if name else "default storage class"
    chosen = [each for each in classes if (each["metadata"]["name"] == name if name else _is_default(each))]
    if not chosen:
        remedy = "create it, or name an existing class: regions[].storageClass"
        yield missing(region.name, what, "there is none", remedy)
        return
    provisioner = str(chosen[0]["provisioner"])
    if provisioner.endswith(".csi.aws.com") and provisioner not in drivers:
        addon = "aws-efs-csi-driver" if provisioner == EFS else "aws-ebs-csi-driver"
        yield missing(
            region.name, what, f"its driver {provisioner} is not installed", f"install the add-on {addon}"
        )
        return
    shared = [
        company.name
        for company in settings.companies
        if _shares(company) and region in settings.regions_of(company)
    ]
    if shared and provisioner in (EBS, f"{IN_TREE}aws-ebs"):
        problem = f"{provisioner} has no ReadWriteMany, which {', '.join(shared)} need"
        yield missing(region.name, what, problem, f"name a class of {EFS}: regions[].storageClass")
        return
    if not chosen[0].get("allowVolumeExpansion"):
        remedy = "set allowVolumeExpansion: true on it"
        yield missing(region.name, what, "its volumes cannot grow", remedy)
        return
    yield present(region.name, what, provisioner)


def _shares(company: Any) -> bool:
    return AccessMode.READ_WRITE_MANY in (company.agent.access_mode, company.brain.access_mode)


def _is_default(storage_class: Object) -> bool:
    return bool((storage_class["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true")


def _is_ready(node: Object) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _labels(live: Object) -> dict[str, str]:
    return live["metadata"].get("labels") or {}


CHECKS: tuple[Check, ...] = (version, rights, nodes, ingress, storage, identity, external_dns)

ACROSS: tuple[CheckAcross, ...] = (owners,)
"""Over all clusters that answered."""
