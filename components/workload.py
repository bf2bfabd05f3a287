"""What Brain and Agent have in common: all objects around their pods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pulumi
from pulumi import ComponentResource, ResourceOptions

from components.advice import Advice
from components.base import ADOPT, SKIP_AWAIT, AwsObject, KubernetesObject, Manifest
from components.pods import (
    PodParts,
    disruption_budget,
    pod_template,
    rollout_annotations,
    service_account,
)
from components.provisioning import Provisioning
from components.region import Region
from plan.edges import MIN_READY_SECONDS
from plan.names import COMPANY_LABEL, PLATFORM_LABEL, REGION_LABEL, WORKLOAD_LABEL, service_account_name
from runtime.ports import GATE_PORT
from settings import Company, Settings
from settings.companies import AccessMode
from settings.models import Identity


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """Where a company's Brain or Agent runs, and what it depends on."""

    settings: Settings
    company: Company
    region: Region
    roles: Mapping[str, pulumi.Input[str]]
    """ARN of the role of each component's gate; none without replication."""
    buckets: Mapping[str, str]
    """Every region's bucket name; empty without replication."""
    namespace: pulumi.Resource
    guards: Sequence[pulumi.Resource]
    """What must exist before any pod: quota, limits, default deny, keys, the gate's program."""
    advice: Advice
    provisioning: Provisioning
    after: Sequence[pulumi.Resource]
    """The company's StatefulSets that roll first."""


class Size(Protocol):
    @property
    def storage(self) -> str: ...
    @property
    def access_mode(self) -> AccessMode: ...
    @property
    def replicas(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class Workload:
    """The objects of a Brain or an Agent in one region, as manifests. All carry the region in their name."""

    kind: str
    args: WorkloadArgs
    size: Size
    ports: Mapping[str, int]
    """Container ports by name. Clients' Service has the first."""

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.args.region.settings.name}"

    @property
    def labels(self) -> dict[str, str]:
        return labels_of(self.kind, self.args)

    def metadata(self, name: str | None = None, **annotations: str) -> dict[str, Any]:
        metadata = {
            "name": name or self.name,
            "namespace": self.args.company.namespace,
            "labels": self.labels,
        }
        return metadata | {"annotations": annotations} if annotations else metadata

    def volume(self) -> Manifest:
        spec: dict[str, Any] = {
            "accessModes": [self.size.access_mode.value],
            "resources": {"requests": {"storage": self.size.storage}},
        }
        if self.args.region.settings.storage_class:
            spec["storageClassName"] = self.args.region.settings.storage_class
        metadata = self.metadata(**ADOPT, **SKIP_AWAIT)
        return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}

    def services(self) -> dict[str, Manifest]:
        """The clients' Service, and a headless Service for every pod, ready or not."""
        ports = [{"name": name, "port": port, "targetPort": name} for name, port in self.ports.items()]
        # By number: Kubernetes looks up a port's name only among containers that are not sidecars.
        gate = {"name": "gate", "port": GATE_PORT, "targetPort": GATE_PORT}
        return {
            "service": {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": self.metadata(**SKIP_AWAIT),
                "spec": {"selector": self.labels, "ports": ports[:1]},
            },
            "headless": {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": self.metadata(f"{self.name}-headless", **SKIP_AWAIT),
                "spec": {
                    "clusterIP": "None",
                    "publishNotReadyAddresses": True,
                    "selector": self.labels,
                    "ports": [*ports, gate],
                },
            },
        }

    def stateful_set(self, pod: PodParts) -> Manifest:
        settings = self.args.settings
        template = pod_template(
            pod,
            settings=settings,
            region=self.args.region.settings,
            service_account=service_account_name(self.kind, self.args.region.settings.name),
            labels=self.labels,
        )
        return {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": self.metadata(**rollout_annotations(settings)),
            "spec": {
                "serviceName": f"{self.name}-headless",
                "replicas": self.size.replicas,
                "podManagementPolicy": "Parallel",
                "updateStrategy": {"type": "RollingUpdate"},
                "revisionHistoryLimit": 3,
                **({"minReadySeconds": MIN_READY_SECONDS} if pod.pre_stop else {}),
                "selector": {"matchLabels": self.labels},
                "template": template,
            },
        }


def labels_of(kind: str, args: WorkloadArgs) -> dict[str, str]:
    """Labels and selector of a workload. They exclude the region's role, so a change of role rolls no pod."""
    return {
        WORKLOAD_LABEL: kind,
        **PLATFORM_LABEL,
        COMPANY_LABEL: args.company.namespace,
        REGION_LABEL: args.region.settings.name,
    }


@dataclass(frozen=True, kw_only=True)
class Deployed:
    stateful_set: KubernetesObject
    service: KubernetesObject
    """For clients."""


def deploy(
    parent: ComponentResource,
    name: str,
    workload: Workload,
    pod: PodParts,
    *,
    network_policy: Manifest,
    config: Manifest,
) -> Deployed:
    """Register a workload's objects as children of its component."""
    args = workload.args
    child = ResourceOptions(parent=parent, provider=args.region.cluster.provider, depends_on=[args.namespace])
    keep = ResourceOptions(
        parent=parent,
        provider=args.region.cluster.adopting_provider,
        depends_on=[args.namespace],
        retain_on_delete=True,
        protect=args.company.protect,
        hooks=args.advice.volume,
    )
    volume = KubernetesObject(f"{name}-volume", workload.volume(), keep)
    identity = _identity(parent, name, workload, child)
    policy = KubernetesObject(f"{name}-policy", network_policy, child)
    config_map = KubernetesObject(f"{name}-config", config, child)
    services = {
        role: KubernetesObject(f"{name}-{role}", manifest, child)
        for role, manifest in workload.services().items()
    }
    KubernetesObject(f"{name}-budget", disruption_budget(workload.metadata(), workload.labels), child)
    stateful_set = KubernetesObject(
        f"{name}-statefulset",
        workload.stateful_set(pod),
        ResourceOptions(
            parent=parent,
            provider=args.region.cluster.provider,
            depends_on=[*args.guards, volume, policy, config_map, identity, *args.after],
        ),
    )
    return Deployed(stateful_set=stateful_set, service=services["service"])


def _identity(
    parent: ComponentResource, name: str, workload: Workload, child: ResourceOptions
) -> pulumi.Resource:
    """The service account and its link to the role: a Pod Identity association, or an annotation for IRSA.

    Returns the resource that a pod has to wait for.
    """
    args, manifest = workload.args, service_account(workload.metadata())
    cluster, role = args.region.cluster, args.roles.get(workload.kind)
    by_association = args.settings.identity is Identity.POD_IDENTITY
    if role is not None and not by_association:
        manifest["metadata"]["annotations"] = {"eks.amazonaws.com/role-arn": role}
    account = KubernetesObject(f"{name}-account", manifest, child)
    if role is None or not by_association or cluster.eks_name is None:
        return account
    association = {
        "clusterName": cluster.eks_name,
        "region": cluster.plan.region,
        "namespace": args.company.namespace,
        "serviceAccount": workload.name,
        "roleArn": role,
    }
    return AwsObject(
        f"{name}-identity",
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        association,
        # Another role right before the pods with the program that was made for it.
        ResourceOptions(parent=parent, depends_on=[account, *args.after], hooks=args.provisioning.identity),
    )
