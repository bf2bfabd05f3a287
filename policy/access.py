"""Rights without wildcards, and secrets that stand nowhere in plain text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import ResourceValidationArgs, Severity

from plan.iam_evaluator import wildcards
from policy.hardening import WITH_PODS, containers, pod_spec
from policy.writing import listed, metadata, of_resources

ROLE, ROLE_POLICY = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
POLICY, BUCKET_POLICY = "aws:iam/policy:Policy", "aws:s3/bucketPolicy:BucketPolicy"
RBAC = tuple(f"kubernetes:rbac.authorization.k8s.io/v1:{kind}" for kind in ("Role", "ClusterRole"))
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
NAMED = re.compile(
    r"(^|[_-])(API_?KEY|ACCESS_?KEY|SECRET|TOKEN|PASSWORD|PRIVATE_?KEY)([_-]|$)", re.IGNORECASE
)
NO_SECRET = re.compile(r"(_FILE|_PATH|_URL|_NAME)$", re.IGNORECASE)
"""Names that say where a secret lies."""
KNOWN = re.compile(
    r"\bAKIA[0-9A-Z]{16}\b|\bsk-[A-Za-z0-9_-]{20,}|\bgh[pousr]_[A-Za-z0-9]{36,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
"""AWS access keys, keys of OpenAI and Anthropic, tokens of GitHub, private keys."""


def _documents(props: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for key in ("policy", "assumeRolePolicy"):
        if text := props.get(key):
            yield json.loads(text) if isinstance(text, str) else text


def _wildcards(args: ResourceValidationArgs) -> Iterator[str]:
    for document in _documents(args.props):
        yield from wildcards(document)
        for statement in listed(document["Statement"]):
            if statement["Effect"] == "Allow" and "*" in _principals(statement.get("Principal")):
                yield f"{statement.get('Sid', 'a statement')}: everybody is the principal"


def _principals(principal: Any) -> list[str]:
    if isinstance(principal, str):
        return [principal]
    return [one for value in (principal or {}).values() for one in listed(value)]


def _rbac(args: ResourceValidationArgs) -> Iterator[str]:
    for rule in args.props.get("rules") or ():
        for key in ("apiGroups", "resources", "verbs"):
            if "*" in (rule.get(key) or ()):
                yield f"a rule with the wildcard * in {key}"


def _plain(args: ResourceValidationArgs) -> Iterator[str]:
    for place, name, value in _values(args):
        if KNOWN.search(value) or (value and NAMED.search(name) and not NO_SECRET.search(name)):
            yield f"{place} {name} holds a secret in plain text"


def _values(args: ResourceValidationArgs) -> Iterator[tuple[str, str, str]]:
    annotations = metadata(args.props).get("annotations") or {}
    yield from (("annotation", name, str(value)) for name, value in annotations.items())
    if args.resource_type == CONFIG_MAP:
        yield from (("key", name, str(value)) for name, value in (args.props.get("data") or {}).items())
        return
    for container, _ in containers(pod_spec(args)):
        for one in container.get("env") or ():
            yield f"container {container['name']}: variable", one["name"], str(one.get("value") or "")


POLICIES = (
    of_resources(
        "iam-has-no-wildcards",
        Severity.CRITICAL,
        [ROLE, ROLE_POLICY, POLICY, BUCKET_POLICY],
        "IAM documents name actions and resources; only the end of an object's key is open.",
        "Name each action, each bucket and each prefix; see `plan/iam.py`.",
        _wildcards,
    ),
    of_resources(
        "rbac-has-no-wildcards",
        Severity.HIGH,
        RBAC,
        "Kubernetes roles name groups, resources and verbs.",
        "Name what is called.",
        _rbac,
    ),
    of_resources(
        "no-plain-secrets",
        Severity.CRITICAL,
        [CONFIG_MAP, *WITH_PODS],
        "Secrets stand in Secrets, and encrypted in the stack file: in no variable, ConfigMap or annotation.",
        "Give it by `companies[].apiKeys` with `pulumi config set --secret`, or name a Secret that exists.",
        _plain,
    ),
)
