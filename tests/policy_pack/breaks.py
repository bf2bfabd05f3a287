"""For each policy, what breaks it: a change of one resource of a stack that keeps them all."""

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
    told: str
    """A part of the message."""
    change: Callable[[Registrations], None]

    def __str__(self) -> str:
        return f"{self.policy}: {self.told}"


EVERYBODY = {"ipBlock": {"cidr": "0.0.0.0/0"}}
BREAKS = (
    Break(
        policy="pods-are-hardened",
        told="hostNetwork is on",
        change=pod(lambda spec: spec.update(hostNetwork=True)),
    ),
    Break(
        policy="pods-are-hardened",
        told="volume node is a folder of the node",
        change=pod(lambda spec: spec["volumes"].append({"name": "node", "hostPath": {"path": "/"}})),
    ),
    Break(policy="pods-are-hardened", told="privileged is on", change=context(privileged=True)),
    Break(
        policy="pods-are-hardened",
        told="allowPrivilegeEscalation",
        change=context(allowPrivilegeEscalation=None),
    ),
    Break(
        policy="pods-are-hardened",
        told="readOnlyRootFilesystem",
        change=context(readOnlyRootFilesystem=False),
    ),
    Break(
        policy="pods-are-hardened",
        told="capabilities are not all dropped",
        change=context(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]}),
    ),
    Break(policy="pods-are-hardened", told="runAsNonRoot", change=context(runAsUser=0)),
    Break(
        policy="pods-are-hardened",
        told="no seccompProfile",
        change=context(seccompProfile={"type": "Unconfined"}),
    ),
    Break(
        policy="pods-hold-no-api-token",
        told="automountServiceAccountToken is not false",
        change=pod(lambda spec: spec.pop("automountServiceAccountToken")),
    ),
    Break(
        policy="containers-are-bounded",
        told="no limits of memory",
        change=container(lambda told: told["resources"]["limits"].pop("memory")),
    ),
    Break(
        policy="containers-are-probed",
        told="no livenessProbe",
        change=container(lambda told: told.pop("livenessProbe")),
    ),
    Break(
        policy="images-are-pinned",
        told="registry.example.com/agency:latest has no tag of its own",
        change=container(lambda told: told.update(image="registry.example.com/agency:latest")),
    ),
    Break(
        policy="namespaces-enforce-restricted",
        told="enforce is baseline",
        change=inputs(
            NAMESPACE,
            lambda told: told["metadata"]["labels"].update(
                {"pod-security.kubernetes.io/enforce": "baseline"}
            ),
        ),
    ),
    Break(policy="namespaces-are-guarded", told="has not a ResourceQuota", change=without(QUOTA)),
    Break(policy="namespaces-are-guarded", told="has not a LimitRange", change=without(LIMIT_RANGE)),
    Break(
        policy="namespaces-are-guarded",
        told="denies all by default",
        change=opened_by_default,
    ),
    Break(
        policy="openings-are-narrow",
        told="everybody is let in",
        change=opening("ingress", {"ports": [{"port": 1}]}),
    ),
    Break(
        policy="openings-are-narrow",
        told="everybody is let in",
        change=opening("ingress", {"from": [EVERYBODY]}),
    ),
    Break(
        policy="openings-are-narrow",
        told="on every port",
        change=opening("egress", {"to": [{"namespaceSelector": {}}]}),
    ),
    Break(
        policy="openings-are-narrow",
        told="the node's own credentials",
        change=opening("egress", {"to": [EVERYBODY], "ports": [{"port": 443}]}),
    ),
    Break(
        policy="only-the-agent-is-published",
        told="brain-us-east-1:3002 is on an ingress",
        change=inputs(
            INGRESS,
            lambda told: told["spec"]["rules"][0]["http"]["paths"].append(
                {"path": "/", "backend": {"service": {"name": f"brain-{US}", "port": {"number": 3002}}}}
            ),
            f"acme-agent@{US}",
        ),
    ),
    Break(
        policy="only-the-agent-is-published",
        told="a defaultBackend answers for every host",
        change=inputs(
            INGRESS,
            lambda told: told["spec"].update(defaultBackend={"service": {"name": "brain"}}),
            f"acme-agent@{US}",
        ),
    ),
    Break(
        policy="data-is-not-destroyed",
        told="forceDestroy is on",
        change=inputs(BUCKET, lambda told: told.update(forceDestroy=True)),
    ),
    Break(
        policy="data-is-not-destroyed",
        told="its volumes are deleted (whenScaled)",
        change=inputs(
            STATEFUL_SET,
            lambda told: told["spec"].update(persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete"}),
        ),
    ),
    Break(
        policy="protected-companies-are-protected-whole",
        told="the company data is protected",
        change=unprotect,
    ),
    Break(policy="buckets-are-safe", told="not versioned", change=without(BUCKET_VERSIONING)),
    Break(policy="buckets-are-safe", told="not encrypted", change=without(BUCKET_ENCRYPTION)),
    Break(
        policy="buckets-are-safe",
        told="public access",
        change=inputs(BUCKET_PUBLIC_ACCESS, lambda told: told.update(blockPublicPolicy=False)),
    ),
    Break(
        policy="buckets-are-safe",
        told="objects may belong to others",
        change=inputs(BUCKET_OWNERSHIP, lambda told: told.update(rule={"objectOwnership": "ObjectWriter"})),
    ),
    Break(
        policy="buckets-are-safe",
        told="without TLS",
        change=document(BUCKET_POLICY, "policy", Action="s3:GetObject"),
    ),
    Break(policy="buckets-are-safe", told="old versions stay", change=without(BUCKET_LIFECYCLE)),
    Break(
        policy="iam-has-no-wildcards",
        told="action s3:*",
        change=document(ROLE_POLICY, "policy", Action="s3:*"),
    ),
    Break(
        policy="iam-has-no-wildcards",
        told="resource *",
        change=document(ROLE_POLICY, "policy", Resource="*"),
    ),
    Break(
        policy="iam-has-no-wildcards",
        told="everybody is the principal",
        change=document(ROLE, "assumeRolePolicy", Principal="*"),
    ),
    Break(
        policy="rbac-has-no-wildcards",
        told="the wildcard * in verbs",
        change=inputs(CLUSTER_ROLE, lambda told: told["rules"][0].update(verbs=["*"])),
    ),
    Break(
        policy="no-plain-secrets",
        told="variable OPENAI_API_KEY holds a secret",
        change=container(
            lambda told: told.setdefault("env", []).append({"name": "OPENAI_API_KEY", "value": "abc"})
        ),
    ),
    Break(
        policy="no-plain-secrets",
        told="key notes holds a secret",
        change=inputs(CONFIG_MAP, lambda told: told["data"].update(notes="it is AKIAIOSFODNN7EXAMPLE")),
    ),
    Break(policy="a-name-has-one-owner", told="is that of", change=second_owner),
    Break(policy="a-name-has-one-owner", told="records of several policies", change=other_policy),
    Break(policy="a-region-is-active", told="none of the regions is active", change=no_active),
)
