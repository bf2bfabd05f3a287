"""Kubeconfigs for clusters with a known endpoint and certificate authority."""

from __future__ import annotations

import json


def eks_kubeconfig(
    name: str,
    cluster: str,
    region: str,
    endpoint: str,
    certificate_authority: str,
    *,
    profile: str | None = None,
    role_arn: str | None = None,
) -> str:
    """A kubeconfig of an EKS cluster with the context `name`. The `aws` command supplies its credentials:
    those of a profile and a role, else the ambient ones.
    """
    token = ["--region", region, "eks", "get-token", "--cluster-name", cluster, "--output", "json"]
    token += ["--role-arn", role_arn] if role_arn else []
    token += ["--profile", profile] if profile else []
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "aws", "args": token,
                     "interactiveMode": "Never"}}  # fmt: skip
    address = {"server": endpoint, "certificate-authority-data": certificate_authority}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": address}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
    )
