"""Every name that the platform uses: of objects, labels, folders in pods, hosts, buckets, roles, clusters.

A name is never cut to fit: the settings reject a stack with a name over its limit.
"""

from __future__ import annotations

import hashlib
import re

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


def bucket_name(domain: str, stack: str, region: str) -> str:
    return f"{domain.replace('.', '-')}-{stack}-{region}"


def replication_role_name(domain: str, stack: str) -> str:
    return f"{domain.replace('.', '-')}-{stack}-replication"


def region_role_name(domain: str, stack: str, region: str) -> str:
    """The role of all rclone sidecars of a region (EKS Pod Identity)."""
    return bucket_name(domain, stack, region)


def company_role_name(domain: str, stack: str, region: str, namespace: str) -> str:
    """The role of a company's rclone sidecars in a region (IRSA).

    Role names are unique in an account: the digest tells stacks and domains apart.
    """
    digest = hashlib.sha256(bucket_name(domain, stack, region).encode()).hexdigest()[:8]
    return f"{namespace}-{region}-{digest}"


def service_account_name(workload: str, region: str) -> str:
    return f"{workload}-{region}"


def eks_cluster_id(region: str, name: str) -> str:
    return f"eks-{region}-{name}"


def context_cluster_id(context: str) -> str:
    return "context-" + re.sub(r"[^a-z0-9]+", "-", context.lower()).strip("-")
