"""Every name that the platform uses: of objects, labels, folders in pods, hosts, buckets, roles, clusters.

A name is never cut to fit: the settings reject a stack with a name over its limit.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from runtime.contracts.gate import COMPONENTS

PROJECT = "digital-agency"
LOCAL = "local"
"""The stack of the local target: its AWS is an emulator, its images are built on this machine."""

SYSTEM_NAMESPACE = "digital-agency-system"
FAILOVER_CONTROLLER = "failover-controller"
"""Name of the failover controller's objects, and of its pods in their label."""
PRIORITY_CLASS = PROJECT
API_KEYS_SECRET = "api-keys"
REPLICA_KEYS_SECRET = "replica-access"

PLATFORM_LABEL = {"app.kubernetes.io/part-of": PROJECT}
COMPANY_LABEL = "agency.global/company"
REGION_LABEL = "topology.kubernetes.io/region"
ZONE_LABEL = "topology.kubernetes.io/zone"
WORKLOAD_LABEL = "app.kubernetes.io/name"
"""`agent` or `brain`."""
NAMESPACE_LABEL = "kubernetes.io/metadata.name"
"""Kubernetes sets it on every namespace to the namespace's name."""

WORK_FOLDER = "/work"
"""The Agent's working directory."""
AGENT_FOLDER = f"{WORK_FOLDER}/.agent"
"""Where every container has the application's data. The application requires the folder's name."""
BRAIN_FOLDER = f"{AGENT_FOLDER}/brain"
TOOLS_FOLDER = "/tools"
REPLACEMENT_FOLDER = "/replacement"
PROGRAMS_FOLDER = "/opt/agency"
GATE_CONFIG_FOLDER = "/etc/agency/runtime"
CONTROLLER_CONFIG_FOLDER = "/etc/agency/controller"
CONTROLLER_SECRET_FOLDER = "/etc/agency/controller-secret"
FLAGS_FOLDER = "/etc/agency/failed-regions"
DIVERGED = "diverged"
"""The folder, in volumes and buckets, of diverged files (`runtime/gate/storage/keys.py`)."""

AMBIENT_CLUSTER_ID = "ambient"
BUCKET_NAME_LIMIT = 63
ROLE_NAME_LIMIT = 64


def namespace_of(company: str) -> str:
    return company.lower().replace("_", "-")


def foreign_namespace(name: str) -> str:
    """The problem of a namespace that exists and is not a company's: what runs there must not be broken."""
    return (
        f"the namespace {name} exists and is not a company's: it lacks the label {COMPANY_LABEL}={name}. Give"
        " the company another name, or add the label to the namespace if it may be taken over"
    )


def host_of(namespace: str, domain: str) -> str:
    return f"{namespace}.{domain}"


def account_prefix(domain: str, stack: str) -> str:
    """Begins the names of what is a stack's in an account."""
    return f"{domain.replace('.', '-')}-{stack}"


def bucket_name(domain: str, stack: str, region: str) -> str:
    return f"{account_prefix(domain, stack)}-{region}"


def replication_role_name(domain: str, stack: str) -> str:
    return f"{account_prefix(domain, stack)}-replication"


@dataclass(frozen=True, kw_only=True)
class RoleNames:
    """Names of a stack's gates' roles. Role names are unique in an account: the digest tells stacks, domains
    and components apart."""

    domain: str
    """Or what begins the names of buckets in its place."""
    stack: str
    prefix: str = ""
    path: str = "/"

    def region(self, region: str) -> str:
        """The role that all gates of a region had before each component had its own (EKS Pod Identity)."""
        return bucket_name(self.domain, self.stack, region)

    def gate(self, region: str, component: str) -> str:
        """The role of a component's gates in a region (EKS Pod Identity)."""
        digest = _digest(self.region(region), component, "every company")
        return f"{self._start}{component}-{region}-{digest}"

    def company_gate(self, region: str, component: str, namespace: str) -> str:
        """The role of a company's gate in a region (IRSA), as long as that of the role that both components
        had in earlier versions."""
        return f"{self._start}{namespace}-{region}-{_digest(self.region(region), component)}"

    def gates(self, region: str) -> list[str]:
        """Patterns of the ARNs of a region's gates: for Pod Identity, and for IRSA those of any company."""
        names = [
            name
            for component in COMPONENTS
            for name in (self.gate(region, component), self.company_gate(region, component, "*"))
        ]
        return [self.arn(name) for name in names]

    def arn(self, name: str) -> str:
        """A pattern of the role's ARN, in whatever account."""
        return f"arn:aws:iam::*:role{self.path}{name}"

    @property
    def _start(self) -> str:
        return f"{self.prefix}-" if self.prefix else ""


def _digest(*parts: str) -> str:
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:8]


def service_account_name(workload: str, region: str) -> str:
    return f"{workload}-{region}"


def eks_cluster_id(region: str, name: str) -> str:
    return f"eks-{region}-{name}"


def context_cluster_id(context: str) -> str:
    return "context-" + re.sub(r"[^a-z0-9]+", "-", context.lower()).strip("-")
