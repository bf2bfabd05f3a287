"""What the failover controller may do: RBAC, and an admission policy that looks at its patches."""

from __future__ import annotations

from typing import Any

from components.network_policies import CONTROLLER
from plan.names import SYSTEM_NAMESPACE
from runtime.flags import ANNOTATION, CONFIG_MAP

TENANTS = "digital-agency-failover"
"""The ClusterRole that is bound in each company's namespace, and the policy that goes with it."""
"""Of pods: a change of it makes the kubelet read the flags at once."""
USER = f"system:serviceaccount:{SYSTEM_NAMESPACE}:{CONTROLLER}"

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
    "resourceNames": [CONTROLLER],
    "verbs": ["get", "update"],
}
_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "patch"]}


def role() -> dict[str, Any]:
    """In the system namespace: its own flags, its Lease, events."""
    metadata = {"name": CONTROLLER, "namespace": SYSTEM_NAMESPACE}
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role",
        "metadata": metadata,
        "rules": [_FLAGS, _LEASE, _EVENTS],
    }


def role_binding() -> dict[str, Any]:
    return _binding(CONTROLLER, SYSTEM_NAMESPACE, {"kind": "Role", "name": CONTROLLER})


def tenants_role() -> dict[str, Any]:
    """In a company's namespace: its flags, an annotation of its pods, events."""
    metadata = {"name": TENANTS}
    rules = [_FLAGS, _PODS, _EVENTS]
    return {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules}


def binding(namespace: str) -> dict[str, Any]:
    """Of the role for companies, in one company's namespace."""
    return _binding("failover", namespace, {"kind": "ClusterRole", "name": TENANTS})


def _binding(name: str, namespace: str, role: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": _RBAC, **role},
        "subjects": [{"kind": "ServiceAccount", "name": CONTROLLER, "namespace": SYSTEM_NAMESPACE}],
    }


def admission_policy() -> dict[str, Any]:
    """RBAC can't say which part of a pod may be patched. This does: the one annotation."""
    same = (
        "spec is as it was",
        "object.spec == oldObject.spec",
        "metadata but for annotations is as it was",
        " && ".join(
            f"object.metadata.?{field} == oldObject.metadata.?{field}"
            for field in ("labels", "ownerReferences", "finalizers")
        ),
        "annotations but for one are as they were",
        _same_but_one("variables.now", "variables.before")
        + " && "
        + _same_but_one("variables.before", "variables.now"),
    )
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
                for what, expression in zip(same[::2], same[1::2], strict=True)
            ],
        },
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
