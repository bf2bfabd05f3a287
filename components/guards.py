"""What bounds a company in each of its clusters: namespace, quota, limits."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from math import ceil
from typing import Any

from components.agent import LINKS_RESOURCES
from components.base import ADOPT, RESTRICTED
from components.cluster import readiness_gate
from components.gate import GATE_RESOURCES, RCLONE_RESOURCES, RESTORE_RESOURCES
from plan.names import COMPANY_LABEL, PLATFORM_LABEL
from plan.quantities import quantity
from settings import Company, Region, Settings
from settings.companies import HEALTH_MONITOR_RESOURCES, Resources

SURGE = 2
"""A quota must allow a rollout, in which old and new pods count at the same time."""


def namespace(settings: Settings, company: Company, regions: Iterable[Region]) -> dict[str, Any]:
    """The company's namespace in a cluster that hosts `regions`."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": company.namespace,
            "labels": {**PLATFORM_LABEL, COMPANY_LABEL: company.namespace}
            | RESTRICTED
            | readiness_gate(settings, regions),
            "annotations": ADOPT,
        },
    }


def quota(settings: Settings, company: Company, regions_in_cluster: int) -> dict[str, Any]:
    """Limits the number of pods, and forbids Services that bypass the edges.

    The number of pods times the largest pod of `limits` bounds CPU and memory. A quota of their sums would
    block an update that makes a company smaller: while each region rolls, the other regions' old pods still
    count. For the same reason the number does not depend on the company's own regions, and volumes, which
    outlive a region that left, do not count.
    """
    pods = SURGE * regions_in_cluster * (company.agent.replicas + company.brain.replicas)
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "company", "namespace": company.namespace},
        "spec": {
            "hard": {
                "pods": str(pods),
                "services.loadbalancers": "0",
                "services.nodeports": "0",
            }
        },
    }


def limits(company: Company) -> dict[str, Any]:
    """The largest allowed pod, and the defaults of a container without resources (a debug container)."""
    agent = _largest(company.agent.resources, HEALTH_MONITOR_RESOURCES, GATE_RESOURCES)
    brain = _largest(company.brain.resources, GATE_RESOURCES)
    cpu, memory = map(max, agent, brain)
    return {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "company", "namespace": company.namespace},
        "spec": {
            "limits": [
                {"type": "Pod", "max": {"cpu": _milli(cpu), "memory": _mebi(memory)}},
                {
                    "type": "Container",
                    "default": {"cpu": "200m", "memory": "256Mi"},
                    "defaultRequest": {"cpu": "100m", "memory": "128Mi"},
                },
            ]
        },
    }


def _largest(*running: Resources) -> tuple[Decimal, Decimal]:
    """CPU (cores) and memory (bytes) that a pod may use at most: its containers together, or the largest init
    container. The same with replication and without, so that switching it on or off is never blocked.
    """
    init_containers = (LINKS_RESOURCES, RCLONE_RESOURCES, RESTORE_RESOURCES)
    cpu = sum((quantity(resources.limits.cpu or "0") for resources in running), Decimal(0))
    memory = sum((quantity(resources.limits.memory or "0") for resources in running), Decimal(0))
    return (
        max(cpu, *(quantity(resources.limits.cpu or "0") for resources in init_containers)),
        max(memory, *(quantity(resources.limits.memory or "0") for resources in init_containers)),
    )


def _milli(cores: Decimal) -> str:
    return f"{int(cores * 1000)}m"


def _mebi(size: Decimal) -> str:
    return f"{ceil(size / 2**20)}Mi"
