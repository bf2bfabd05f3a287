"""Whether each cluster's external-dns has the configuration of docs/external-dns.md."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from http import HTTPStatus

from clients.kubernetes_api import ApiError
from ops.cluster_access import Cluster
from ops.doctor.findings import Finding, missing, present
from ops.doctor.instances import NAME, Instance, instances_of
from plan.external_dns import OLD_PREFIX, PREFIX, keep_away
from settings import ClusterPlan, Settings
from settings.models import Manager

PAGE = "docs/external-dns.md"
REGISTRIES = ("txt", "dynamodb")
"""Registries that record the owner of a record, and work with Route53."""

Requirement = tuple[str, str, str, str]
"""A flag, its value, the problem (empty if none), what to do."""


def external_dns(settings: Settings, plan: ClusterPlan, cluster: Cluster) -> Iterator[Finding]:
    try:
        instances = instances_of(cluster)
    except ApiError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        remedy = "let these credentials list deployments.apps in all namespaces, then repeat the command"
        yield missing(plan.id, NAME, f"no permission: {error}", remedy)
        return
    naming = _naming(settings, plan, instances)
    if settings.load_balancing.manager is not Manager.EXTERNAL_DNS:
        for instance in naming:
            yield _kept_away(settings, plan, instance)
    elif not instances:
        remedy = f"install the {NAME} with the Helm values of {PAGE} and wait until it runs"
        yield missing(plan.id, NAME, "it is not installed", remedy)
    elif len(naming) != 1:
        yield _wrong_number(settings, plan, instances, naming)
    else:
        yield from _managing(settings, plan, naming[0])


def owners(settings: Settings, reached: Sequence[tuple[ClusterPlan, Cluster]]) -> Iterator[Finding]:
    """Over all clusters: instances with one owner id delete each other's records."""
    if settings.load_balancing.manager is not Manager.EXTERNAL_DNS:
        return
    users: defaultdict[str, list[str]] = defaultdict(list)
    for plan, cluster in reached:
        try:
            for instance in _naming(settings, plan, instances_of(cluster)):
                users[instance.flag("txt-owner-id", "default")].append(plan.id)
        except ApiError:
            continue  # `external_dns` reports it.
    for owner, folders in users.items():
        if len(folders) > 1:
            problem = f"got {owner} in {' and '.join(folders)}: each deletes the other's records"
            remedy = "set a --txt-owner-id of its own in each cluster, such as the cluster's name"
            yield missing(", ".join(folders), f"{NAME} --txt-owner-id", problem, remedy)


def _naming(settings: Settings, plan: ClusterPlan, instances: Sequence[Instance]) -> list[Instance]:
    """The instances that may make records for the stack's names."""
    classes = {settings.ingress_of(region).class_name for region in plan.regions}
    return [each for each in instances if each.may_name(settings.domain, settings.hosted_zone_id, classes)]


def _kept_away(settings: Settings, plan: ClusterPlan, instance: Instance) -> Finding:
    """Of an instance without a known version the prefix is one of the two defaults."""
    prefix = instance.prefix or PREFIX
    if f"{prefix}controller" in keep_away(settings.load_balancing.annotation_prefix):
        return present(plan.id, NAME, f"{instance.name} ignores this stack's Ingresses")
    problem = f"{instance.name} reads annotations with {prefix} and creates records of this stack, too"
    return missing(plan.id, NAME, problem, f"set loadBalancing.annotationPrefix: {prefix}")


def _wrong_number(
    settings: Settings, plan: ClusterPlan, instances: Sequence[Instance], naming: Sequence[Instance]
) -> Finding:
    names = ", ".join(instance.name for instance in naming or instances)
    if naming:
        problem = f"several instances make records for {settings.domain}: {names}"
        remedy = "keep one of them, or restrict the others to other names by --domain-filter"
    else:
        problem = f"none makes records of this stack's Ingresses for {settings.domain}: {names}"
        remedy = f"set --source=ingress and --domain-filter={settings.domain}, see {PAGE}"
    return missing(plan.id, NAME, problem, remedy)


def _managing(settings: Settings, plan: ClusterPlan, instance: Instance) -> Iterator[Finding]:
    if instance.ready:
        yield present(plan.id, NAME, f"{instance.name}: {instance.ready} pods ready")
    else:
        yield missing(plan.id, NAME, f"{instance.name}: none of its pods is ready", "wait until it runs")
    for flag, value, wrong, remedy in _requirements(settings, plan, instance):
        what = f"{NAME} --{flag}"
        if "$(" in value:
            problem = f"{instance.name}: got {value}: the value is in a Secret or a ConfigMap"
            yield missing(plan.id, what, problem, f"write the value into the arguments; {remedy}")
        elif wrong:
            yield missing(plan.id, what, f"{instance.name}: {wrong}", remedy)
        else:
            yield present(plan.id, what, value)


def _requirements(settings: Settings, plan: ClusterPlan, instance: Instance) -> Iterator[Requirement]:
    provider, registry = instance.flag("provider"), instance.flag("registry", "txt")
    yield "provider", provider, "" if provider == "aws" else _got(provider, "aws"), "set --provider=aws"
    wrong = "" if registry in REGISTRIES else _got(registry, *REGISTRIES)
    yield "registry", registry, wrong, "set --registry=txt: it records the owner of each record"
    owner = instance.flag("txt-owner-id")
    wrong = "" if owner not in ("", "default") else f"{_got(owner)}; the default is the same in every cluster"
    yield "txt-owner-id", owner, wrong, f"set --txt-owner-id={plan.id}, another one in each cluster"
    policy = instance.policy
    remedy = "set --policy=sync: other policies keep records of regions and companies that left"
    yield "policy", policy, "" if policy == "sync" else _got(policy, "sync"), remedy
    cname = "true" if instance.is_on("aws-prefer-cname") else instance.flag("aws-prefer-cname")
    remedy = (
        "set --aws-prefer-cname in every cluster: then all records of a name have one type, and a TTL of"
        f" 20 s; where records exist already, by the steps of {PAGE}#changes-on-a-live-stack"
    )
    yield "aws-prefer-cname", cname, "" if cname == "true" else _got(cname, "true"), remedy
    if instance.is_on("dry-run"):
        yield "dry-run", "true", _got("true", "false"), "remove --dry-run: no record is made"
    filters = ", ".join(instance.flags.get("domain-filter", ())) or "every domain"
    wrong = (
        ""
        if instance.covers(settings.domain)
        else f"got {filters}, which leaves out names below {settings.domain}"
    )
    yield "domain-filter", filters, wrong, f"set --domain-filter={settings.domain}"
    yield _prefix(settings, instance)


def _prefix(settings: Settings, instance: Instance) -> Requirement:
    flag, prefix, ours = "annotation-prefix", instance.prefix, settings.load_balancing.annotation_prefix
    if prefix is None:
        wrong = "the image has no version, so the default is not known"
        return flag, "", wrong, f"set --annotation-prefix={ours}"
    wrong = "" if prefix == ours else f"got {prefix}, but loadBalancing.annotationPrefix is {ours}"
    why = f" ({OLD_PREFIX} is the default before 0.22)" if prefix == OLD_PREFIX else ""
    return (
        flag,
        prefix,
        wrong,
        f"set loadBalancing.annotationPrefix: {prefix}{why}, or --annotation-prefix={ours}",
    )


def _got(value: str, *accepted: str) -> str:
    if not value:
        return "missing (required)"
    return f"got {value}" + (f"; must be one of {', '.join(accepted)}" if accepted else "")
