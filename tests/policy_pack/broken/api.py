"""Rights in the Kubernetes API that break a promise."""

from __future__ import annotations

from tests.policy_pack.changes import inputs
from tests.policy_pack.edits import (
    ADMISSION_BINDING,
    Change,
    admission,
    admission_binding,
    bound,
    cluster_role_binding,
    gone,
    rule,
)
from tests.recording import CLUSTER_ROLE, KUBERNETES_ROLE

BROKEN: dict[str, Change] = {
    "api: cluster-admin": cluster_role_binding,
    "api: admin in a namespace": bound(
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"}
    ),
    "api: rights for a company's pods": bound(
        subjects=[{"kind": "ServiceAccount", "name": "agent-us-east-1", "namespace": "acme"}]
    ),
    "api: rights in another namespace": bound(metadata={"name": "failover", "namespace": "kube-system"}),
    "api: rights for everybody": bound(
        subjects=[{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:authenticated"}]
    ),
    "api: secrets": rule(resources=["secrets"], verbs=["get"]),
    "api: exec": rule(resources=["pods/exec"], verbs=["create"]),
    "api: all ConfigMaps": rule(resources=["configmaps"], verbs=["patch"]),
    "api: pods are deleted": rule(resources=["pods"], verbs=["delete"]),
    "api: pods are created": rule(resources=["pods"], verbs=["create"]),
    "api: tokens": rule(resources=["serviceaccounts/token"], verbs=["create"]),
    "api: workloads": rule(apiGroups=["apps"], resources=["statefulsets"], verbs=["patch"]),
    "api: bindings": rule(
        apiGroups=["rbac.authorization.k8s.io"], resources=["rolebindings"], verbs=["create"]
    ),
    "api: URLs": rule(nonResourceURLs=["/metrics"], verbs=["get"]),
    "api: any Lease": inputs(KUBERNETES_ROLE, lambda props: props["rules"][1].pop("resourceNames")),
    "api: aggregated rights": inputs(
        CLUSTER_ROLE,
        lambda props: props.update(aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}),
    ),
    "api: the admission policy audits": admission_binding(validationActions=["Audit"]),
    "api: the admission policy for some": admission_binding(
        matchResources={"namespaceSelector": {"matchLabels": {"a": "b"}}}
    ),
    "api: the admission policy fails open": admission(lambda spec: spec.update(failurePolicy="Ignore")),
    "api: the admission policy is for another": admission(
        lambda spec: spec["matchConditions"][0].update(expression="request.userInfo.username == 'x'")
    ),
    "api: the admission policy under a condition": admission(
        lambda spec: spec["matchConditions"].append({"name": "some", "expression": "false"})
    ),
    "api: the admission policy allows specs": admission(lambda spec: spec["validations"].pop(0)),
    "api: the admission policy allows all": admission(
        lambda spec: spec["validations"][0].update(expression="true || object.spec == oldObject.spec")
    ),
    "api: the admission policy compares nothing": admission(
        lambda spec: spec["variables"][1].update(expression="object.metadata.?annotations.orValue({})")
    ),
    "api: the admission policy for creations": admission(
        lambda spec: spec["matchConstraints"]["resourceRules"][0].update(operations=["CREATE"])
    ),
    "api: the admission policy excludes some": admission(
        lambda spec: spec["matchConstraints"].update(
            excludeResourceRules=[{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]
        )
    ),
    "api: no admission policy": gone(ADMISSION_BINDING, "admission-binding"),
}
