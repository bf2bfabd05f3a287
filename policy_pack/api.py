"""The Kubernetes API: the failover controller alone uses it, for flags, Lease, events, one annotation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pulumi_policy import PolicyResource, ResourceValidationArgs, Severity

from plan.names import FAILOVER_CONTROLLER, SYSTEM_NAMESPACE
from policy_pack.stack import Stack, cluster
from policy_pack.writing import Problems, Props, each, metadata, of_resources, of_the_stack
from runtime.flags import ANNOTATION, CONFIG_MAP

_RBAC = "kubernetes:rbac.authorization.k8s.io/v1"
ROLE, CLUSTER_ROLE, BINDING = f"{_RBAC}:Role", f"{_RBAC}:ClusterRole", f"{_RBAC}:RoleBinding"
_ADMISSION = "kubernetes:admissionregistration.k8s.io/v1"
ADMISSION = f"{_ADMISSION}:ValidatingAdmissionPolicy"
ADMISSION_BINDING = f"{_ADMISSION}:ValidatingAdmissionPolicyBinding"
CONTROLLER = {"kind": "ServiceAccount", "name": FAILOVER_CONTROLLER, "namespace": SYSTEM_NAMESPACE}
USER = f"system:serviceaccount:{SYSTEM_NAMESPACE}:{FAILOVER_CONTROLLER}"

RIGHTS: dict[tuple[str, str], tuple[set[str], set[str]]] = {
    ("", "configmaps"): ({"get", "patch"}, {CONFIG_MAP}),
    ("coordination.k8s.io", "leases"): ({"get", "update"}, {FAILOVER_CONTROLLER}),
    ("", "events"): ({"create"}, set()),
    ("", "pods"): ({"list", "patch"}, set()),
}
"""By API group and resource: verbs, and the names to which a rule must be limited."""
UNCHANGED = (
    "object.spec == oldObject.spec",
    "object.metadata.?labels == oldObject.metadata.?labels",
    "object.metadata.?ownerReferences == oldObject.metadata.?ownerReferences",
    "object.metadata.?finalizers == oldObject.metadata.?finalizers",
    *(
        f"variables.{one}.all(key, key == '{ANNOTATION}'"
        f" || (key in variables.{other} && variables.{one}[key] == variables.{other}[key]))"
        for one, other in (("now", "before"), ("before", "now"))
    ),
)
"""What must hold, in CEL, of a pod that the controller patches."""
VARIABLES = {
    "now": "object.metadata.?annotations.orValue({})",
    "before": "oldObject.metadata.?annotations.orValue({})",
}


def _rules(args: ResourceValidationArgs) -> Iterator[str]:
    yield from each(args.props.get("rules") or (), _rule)


def _rule(rule: Props) -> Iterator[str]:
    for key in ("apiGroups", "resources", "verbs"):
        if "*" in (rule.get(key) or ()):
            yield f"a rule with the wildcard * in {key}"
            return
    if rule.get("nonResourceURLs"):
        yield f"a rule for URLs: {', '.join(rule['nonResourceURLs'])}"
    names = set(rule.get("resourceNames") or ())
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            verbs, only = RIGHTS.get((group, resource), (set(), set()))
            if beyond := sorted(set(rule.get("verbs") or ()) - verbs):
                yield f"a rule to {', '.join(beyond)} {resource}, which the controller does not need"
            elif only and not (names and names <= only):
                yield f"a rule for {resource} of every name"


def _bindings(resources: Sequence[PolicyResource]) -> Problems:
    stack = Stack(resources)
    roles = {
        (cluster(role), role.resource_type.rpartition(":")[2], _namespace(role), metadata(role.props)["name"])
        for role in stack.of(ROLE, CLUSTER_ROLE)
    }
    for binding in stack.of(BINDING):
        of = binding.props["roleRef"]
        namespace = _namespace(binding) if of["kind"] == "Role" else ""
        if _namespace(binding) not in stack.companies | {SYSTEM_NAMESPACE}:
            yield binding, f"it gives rights in the namespace {_namespace(binding)}"
        if (cluster(binding), of["kind"], namespace, of["name"]) not in roles:
            yield binding, f"it binds the {of['kind']} {of['name']}, which is none of the stack"
        for subject in binding.props.get("subjects") or ():
            if {key: subject.get(key) for key in CONTROLLER} != CONTROLLER:
                yield binding, f"it gives rights to the {subject.get('kind')} {subject.get('name')}"


def _namespace(resource: PolicyResource) -> str:
    return str(metadata(resource.props).get("namespace") or "")


def _admission(resources: Sequence[PolicyResource]) -> Problems:
    """Where the controller may patch pods, an admission policy that leaves it the annotation alone."""
    stack = Stack(resources)
    holding = {
        (cluster(policy), metadata(policy.props)["name"])
        for policy in stack.of(ADMISSION)
        if _holds(policy.props["spec"])
    }
    held = {
        cluster(binding)
        for binding in stack.of(ADMISSION_BINDING)
        if "Deny" in (binding.props["spec"].get("validationActions") or ())
        and not any(binding.props["spec"].get(key) for key in ("matchResources", "paramRef"))
        and (cluster(binding), binding.props["spec"].get("policyName")) in holding
    }
    for role in stack.of(ROLE, CLUSTER_ROLE):
        if cluster(role) not in held and any(
            "pods" in rule.get("resources", ()) for rule in role.props["rules"]
        ):
            yield role, f"no admission policy limits its patches of pods to the annotation {ANNOTATION}"


def _holds(spec: Props) -> bool:
    conditions = [each["expression"] for each in spec.get("matchConditions") or ()]
    found = {each["name"]: each["expression"] for each in spec.get("variables") or ()}
    expressions = [each["expression"] for each in spec.get("validations") or ()]
    demanded = {part for expression in expressions for part in _conjuncts(expression)}
    return (
        spec.get("failurePolicy", "Fail") == "Fail"
        and not spec.get("paramKind")
        and conditions in ([], [f"request.userInfo.username == '{USER}'"])
        and _matches_pods(spec.get("matchConstraints") or {})
        and VARIABLES.items() <= found.items()
        and set(UNCHANGED) <= demanded
    )


def _matches_pods(constraints: Props) -> bool:
    narrowing = ("excludeResourceRules", "namespaceSelector", "objectSelector")
    return not any(constraints.get(key) for key in narrowing) and any(
        "" in rule["apiGroups"]
        and "v1" in rule["apiVersions"]
        and "UPDATE" in rule["operations"]
        and {"pods", "pods/*"} <= set(rule["resources"])
        and rule.get("scope", "*") in ("*", "Namespaced")
        and not rule.get("resourceNames")
        for rule in constraints.get("resourceRules") or ()
    )


def _conjuncts(expression: str) -> list[str]:
    """The conditions that an expression joins by `&&`; none with another operator outside brackets."""
    depth, start, parts = 0, 0, []
    for index, sign in enumerate(expression):
        depth += (sign in "([{") - (sign in ")]}")
        pair = expression[index : index + 2]
        if depth == 0 and (pair == "||" or (sign == "?" and expression[index - 1] != ".")):
            return []
        if depth == 0 and pair == "&&":
            parts.append(expression[start:index].strip())
            start = index + 2
    return [*parts, expression[start:].strip()]


POLICIES = (
    of_resources(
        "rbac-gives-what-the-controller-needs",
        Severity.CRITICAL,
        [ROLE, CLUSTER_ROLE],
        "Kubernetes roles let the failover controller read and write flags, its Lease, events, annotations.",
        "Name the API groups, resources, names and verbs that the program uses; see `failover_access.py`.",
        _rules,
    ),
    of_the_stack(
        "only-the-controller-uses-the-api",
        Severity.CRITICAL,
        "Roles of the stack are bound to the failover controller, and to nothing else.",
        "Bind a role of `components/failover_access.py` to the failover controller's service account.",
        _bindings,
    ),
    of_the_stack(
        "pods-are-patched-in-one-annotation",
        Severity.CRITICAL,
        "An admission policy denies the failover controller every change of a pod but one annotation.",
        "Keep policy and binding as `components/failover_access.py` makes them.",
        _admission,
    ),
)
