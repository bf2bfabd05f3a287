"""What stands around a company in each of its clusters: namespace, quota, limits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from components.base import ADOPT
from plan.names import COMPANY_LABEL
from settings import Company, Settings
from settings.models import HEALTH_MONITOR_RESOURCES, Resources
from settings.values import quantity

SURGE = 2
"""A quota must let a rollout through: pods that go and pods that come count at the same time."""

SIDECAR_CPU = Decimal("0.5")
SIDECAR_MEMORY = Decimal(512 * 2**20)
"""Room in a pod for sidecars beside the application's own containers."""


def namespace(company: Company) -> dict[str, Any]:
    level = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": company.namespace,
            "labels": {"app.kubernetes.io/part-of": "digital-agency", COMPANY_LABEL: company.namespace}
            | level,
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
    agent = _sum(company.agent.resources, HEALTH_MONITOR_RESOURCES)
    brain = _sum(company.brain.resources)
    cpu, memory = (max(one, other) for one, other in zip(agent, brain, strict=True))
    return {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "company", "namespace": company.namespace},
        "spec": {
            "limits": [
                {
                    "type": "Pod",
                    "max": {"cpu": _milli(cpu + SIDECAR_CPU), "memory": _mebi(memory + SIDECAR_MEMORY)},
                },
                {
                    "type": "Container",
                    "default": {"cpu": "200m", "memory": "256Mi"},
                    "defaultRequest": {"cpu": "100m", "memory": "128Mi"},
                },
            ]
        },
    }


def _sum(*resources: Resources) -> tuple[Decimal, Decimal]:
    """CPU (cores) and memory (bytes) that containers may use at most."""
    cpu = sum((quantity(one.limits.cpu or "0") for one in resources), Decimal(0))
    memory = sum((quantity(one.limits.memory or "0") for one in resources), Decimal(0))
    return cpu, memory


def _milli(cores: Decimal) -> str:
    return f"{int(cores * 1000)}m"


def _mebi(size: Decimal) -> str:
    return f"{-int(-size // 2**20)}Mi"
