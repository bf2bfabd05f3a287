"""What stands around a company in each of its clusters: namespace, quota, limits."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from math import ceil
from typing import Any

from components.agent import LINKS_RESOURCES
from components.base import ADOPT
from components.cluster import readiness_gate
from components.gate import GATE_RESOURCES, RCLONE_RESOURCES, RESTORE_RESOURCES
from plan.names import COMPANY_LABEL
from settings import Company, Region, Settings
from settings.models import HEALTH_MONITOR_RESOURCES, Resources
from settings.values import quantity

SURGE = 2
"""A quota must let a rollout through: pods that go and pods that come count at the same time."""


def namespace(settings: Settings, company: Company, regions: Iterable[Region]) -> dict[str, Any]:
    """`regions`: those of the cluster."""
    level = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": company.namespace,
            "labels": {"app.kubernetes.io/part-of": "digital-agency", COMPANY_LABEL: company.namespace}
            | level
            | readiness_gate(settings, regions),
            "annotations": ADOPT,
        },
    }


def quota(settings: Settings, company: Company, regions_in_cluster: int) -> dict[str, Any]:
    """How many pods, and no way out of the cluster but the edges.

    CPU and memory are bounded by the number of pods times the largest pod of `limits`. A quota of their sum
    would block the very update that makes a company smaller: while one region rolls, the other regions' old
    pods still count. For the same reason the number does not depend on the company's own regions, and the
    volumes, which outlive a region that left, are not counted.
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
    """The largest pod, and what a container gets that says nothing (a debug container)."""
    agent = _most(company.agent.resources, HEALTH_MONITOR_RESOURCES, GATE_RESOURCES)
    brain = _most(company.brain.resources, GATE_RESOURCES)
    cpu, memory = (max(one, other) for one, other in zip(agent, brain, strict=True))
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


def _most(*running: Resources) -> tuple[Decimal, Decimal]:
    """CPU (cores) and memory (bytes) that a pod may use at most: what runs in it together, or the largest of
    what runs alone before that. The same with replication and without, so that neither blocks the other.
    """
    before = (LINKS_RESOURCES, RCLONE_RESOURCES, RESTORE_RESOURCES)
    cpu = sum((quantity(one.limits.cpu or "0") for one in running), Decimal(0))
    memory = sum((quantity(one.limits.memory or "0") for one in running), Decimal(0))
    return (
        max(cpu, *(quantity(one.limits.cpu or "0") for one in before)),
        max(memory, *(quantity(one.limits.memory or "0") for one in before)),
    )


def _milli(cores: Decimal) -> str:
    return f"{int(cores * 1000)}m"


def _mebi(size: Decimal) -> str:
    return f"{ceil(size / 2**20)}Mi"
