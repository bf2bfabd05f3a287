"""Isolation of companies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from pulumi_policy import PolicyResource, ResourceValidationArgs, Severity

from plan.names import COMPANY_LABEL, SYSTEM_NAMESPACE
from plan.quantities import quantity
from policy_pack.hardening import containers
from policy_pack.stack import Stack, cluster, place
from policy_pack.writing import Problems, Props, labels, metadata, of_resources, of_the_stack

NAMESPACE = "kubernetes:core/v1:Namespace"
QUOTA = "kubernetes:core/v1:ResourceQuota"
LIMIT_RANGE = "kubernetes:core/v1:LimitRange"
GUARDS = (QUOTA, LIMIT_RANGE)
PRIORITY = "kubernetes:scheduling.k8s.io/v1:PriorityClass"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
MOST_PODS = 1000
MOST_ROOM = 2
"""How many times its largest pod a LimitRange may allow. The program leaves room for init containers."""
HIGHEST_PRIORITY = 1_000_000
ENFORCE = "pod-security.kubernetes.io/enforce"


def _enforced(args: ResourceValidationArgs) -> Iterator[str]:
    own = labels(args.props)
    if own.get(ENFORCE) != "restricted":
        yield f"the label {ENFORCE} is {own.get(ENFORCE) or 'missing'}"
    if own.get(f"{ENFORCE}-version", "latest") != "latest":
        yield f"the label {ENFORCE}-version is {own[f'{ENFORCE}-version']}: newer rules are not enforced"
    if own.get(COMPANY_LABEL, metadata(args.props)["name"]) != metadata(args.props)["name"]:
        yield f"the label {COMPANY_LABEL} is that of another company: {own[COMPANY_LABEL]}"


def _guards(resources: Sequence[PolicyResource]) -> Problems:
    guards = {
        (resource.resource_type, *place(resource))
        for resource in resources
        if resource.resource_type in GUARDS
    }
    for resource in resources:
        if resource.resource_type == NAMESPACE and COMPANY_LABEL in labels(resource.props):
            name = metadata(resource.props)["name"]
            for guard in GUARDS:
                if (guard, cluster(resource), name) not in guards:
                    yield resource, f"the namespace {name} has no {guard.rpartition(':')[2]}"
    yield from _fits(resources)


def _fits(resources: Sequence[PolicyResource]) -> Problems:
    """The API server refuses pods above their LimitRange. One far above its pods bounds nothing."""
    stack = Stack(resources)
    for limits in stack.of(LIMIT_RANGE):
        most = _most(limits.props)
        for amount in [amount for amount in ("cpu", "memory") if most.get(amount)]:
            sizes = [_together(pod["spec"], amount) for pod in stack.workloads[place(limits)]]
            allowed, largest = quantity(str(most[amount])), max(sizes, default=Decimal(0))
            if largest > allowed:
                yield (
                    limits,
                    f"it refuses a pod of its namespace: its limits are over {most[amount]} {amount}",
                )
            elif sizes and allowed > largest * MOST_ROOM:
                yield limits, f"a pod may have {most[amount]} {amount}, over {MOST_ROOM} times what one has"


def _most(props: Props) -> Props:
    limits = props["spec"].get("limits") or ()
    return next((limit.get("max") or {} for limit in limits if limit["type"] == "Pod"), {})


def _together(spec: Props, amount: str) -> Decimal:
    """The limits of the containers that run as long as the pod."""
    found = [(one.get("resources") or {}).get("limits") or {} for one, runs in containers(spec) if runs]
    return sum((quantity(str(one.get(amount) or 0)) for one in found), Decimal(0))


def _outside(resources: Sequence[PolicyResource]) -> Problems:
    tenants = Stack(resources).tenant_namespaces
    for resource in resources:
        if not resource.resource_type.startswith("kubernetes:"):
            continue
        namespace = metadata(resource.props).get("namespace")
        if resource.resource_type == NAMESPACE:
            namespace = metadata(resource.props)["name"]
        if namespace not in (None, SYSTEM_NAMESPACE) and (cluster(resource), namespace) not in tenants:
            yield resource, f"it is in the namespace {namespace}, which is no company's"


def _bounded(args: ResourceValidationArgs) -> Iterator[str]:
    if args.resource_type == QUOTA:
        hard = args.props["spec"].get("hard") or {}
        for key in ("services.loadbalancers", "services.nodeports"):
            if str(hard.get(key)) not in ("0", "0.0"):
                yield f"its quota does not forbid {key}"
        if not hard.get("pods") or int(str(hard["pods"]).partition(".")[0]) > MOST_PODS:
            yield "its quota does not bound pods"
        return
    if args.resource_type == PRIORITY:
        if args.props.get("globalDefault") or (args.props.get("value") or 0) > HIGHEST_PRIORITY:
            yield "it ranks above other pods of its cluster, or is every pod's"
        return
    if args.resource_type == BUDGET:
        if args.props["spec"].get("maxUnavailable") != 1:
            yield f"{args.props['spec'].get('maxUnavailable')} of its pods may be away at a time, not 1"
        return
    most = _most(args.props)
    if missing := [amount for amount in ("cpu", "memory") if not most.get(amount)]:
        yield f"a pod may have any amount of {', '.join(missing)}"


POLICIES = (
    of_resources(
        "namespaces-enforce-restricted",
        Severity.HIGH,
        [NAMESPACE],
        "Every namespace enforces Pod Security's profile `restricted`.",
        f"Label it {ENFORCE}: restricted.",
        _enforced,
    ),
    of_the_stack(
        "namespaces-are-guarded",
        Severity.HIGH,
        "A company's namespace has a ResourceQuota, and a LimitRange that fits its pods.",
        "Create it with `components.tenant.Tenant`, which creates both.",
        _guards,
    ),
    of_the_stack(
        "objects-are-in-own-namespaces",
        Severity.CRITICAL,
        "All objects are in the namespaces of the companies and in the platform's own.",
        f"Put it into a company's namespace, which has the label {COMPANY_LABEL}.",
        _outside,
    ),
    of_resources(
        "companies-are-bounded",
        Severity.HIGH,
        [QUOTA, LIMIT_RANGE, PRIORITY, BUDGET],
        "A company has so many pods of such a size at most, away one at a time, and no Service as an edge.",
        "Keep what `components/guards.py`, `pods.py` and `cluster.py` make.",
        _bounded,
    ),
)
