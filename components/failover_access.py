"""What the failover controller may do: RBAC, and an admission policy for its patches."""

from __future__ import annotations

from typing import Any

from plan.names import FAILOVER_CONTROLLER, SYSTEM_NAMESPACE
from runtime.flags import ANNOTATION, CONFIG_MAP

TENANTS = "digital-agency-failover"
"""Name of the ClusterRole that is bound in each company's namespace, and of its admission policy."""
USER = f"system:serviceaccount:{SYSTEM_NAMESPACE}:{FAILOVER_CONTROLLER}"

_RBAC = "rbac.authorization.k8s.io"
_FLAGS = {
    "apiGroups": [""],
    "resources": ["configmaps"],
    "resourceNames": [CONFIG_MAP],
    "verbs": ["get", "patch"],
}
_EVENTS = {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]}
_LEASE = {
    "apiGroups": ["coordination.k8s.io"],
    "resources": ["leases"],
    "resourceNames": [FAILOVER_CONTROLLER],
    "verbs": ["get", "update"],
}
_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "patch"]}


def role() -> dict[str, Any]:
    """In the system namespace: the flags, the Lease, events."""
    metadata = {"name": FAILOVER_CONTROLLER, "namespace": SYSTEM_NAMESPACE}
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role",
        "metadata": metadata,
        "rules": [_FLAGS, _LEASE, _EVENTS],
    }


def role_binding() -> dict[str, Any]:
    return _binding(FAILOVER_CONTROLLER, SYSTEM_NAMESPACE, {"kind": "Role", "name": FAILOVER_CONTROLLER})


def tenants_role() -> dict[str, Any]:
    """In a company's namespace: the flags, one annotation of pods, events."""
    metadata = {"name": TENANTS}
    rules = [_FLAGS, _PODS, _EVENTS]
    return {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules}


def binding(namespace: str) -> dict[str, Any]:
    """Binds the role for companies in one company's namespace."""
    return _binding("failover", namespace, {"kind": "ClusterRole", "name": TENANTS})


def _binding(name: str, namespace: str, role: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": _RBAC, **role},
        "subjects": [{"kind": "ServiceAccount", "name": FAILOVER_CONTROLLER, "namespace": SYSTEM_NAMESPACE}],
    }


def admission_policy() -> dict[str, Any]:
    """RBAC cannot limit which part of a pod is patched. This policy allows one annotation only."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": TENANTS},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["UPDATE"],
                        "resources": ["pods", "pods/*"],
                    }
                ]
            },
            "matchConditions": [
                {"name": "the-failover-controller", "expression": f"request.userInfo.username == '{USER}'"}
            ],
            "variables": [
                {"name": "now", "expression": "object.metadata.?annotations.orValue({})"},
                {"name": "before", "expression": "oldObject.metadata.?annotations.orValue({})"},
            ],
            "validations": [
                {
                    "expression": expression,
                    "message": f"the failover controller changes the annotation {ANNOTATION} alone: {what}",
                    "reason": "Forbidden",
                }
                for what, expression in _unchanged().items()
            ],
        },
    }


def _unchanged() -> dict[str, str]:
    """The parts of a pod that a patch must not change, with their conditions in CEL."""
    fields = ("labels", "ownerReferences", "finalizers")
    now, before = "variables.now", "variables.before"
    return {
        "spec is as it was": "object.spec == oldObject.spec",
        "metadata but for annotations is as it was": " && ".join(
            f"object.metadata.?{field} == oldObject.metadata.?{field}" for field in fields
        ),
        "annotations but for one are as they were": (
            f"{_same_but_one(now, before)} && {_same_but_one(before, now)}"
        ),
    }


def _same_but_one(some: str, others: str) -> str:
    return f"{some}.all(key, key == '{ANNOTATION}' || (key in {others} && {some}[key] == {others}[key]))"


def admission_binding() -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": TENANTS},
        "spec": {"policyName": TENANTS, "validationActions": ["Deny"]},
    }
