"""Annotations of Kubernetes objects that controllers of the cluster act upon."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import ResourceValidationArgs, Severity

from policy_pack.hardening import WITH_PODS, pod_template
from policy_pack.publishing import ALB, ALB_KEYS, INGRESS
from policy_pack.writing import each, metadata, of_resources

CONTROLLERS = re.compile(
    r"(^|[./-])((kubernetes|k8s)\.io|k8s\.aws|amazonaws\.com)/"
    r"|external-dns|nginx|traefik|haproxy|istio|linkerd|konghq|cert-manager|hashicorp|reloader|kyverno|velero"
)
"""Keys that are not the organisation's own."""
KNOWN = {"kubernetes:core/v1:ServiceAccount": {"eks.amazonaws.com/role-arn"}}
EXTERNAL_DNS = re.compile(r"external-dns[^/]*/(hostname|set-identifier|ttl|target|controller|aws-[a-z-]+)$")
TARGETS = re.compile(r"deregistration_delay\.timeout_seconds=\d{1,2}")


def _annotations(args: ResourceValidationArgs) -> Iterator[str]:
    if not args.resource_type.startswith("kubernetes:"):
        return
    found = [
        args.props,
        *([pod_template(args.resource_type, args.props)] if args.resource_type in WITH_PODS else []),
    ]
    for props in found:
        own = metadata(props).get("annotations") or {}
        yield from each(own, lambda key, own=own: _annotation(key, own, args.resource_type))  # type: ignore[misc]


def _annotation(key: str, own: Mapping[str, Any], type_: str) -> Iterator[str]:
    """The value may be unknown: that of a certificate's ARN."""
    if not CONTROLLERS.search(key) or key in KNOWN.get(type_, ()):
        return
    name = key.removeprefix(ALB)
    if type_ == INGRESS and (name in ALB_KEYS or EXTERNAL_DNS.search(key)):
        if name == "target-group-attributes" and not TARGETS.fullmatch(str(own[key])):
            yield f"the annotation {key} is {own[key]}"
        return
    fixed = name.startswith("actions.") and json.loads(own[key]).get("type") == "fixed-response"
    if not (type_ == INGRESS and fixed):
        yield f"the annotation {key} is set"


POLICIES = (
    of_resources(
        "annotations-of-controllers-are-known",
        Severity.CRITICAL,
        None,
        "Annotations that controllers of the cluster read are those that the program sets.",
        "Remove it; a new one belongs into `policy_pack/controllers.py`.",
        _annotations,
    ),
)
