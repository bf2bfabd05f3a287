"""Whether each cluster's external-dns is set up as docs/external-dns.md says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from http import HTTPStatus

from clients.kubernetes_api import ApiError
from ops.cluster_access import Cluster
from ops.doctor.findings import Finding, found, lacking
from ops.doctor.instances import NAME, Instance, instances_of
from plan.external_dns import OLD_PREFIX, PREFIX, keep_away
from settings import ClusterPlan, Settings
from settings.models import Manager

PAGE = "docs/external-dns.md"
REGISTRIES = ("txt", "dynamodb")
"""Those that remember whose a record is, and can do so in Route53."""

Requirement = tuple[str, str, str, str]
"""A flag, its value, what is wrong with it (empty if nothing), what to do."""


def external_dns(settings: Settings, plan: ClusterPlan, cluster: Cluster) -> Iterator[Finding]:
    try:
        there = instances_of(cluster)
    except ApiError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        remedy = "let these credentials list deployments.apps in all namespaces, then ask again"
        yield lacking(plan.folder, NAME, f"not allowed to look: {error}", remedy)
        return
    naming = _naming(settings, plan, there)
    if settings.load_balancing.manager is Manager.ROUTE53:
        for one in naming:
            yield _kept_away(settings, plan, one)
    elif not there:
        remedy = f"install the {NAME} with the Helm values of {PAGE} and wait until it runs"
        yield lacking(plan.folder, NAME, "it is not installed", remedy)
    elif len(naming) != 1:
        yield _not_one(settings, plan, there, naming)
    else:
        yield from _managing(settings, plan, naming[0])


def owners(settings: Settings, reached: Sequence[tuple[ClusterPlan, Cluster]]) -> Iterator[Finding]:
    """Over all clusters: instances with one owner id delete each other's records."""
    if settings.load_balancing.manager is not Manager.EXTERNAL_DNS:
        return
    users: defaultdict[str, list[str]] = defaultdict(list)
    for plan, cluster in reached:
        try:
            for one in _naming(settings, plan, instances_of(cluster)):
                users[one.flag("txt-owner-id", "default")].append(plan.folder)
        except ApiError:
            continue  # Told by `external_dns`.
    for owner, folders in users.items():
        if len(folders) > 1:
            told = f"got {owner} in {' and '.join(folders)}: each deletes the other's records"
            remedy = "set a --txt-owner-id of its own in each cluster, such as the cluster's name"
            yield lacking(", ".join(folders), f"{NAME} --txt-owner-id", told, remedy)


def _naming(settings: Settings, plan: ClusterPlan, there: Sequence[Instance]) -> list[Instance]:
    """The instances that may make records for the stack's names."""
    classes = {settings.ingress_of(region).class_name for region in plan.regions}
    return [one for one in there if one.may_name(settings.domain, settings.hosted_zone_id, classes)]


def _kept_away(settings: Settings, plan: ClusterPlan, one: Instance) -> Finding:
    """Of an instance without a known version the prefix is one of the two defaults."""
    prefix = one.prefix or PREFIX
    if f"{prefix}controller" in keep_away(settings.load_balancing.annotation_prefix):
        return found(plan.folder, NAME, f"{one.name} ignores this stack's Ingresses")
    told = f"{one.name} reads annotations under {prefix} and makes records for this stack's names, too"
    return lacking(plan.folder, NAME, told, f"set loadBalancing.annotationPrefix: {prefix}")


def _not_one(
    settings: Settings, plan: ClusterPlan, there: Sequence[Instance], naming: Sequence[Instance]
) -> Finding:
    names = ", ".join(one.name for one in naming or there)
    if naming:
        told = f"several instances make records for {settings.domain}: {names}"
        remedy = "leave one of them, or keep the others to other names by --domain-filter"
    else:
        told = f"none makes records of this stack's Ingresses for {settings.domain}: {names}"
        remedy = f"set --source=ingress and --domain-filter={settings.domain}, see {PAGE}"
    return lacking(plan.folder, NAME, told, remedy)


def _managing(settings: Settings, plan: ClusterPlan, one: Instance) -> Iterator[Finding]:
    if one.ready:
        yield found(plan.folder, NAME, f"{one.name}: {one.ready} pods ready")
    else:
        yield lacking(plan.folder, NAME, f"{one.name}: none of its pods is ready", "wait until it runs")
    for flag, value, wrong, remedy in _requirements(settings, plan, one):
        what = f"{NAME} --{flag}"
        if "$(" in value:
            told = (
                f"{one.name}: got {value}, which a Secret or a ConfigMap holds: its value is not known here"
            )
            yield lacking(plan.folder, what, told, f"write the value into the arguments; {remedy}")
        elif wrong:
            yield lacking(plan.folder, what, f"{one.name}: {wrong}", remedy)
        else:
            yield found(plan.folder, what, value)


def _requirements(settings: Settings, plan: ClusterPlan, one: Instance) -> Iterator[Requirement]:
    provider, registry = one.flag("provider"), one.flag("registry", "txt")
    yield "provider", provider, "" if provider == "aws" else _got(provider, "aws"), "set --provider=aws"
    wrong = "" if registry in REGISTRIES else _got(registry, *REGISTRIES)
    yield "registry", registry, wrong, "set --registry=txt: it remembers whose a record is"
    owner = one.flag("txt-owner-id")
    wrong = "" if owner not in ("", "default") else f"{_got(owner)}; the default is the same in every cluster"
    yield "txt-owner-id", owner, wrong, f"set --txt-owner-id={plan.folder}, another one in each cluster"
    policy = one.policy
    remedy = "set --policy=sync: with another one, records of regions and companies that left stay"
    yield "policy", policy, "" if policy == "sync" else _got(policy, "sync"), remedy
    cname = "true" if one.is_on("aws-prefer-cname") else one.flag("aws-prefer-cname")
    remedy = (
        "set --aws-prefer-cname in every cluster: then all records of a name have one type, and a TTL of"
        f" 20 s; where records exist already, by the steps of {PAGE}#changes-on-a-live-stack"
    )
    yield "aws-prefer-cname", cname, "" if cname == "true" else _got(cname, "true"), remedy
    if one.is_on("dry-run"):
        yield "dry-run", "true", _got("true", "false"), "remove --dry-run: no record is made"
    filters = ", ".join(one.flags.get("domain-filter", ())) or "every domain"
    wrong = (
        ""
        if one.covers(settings.domain)
        else f"got {filters}, which leaves out names below {settings.domain}"
    )
    yield "domain-filter", filters, wrong, f"set --domain-filter={settings.domain}"
    yield _prefix(settings, one)


def _prefix(settings: Settings, one: Instance) -> Requirement:
    flag, prefix, ours = "annotation-prefix", one.prefix, settings.load_balancing.annotation_prefix
    if prefix is None:
        wrong = "the image has no version that says which default holds"
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
