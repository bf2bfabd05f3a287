"""Breaks of each policy: changes of a resource in a stack that keeps all policies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.components.stacks import US
from tests.policy_pack.changes import (
    Registrations,
    container,
    context,
    document,
    inputs,
    no_active,
    opened_by_default,
    opening,
    other_policy,
    pod,
    second_owner,
    unprotect,
    without,
)
from tests.recording import (
    BUCKET,
    BUCKET_ENCRYPTION,
    BUCKET_LIFECYCLE,
    BUCKET_OWNERSHIP,
    BUCKET_POLICY,
    BUCKET_PUBLIC_ACCESS,
    BUCKET_VERSIONING,
    CLUSTER_ROLE,
    CONFIG_MAP,
    INGRESS,
    LIMIT_RANGE,
    NAMESPACE,
    QUOTA,
    ROLE,
    ROLE_POLICY,
    STATEFUL_SET,
)


@dataclass(frozen=True, kw_only=True)
class Break:
    policy: str
    message: str
    """A part of the message."""
    change: Callable[[Registrations], None]

    def __str__(self) -> str:
        return f"{self.policy}: {self.message}"


EVERYBODY = {"ipBlock": {"cidr": "0.0.0.0/0"}}
BREAKS = (
    Break(
        policy="pods-are-hardened",
        message="hostNetwork is on",
        change=pod(lambda spec: spec.update(hostNetwork=True)),
    ),
    Break(
        policy="pods-are-hardened",
        message="volume node is a folder of the node",
        change=pod(lambda spec: spec["volumes"].append({"name": "node", "hostPath": {"path": "/"}})),
    ),
    Break(policy="pods-are-hardened", message="privileged is on", change=context(privileged=True)),
    Break(
        policy="pods-are-hardened",
        message="allowPrivilegeEscalation",
        change=context(allowPrivilegeEscalation=None),
    ),
    Break(
        policy="pods-are-hardened",
        message="readOnlyRootFilesystem",
        change=context(readOnlyRootFilesystem=False),
    ),
    Break(
        policy="pods-are-hardened",
        message="capabilities are not all dropped",
        change=context(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]}),
    ),
    Break(policy="pods-are-hardened", message="runAsNonRoot", change=context(runAsUser=0)),
    Break(
        policy="pods-are-hardened",
        message="seccompProfile is missing",
        change=context(seccompProfile={"type": "Unconfined"}),
    ),
    Break(
        policy="pods-hold-no-api-token",
        message="automountServiceAccountToken is not false",
        change=pod(lambda spec: spec.pop("automountServiceAccountToken")),
    ),
    Break(
        policy="containers-are-bounded",
        message="no limits of memory",
        change=container(lambda props: props["resources"]["limits"].pop("memory")),
    ),
    Break(
        policy="containers-are-probed",
        message="no livenessProbe",
        change=container(lambda props: props.pop("livenessProbe")),
    ),
    Break(
        policy="images-are-pinned",
        message="registry.example.com/agency:latest has no tag other than latest",
        change=container(lambda props: props.update(image="registry.example.com/agency:latest")),
    ),
    Break(
        policy="namespaces-enforce-restricted",
        message="enforce is baseline",
        change=inputs(
            NAMESPACE,
            lambda props: props["metadata"]["labels"].update(
                {"pod-security.kubernetes.io/enforce": "baseline"}
            ),
        ),
    ),
    Break(policy="namespaces-are-guarded", message="has no ResourceQuota", change=without(QUOTA)),
    Break(policy="namespaces-are-guarded", message="has no LimitRange", change=without(LIMIT_RANGE)),
    Break(
        policy="namespaces-are-guarded",
        message="denies all by default",
        change=opened_by_default,
    ),
    Break(
        policy="openings-are-narrow",
        message="all senders are admitted",
        change=opening("ingress", {"ports": [{"port": 1}]}),
    ),
    Break(
        policy="openings-are-narrow",
        message="all senders are admitted",
        change=opening("ingress", {"from": [EVERYBODY]}),
    ),
    Break(
        policy="openings-are-narrow",
        message="on every port",
        change=opening("egress", {"to": [{"namespaceSelector": {}}]}),
    ),
    Break(
        policy="openings-are-narrow",
        message="the node's credentials",
        change=opening("egress", {"to": [EVERYBODY], "ports": [{"port": 443}]}),
    ),
    Break(
        policy="only-the-agent-is-published",
        message="brain-us-east-1:3002 is on an Ingress",
        change=inputs(
            INGRESS,
            lambda props: props["spec"]["rules"][0]["http"]["paths"].append(
                {"path": "/", "backend": {"service": {"name": f"brain-{US}", "port": {"number": 3002}}}}
            ),
            f"acme-agent@{US}",
        ),
    ),
    Break(
        policy="only-the-agent-is-published",
        message="a defaultBackend answers for every host",
        change=inputs(
            INGRESS,
            lambda props: props["spec"].update(defaultBackend={"service": {"name": "brain"}}),
            f"acme-agent@{US}",
        ),
    ),
    Break(
        policy="data-is-not-destroyed",
        message="forceDestroy is on",
        change=inputs(BUCKET, lambda props: props.update(forceDestroy=True)),
    ),
    Break(
        policy="data-is-not-destroyed",
        message="its volumes are deleted (whenScaled)",
        change=inputs(
            STATEFUL_SET,
            lambda props: props["spec"].update(persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete"}),
        ),
    ),
    Break(
        policy="protected-companies-are-protected-whole",
        message="the company data is protected",
        change=unprotect,
    ),
    Break(policy="buckets-are-safe", message="not versioned", change=without(BUCKET_VERSIONING)),
    Break(policy="buckets-are-safe", message="not encrypted", change=without(BUCKET_ENCRYPTION)),
    Break(
        policy="buckets-are-safe",
        message="public access",
        change=inputs(BUCKET_PUBLIC_ACCESS, lambda props: props.update(blockPublicPolicy=False)),
    ),
    Break(
        policy="buckets-are-safe",
        message="objects may belong to other accounts",
        change=inputs(BUCKET_OWNERSHIP, lambda props: props.update(rule={"objectOwnership": "ObjectWriter"})),
    ),
    Break(
        policy="buckets-are-safe",
        message="without TLS",
        change=document(BUCKET_POLICY, "policy", Action="s3:GetObject"),
    ),
    Break(
        policy="buckets-are-safe", message="old versions are never deleted", change=without(BUCKET_LIFECYCLE)
    ),
    Break(
        policy="iam-has-no-wildcards",
        message="action s3:*",
        change=document(ROLE_POLICY, "policy", Action="s3:*"),
    ),
    Break(
        policy="iam-has-no-wildcards",
        message="resource *",
        change=document(ROLE_POLICY, "policy", Resource="*"),
    ),
    Break(
        policy="iam-has-no-wildcards",
        message="everybody is the principal",
        change=document(ROLE, "assumeRolePolicy", Principal="*"),
    ),
    Break(
        policy="rbac-has-no-wildcards",
        message="the wildcard * in verbs",
        change=inputs(CLUSTER_ROLE, lambda props: props["rules"][0].update(verbs=["*"])),
    ),
    Break(
        policy="no-plain-secrets",
        message="variable OPENAI_API_KEY holds a secret",
        change=container(
            lambda props: props.setdefault("env", []).append({"name": "OPENAI_API_KEY", "value": "abc"})
        ),
    ),
    Break(
        policy="no-plain-secrets",
        message="key notes holds a secret",
        change=inputs(CONFIG_MAP, lambda props: props["data"].update(notes="it is AKIAIOSFODNN7EXAMPLE")),
    ),
    Break(policy="a-name-has-one-owner", message="is that of", change=second_owner),
    Break(policy="a-name-has-one-owner", message="records of several routing policies", change=other_policy),
    Break(policy="a-region-is-active", message="no region is active", change=no_active),
)
