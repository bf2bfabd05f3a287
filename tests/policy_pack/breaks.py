"""Breaks of each policy: changes of a resource in a stack that keeps all policies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.components.stacks import US, WEST
from tests.policy_pack.breaks_of_pods import OF_PODS
from tests.policy_pack.breaks_of_programs import OF_PROGRAMS
from tests.policy_pack.broken import publishing, roles
from tests.policy_pack.changes import (
    Registrations,
    container,
    document,
    inputs,
    no_active,
    other_policy,
    second_owner,
    unprotect,
    without,
)
from tests.policy_pack.edits import (
    BUCKET_ARN,
    admission_binding,
    annotated,
    bound,
    cluster_role_binding,
    endpoint_group,
    first_lifecycle,
    front,
    gate_config,
    leaked,
    put_annotation,
    replication,
    rights,
    rule,
    service,
    several_classes,
    trust,
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
    RECORD,
    ROLE,
    ROLE_POLICY,
    STATEFUL_SET,
    VOLUME_CLAIM,
)


@dataclass(frozen=True, kw_only=True)
class Break:
    policy: str
    message: str
    """A part of the message."""
    change: Callable[[Registrations], None]

    @property
    def others(self) -> set[str]:
        """Further policies that report it, for it breaks them, too."""
        return OTHERS.get(str(self), set())

    def __str__(self) -> str:
        return f"{self.policy}: {self.message}"


CHANGES: dict[str, list[tuple[str, Callable[[Registrations], None]]]] = {
    "only-the-agent-is-published": [
        (
            "brain-us-east-1:3002 is on an Ingress",
            inputs(
                INGRESS,
                lambda props: props["spec"]["rules"][0]["http"]["paths"].append(
                    {"path": "/", "backend": {"service": {"name": f"brain-{US}", "port": {"number": 3002}}}}
                ),
                f"acme-agent@{US}",
            ),
        ),
        (
            "a defaultBackend answers for every host",
            inputs(
                INGRESS,
                lambda props: props["spec"].update(defaultBackend={"service": {"name": "brain"}}),
                f"acme-agent@{US}",
            ),
        ),
    ],
    "data-is-not-destroyed": [
        ("forceDestroy is on", inputs(BUCKET, lambda props: props.update(forceDestroy=True))),
        (
            "its volumes are deleted (whenScaled)",
            inputs(
                STATEFUL_SET,
                lambda props: props["spec"].update(
                    persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete"}
                ),
            ),
        ),
    ],
    "protected-companies-are-protected-whole": [
        ("the company data is protected", unprotect),
    ],
    "buckets-are-safe": [
        ("not versioned", without(BUCKET_VERSIONING)),
        ("not encrypted", without(BUCKET_ENCRYPTION)),
        ("public access", inputs(BUCKET_PUBLIC_ACCESS, lambda props: props.update(blockPublicPolicy=False))),
        (
            "objects may belong to other accounts",
            inputs(BUCKET_OWNERSHIP, lambda props: props.update(rule={"objectOwnership": "ObjectWriter"})),
        ),
        ("without TLS", document(BUCKET_POLICY, "policy", Action="s3:GetObject")),
        ("old versions are never deleted", without(BUCKET_LIFECYCLE)),
    ],
    "iam-has-no-wildcards": [
        ("action s3:*", document(ROLE_POLICY, "policy", Action="s3:*")),
        ("resource *", document(ROLE_POLICY, "policy", Resource="*")),
        ("everybody is the principal", document(ROLE, "assumeRolePolicy", Principal="*")),
    ],
    "roles-do-their-work-only": [
        ("it may not s3:GetObject on", roles.BROKEN["rights: nothing is restored"]),
        ("its role trusts no cluster other", roles.BROKEN["identity: another cluster"]),
        ("is trusted", trust(lambda own: own.update(Principal={"Service": "lambda.amazonaws.com"}))),
        ("it may s3:GetObject on", rights(Action="s3:GetObject", Resource=f"{BUCKET_ARN}/{US}/globex/*")),
    ],
    "rbac-gives-what-the-controller-needs": [
        ("a rule to get secrets", rule(resources=["secrets"], verbs=["get"])),
        (
            "the wildcard * in verbs",
            inputs(CLUSTER_ROLE, lambda props: props["rules"][0].update(verbs=["*"])),
        ),
    ],
    "only-the-controller-uses-the-api": [
        ("gives rights to the Group all", bound(subjects=[{"kind": "Group", "name": "all"}])),
    ],
    "pods-are-patched-in-one-annotation": [
        ("no admission policy limits", admission_binding(validationActions=["Audit"])),
    ],
    "secrets-are-in-secrets-alone": [
        ("has the value of a Secret", leaked(put_annotation)),
    ],
    "programs-keep-to-their-company": [
        ("its gate works for data", gate_config(f"acme-brain@{US}-config", namespace="data")),
    ],
    "no-plain-secrets": [
        (
            "variable OPENAI_API_KEY holds a secret",
            container(
                lambda props: props.setdefault("env", []).append({"name": "OPENAI_API_KEY", "value": "abc"})
            ),
        ),
        (
            "key notes holds a secret",
            inputs(
                CONFIG_MAP,
                lambda props: props.setdefault("data", {}).update(notes="it is AKIAIOSFODNN7EXAMPLE"),
            ),
        ),
    ],
    "buckets-lose-nothing": [
        ("deletes current objects", first_lifecycle(expiration={"days": 1})),
    ],
    "copies-are-replicated": [
        ("no enabled rule replicates", replication(status="Disabled")),
    ],
    "volumes-have-one-class": [
        ("have several StorageClasses", several_classes),
    ],
    "endpoints-are-as-healthy-as-their-region": [
        ("is checked at /, not at /healthz/", front(f"{WEST}-edge-1-ingress", "/")),
        ("is unhealthy as soon as one company is", endpoint_group("app/edge/01")),
        ("its traffic dial is 0", endpoint_group("net/front/01", trafficDialPercentage=0)),
    ],
    "names-lead-to-healthy-edges": [
        (
            "which is no load balancer of the stack",
            inputs(RECORD, lambda props: props.update(records=["evil.example.com"]), f"{US}-leaf"),
        ),
    ],
    "services-stay-inside": [
        ("its type is NodePort", service("acme-brain", type="NodePort")),
    ],
    "clients-use-https": [
        ("plain HTTP is not redirected", annotated(f"acme-agent@{WEST}", ssl_redirect=None)),
    ],
    **OF_PODS,
    **OF_PROGRAMS,
    "only-known-resources": [
        ("the program makes no ClusterRoleBinding", cluster_role_binding),
        (
            "spec.dataSource is set",
            inputs(VOLUME_CLAIM, lambda props: props["spec"].update(dataSource={"name": "other"})),
        ),
    ],
    "a-name-has-one-owner": [
        ("is that of", second_owner),
        ("records of several routing policies", other_policy),
        (
            "external-dns makes records of its hosts",
            publishing.BROKEN["dns: external-dns makes records of a company's host"],
        ),
    ],
    "a-region-is-active": [
        ("no region is active", no_active),
    ],
}
"""By policy: a part of the message, and the change that breaks the policy."""
OTHERS = {
    "openings-are-narrow: the node's credentials": {"namespaces-begin-closed"},
    "objects-are-in-own-namespaces: is in the namespace default, which": {"namespaces-are-guarded"},
    "namespaces-begin-closed: acme denies all by default": {"openings-are-narrow"},
    "volumes-are-restored: nothing restores its volume": {"workloads-run-their-programs"},
    "a-region-is-active: no region is active": {"programs-keep-to-their-company"},
    "iam-has-no-wildcards: action s3:*": {"roles-do-their-work-only"},
    "iam-has-no-wildcards: resource *": {"roles-do-their-work-only"},
    "iam-has-no-wildcards: everybody is the principal": {"roles-do-their-work-only"},
}
BREAKS = tuple(
    Break(policy=policy, message=message, change=change)
    for policy, changes in CHANGES.items()
    for message, change in changes
)
