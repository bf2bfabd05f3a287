"""Every name that the platform gives: namespaces, hosts, buckets, roles, folders.

A name is never cut to fit: `too_long` finds those over their limit, and the settings refuse them.
"""

from __future__ import annotations

import hashlib
import re

SYSTEM_NAMESPACE = "digital-agency-system"
COMPANY_LABEL = "agency.global/company"
LOCAL = "local"
"""The stack of the local target: its AWS is an emulator, its images are made on the spot."""
REGION_LABEL = "topology.kubernetes.io/region"
DIVERGED = "diverged"
"""The folder, in volumes and buckets, of what diverged (`runtime/gate/storage/keys.py`)."""
BUCKET_NAME_LIMIT = 63
ROLE_NAME_LIMIT = 64


def namespace_of(company: str) -> str:
    return company.lower().replace("_", "-")


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


def eks_folder(region: str, name: str) -> str:
    return f"eks-{region}-{name}"


def context_folder(context: str) -> str:
    return "context-" + re.sub(r"[^a-z0-9]+", "-", context.lower()).strip("-")


AMBIENT_FOLDER = "ambient"
