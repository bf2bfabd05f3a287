"""Whether a cluster has what the settings' pods name: classes, and Secrets that others have made."""

from __future__ import annotations

from collections.abc import Iterator

from clients.kubernetes_api import ApiError, reference
from ops.cluster_access import Cluster
from ops.doctor.findings import Finding, missing, present
from plan.names import COMPANY_LABEL, SYSTEM_NAMESPACE
from settings import ClusterPlan, Settings


def pods(settings: Settings, plan: ClusterPlan, cluster: Cluster) -> Iterator[Finding]:
    own = settings.pods
    yield from _class(plan, cluster, "PriorityClass", "scheduling.k8s.io/v1", own.priority_class_name)
    yield from _class(plan, cluster, "RuntimeClass", "node.k8s.io/v1", own.runtime_class_name)
    live: set[str] | None = None
    for namespace, names in _secrets(settings, plan).items():
        if live is None:
            live = {each["metadata"]["name"] for each in cluster.api.list("Namespace")}
        for name in names:
            yield _secret(plan, cluster, namespace, name, live)


def _class(
    plan: ClusterPlan, cluster: Cluster, kind: str, version: str, name: str | None
) -> Iterator[Finding]:
    if name is None:
        return
    what, key = f"{kind} {name}", f"pods.{kind[0].lower()}{kind[1:]}Name"
    names = {each["metadata"]["name"] for each in cluster.api.list(kind, version=version)}
    if name in names:
        yield present(plan.id, what, "the cluster has it")
        return
    others = f"; there are: {', '.join(sorted(names))}" if names else ""
    yield missing(plan.id, what, f"there is none{others}", f"create it, or change {key}")


def _secrets(settings: Settings, plan: ClusterPlan) -> dict[str, list[str]]:
    """Names of Secrets that must exist, by namespace."""
    here, pulled = (
        {region.name for region in plan.regions},
        list(dict.fromkeys(settings.pods.image_pull_secrets)),
    )
    found: dict[str, list[str]] = {SYSTEM_NAMESPACE: pulled} if settings.failover_enabled else {}
    for company in settings.companies:
        own = company.api_keys.secret_name if company.api_keys else None
        if not here.isdisjoint(region.name for region in settings.regions_of(company)):
            found[company.namespace] = [*pulled, own] if own else pulled
    return found


def _secret(plan: ClusterPlan, cluster: Cluster, namespace: str, name: str, live: set[str]) -> Finding:
    what = f"Secret {name} in {namespace}"
    if namespace not in live and namespace == SYSTEM_NAMESPACE:
        detail = "create it as soon as `pulumi up` has made the namespace: pods wait for it"
        return present(plan.id, what, detail)
    if namespace not in live:
        remedy = f"create the namespace with the label {COMPANY_LABEL}={namespace}, and the Secret in it"
        return missing(plan.id, what, "its namespace does not exist", remedy)
    try:
        found = cluster.api.get(reference("Secret", name, namespace))
    except ApiError as error:
        remedy = "allow these credentials to get Secrets, or look by hand"
        return missing(plan.id, what, f"not known: {error}", remedy)
    if found is None:
        return missing(plan.id, what, "there is none", "create it there")
    return present(plan.id, what, "the namespace has it")
