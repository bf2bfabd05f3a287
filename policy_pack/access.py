"""Permissions without wildcards, and no secrets in plain text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import ResourceValidationArgs, Severity

from plan.iam_evaluator import wildcards
from policy_pack.hardening import WITH_PODS, containers, pod_spec
from policy_pack.writing import each, listed, metadata, of_resources

ROLE, ROLE_POLICY = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
POLICY, BUCKET_POLICY = "aws:iam/policy:Policy", "aws:s3/bucketPolicy:BucketPolicy"
RBAC = tuple(f"kubernetes:rbac.authorization.k8s.io/v1:{kind}" for kind in ("Role", "ClusterRole"))
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
DOCUMENTS = ("policy", "assumeRolePolicy")
NAMED = re.compile(
    r"(^|[_-])(API_?KEY|ACCESS_?KEY|SECRET|TOKEN|PASSWORD|PRIVATE_?KEY)([_-]|$)", re.IGNORECASE
)
NO_SECRET = re.compile(r"(_FILE|_PATH|_URL|_NAME)$", re.IGNORECASE)
"""Names of variables that only locate a secret."""
KNOWN = re.compile(
    r"\bAKIA[0-9A-Z]{16}\b|\bsk-[A-Za-z0-9_-]{20,}|\bgh[pousr]_[A-Za-z0-9]{36,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
"""AWS access keys, keys of OpenAI and Anthropic, tokens of GitHub, private keys."""


def _iam(args: ResourceValidationArgs) -> Iterator[str]:
    yield from each(DOCUMENTS, lambda key: _document(args.props.get(key)))


def _document(document: Any) -> Iterator[str]:
    if not document:
        return
    document = json.loads(document) if isinstance(document, str) else document
    yield from each(listed(document["Statement"]), _statement)


def _statement(statement: Mapping[str, Any]) -> Iterator[str]:
    yield from wildcards({"Statement": [statement]})
    if statement["Effect"] == "Allow" and "*" in _principals(statement.get("Principal")):
        yield f"{statement.get('Sid', 'a statement')}: everybody is the principal"


def _principals(principal: Any) -> list[str]:
    if isinstance(principal, str):
        return [principal]
    return [name for value in (principal or {}).values() for name in listed(value)]


def _rbac(args: ResourceValidationArgs) -> Iterator[str]:
    for rule in args.props.get("rules") or ():
        for key in ("apiGroups", "resources", "verbs"):
            if "*" in (rule.get(key) or ()):
                yield f"a rule with the wildcard * in {key}"


def _secrets(args: ResourceValidationArgs) -> Iterator[str]:
    yield from each(_values(args), _secret)


def _secret(item: tuple[str, str, Mapping[str, Any], str]) -> Iterator[str]:
    place, name, values, key = item
    value = str(values.get(key) or "")
    if KNOWN.search(value) or (value and NAMED.search(name) and not NO_SECRET.search(name)):
        yield f"{place} {name} holds a secret in plain text"


def _values(args: ResourceValidationArgs) -> Iterator[tuple[str, str, Mapping[str, Any], str]]:
    """Place and name of each text, and the mapping and key of the text, which may be unknown."""
    annotations = metadata(args.props).get("annotations") or {}
    yield from (("annotation", name, annotations, name) for name in annotations)
    if args.resource_type == CONFIG_MAP:
        data = args.props.get("data") or {}
        yield from (("key", name, data, name) for name in data)
        return
    for container, _ in containers(pod_spec(args)):
        for variable in container.get("env") or ():
            yield f"container {container['name']}: variable", variable["name"], variable, "value"


POLICIES = (
    of_resources(
        "iam-has-no-wildcards",
        Severity.CRITICAL,
        [ROLE, ROLE_POLICY, POLICY, BUCKET_POLICY],
        "IAM documents name actions and resources; only the end of an object's key may be a wildcard.",
        "Name each action, each bucket and each prefix; see `plan/iam.py`.",
        _iam,
    ),
    of_resources(
        "rbac-has-no-wildcards",
        Severity.HIGH,
        RBAC,
        "Kubernetes roles name API groups, resources and verbs.",
        "Name the API groups, resources and verbs that the program uses.",
        _rbac,
    ),
    of_resources(
        "no-plain-secrets",
        Severity.CRITICAL,
        [CONFIG_MAP, *WITH_PODS],
        "Secrets are in Secrets, and encrypted in the stack file, not in variables, ConfigMaps, annotations.",
        "Set it in `companies[].apiKeys` with `pulumi config set --secret`, or name an existing Secret.",
        _secrets,
    ),
)
