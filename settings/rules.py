"""What the keys of a stack file must fulfil together. Each rule yields a fault for each thing that is wrong."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from plan import names
from plan.dns import Policy, is_geo_code
from plan.external_dns import problems
from plan.limits import COMPANIES_PER_EDGE, POD_IDENTITY_ASSOCIATIONS
from settings.clusters import clusters_of
from settings.faults import MISSING, Fault
from settings.models import AccessMode, Company, Identity, Manager, Region, Scheme, Settings
from settings.routes import company_route, region_route
from settings.values import aws_regions, tag_of

LOCAL_STACK = "local"
"""The one stack that may run unpinned images: what it deploys to lives on this machine."""


def faults_of(settings: Settings, stack: str) -> Iterator[Fault]:
    for rule in _RULES:
        yield from rule(settings)
    for named in (_images, _generated_names):
        yield from named(settings, stack)


def _regions(settings: Settings) -> Iterator[Fault]:
    if not any(region.active for region in settings.regions):
        yield Fault(("regions",), [r.name for r in settings.regions], "at least one region with active: true")
    seen: dict[str, int] = {}
    for index, region in enumerate(settings.regions):
        if region.name in seen:
            yield Fault(
                ("regions", index, "name"), region.name, f"each region once; regions[{seen[region.name]}] is it already"
            )
        seen.setdefault(region.name, index)


def _replication_targets(settings: Settings) -> Iterator[Fault]:
    known = {region.name for region in settings.regions}
    for index, region in enumerate(settings.regions):
        for target in region.replicate_to or ():
            if target not in known or target == region.name:
                others = ", ".join(sorted(known - {region.name})) or "none, as there is no other region"
                yield Fault(("regions", index, "replicateTo"), target, f"other regions of this stack: {others}")
    if settings.replication.time_control and not settings.replication.metrics:
        yield Fault(("replication", "metrics"), False, "true where timeControl is true (S3 asks for both)")


def _clusters(settings: Settings) -> Iterator[Fault]:
    contexts: dict[str, str] = {}
    facts: dict[tuple[str, str], str] = {}
    for index, region in enumerate(settings.regions):
        if region.cluster is None or region.cluster.context is None:
            continue
        context, path = region.cluster.context, ("regions", index, "cluster")
        other = contexts.setdefault(names.context_folder(context), context)
        if other != context:
            yield Fault((*path, "context"), context, f"a context whose name differs from {other} in letters or digits")
        for key, value in (("eksName", region.cluster.eks_name), ("oidcProviderArn", region.cluster.oidc_provider_arn)):
            if value and facts.setdefault((context, key), value) != value:
                yield Fault((*path, key), value, f"the {key} that another region gives: {facts[context, key]}")


def _geo(settings: Settings) -> Iterator[Fault]:
    owners: dict[str, str] = {}
    for index, region in enumerate(settings.regions):
        for code in region.geo:
            path = ("regions", index, "geo")
            if not is_geo_code(code):
                yield Fault(path, code, '"default", a continent (AF AN AS EU NA OC SA) or "country:" with ISO letters')
            elif owners.setdefault(code, region.name) != region.name or region.geo.count(code) > 1:
                yield Fault(path, code, f"each code once; {owners[code]} has it already")
    if settings.load_balancing.policy is Policy.GEO and "default" not in owners:
        path = ("regions",)
        yield Fault(path, {r.name: list(r.geo) for r in settings.regions}, "exactly one region with geo: [default]")


def _reserved(settings: Settings) -> dict[str, str]:
    """Namespaces that no company may have, with whose they are."""
    reserved = {
        "default": "Kubernetes",
        names.SYSTEM_NAMESPACE: "this program",
        settings.ingress.namespace: "the ingress controller",
    }
    if settings.network.monitoring_namespace:
        reserved[settings.network.monitoring_namespace] = "monitoring"
    return reserved


def _namespaces(settings: Settings) -> Iterator[Fault]:
    reserved = _reserved(settings)
    owners: dict[str, int] = {}
    for index, company in enumerate(settings.companies):
        path, namespace = ("companies", index, "name"), company.namespace
        owner = reserved.get(namespace) or ("Kubernetes" if namespace.startswith("kube-") else None)
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", namespace):
            yield Fault(path, company.name, "a name that begins and ends with a letter or a digit")
        elif owner:
            yield Fault(path, company.name, f"a name whose namespace is free; {namespace} belongs to {owner}")
        elif namespace in aws_regions() or re.sub(r"-\d+$", "", namespace) in aws_regions():
            yield Fault(path, company.name, f"a name that is no region's or edge's; {namespace} is a host of an edge")
        elif namespace in owners:
            other = settings.companies[owners[namespace]].name
            yield Fault(path, company.name, f"a namespace of its own; {namespace} is that of {other} already")
        owners.setdefault(namespace, index)


def _company_regions(settings: Settings) -> Iterator[Fault]:
    active = {region.name: region.active for region in settings.regions}
    for index, company in enumerate(settings.companies):
        path = ("companies", index, "regions")
        for name, count in Counter(company.regions or ()).items():
            if name not in active:
                yield Fault(path, name, f"regions of this stack: {', '.join(active)}")
            elif count > 1:
                yield Fault(path, name, "each region once")
        known = [name for name in company.regions or active if name in active]
        if company.regions and known and not any(active[name] for name in known):
            yield Fault(path, list(company.regions), f"at least one active region: {_active(settings)}")


def _active(settings: Settings) -> str:
    return ", ".join(region.name for region in settings.regions if region.active) or "none yet"


def _volumes(settings: Settings) -> Iterator[Fault]:
    many = AccessMode.READ_WRITE_MANY
    for index, company in enumerate(settings.companies):
        for key, workload in (("agent", company.agent), ("brain", company.brain)):
            if workload.replicas > 1 and workload.access_mode is not many:
                yield Fault(
                    ("companies", index, key, "replicas"),
                    workload.replicas,
                    f"1, or {key}.accessMode: {many} (several pods share the volume)",
                )
        if company.agent.mount_brain and company.brain.access_mode is not many:
            yield Fault(
                ("companies", index, "agent", "mountBrain"),
                True,
                f"false, or brain.accessMode: {many} (two pods mount the volume)",
            )


def _failover(settings: Settings) -> Iterator[Fault]:
    failover = settings.failover
    if len(settings.regions) == 1 and failover.enabled:
        yield Fault(("failover", "enabled"), True, "false with a single region: there is nowhere to fail over to")
    elif len(settings.regions) == 1 and settings.load_balancing.policy is Policy.FAILOVER and failover.enabled is None:
        yield Fault(
            ("loadBalancing", "policy"),
            "failover",
            "another policy with a single region (or say failover.enabled: false): there is nowhere to fail over to",
        )
    if failover.timeout_seconds > failover.interval_seconds:
        yield Fault(("failover", "timeoutSeconds"), failover.timeout_seconds, "at most intervalSeconds")
    for index, company in enumerate(settings.companies):
        if company.dedicated_health_checks and not settings.failover_enabled:
            yield Fault(
                ("companies", index, "dedicatedHealthChecks"),
                True,
                "false, or failover.enabled: true (the failover controller answers a company's own checks)",
            )


def _edges(settings: Settings) -> Iterator[Fault]:
    """Companies over an edge's limit, each with the first edge that has room in all its regions."""
    if settings.ingress.class_name != "alb":
        return
    taken: defaultdict[tuple[str, int], int] = defaultdict(int)
    over: list[tuple[int, Company, list[Region]]] = []
    for index, company in enumerate(settings.companies):
        regions = [r for r in _known_regions(settings, company) if not r.endpoint]
        if any(taken[region.name, company.edge] >= COMPANIES_PER_EDGE for region in regions):
            over.append((index, company, regions))
            continue
        for region in regions:
            taken[region.name, company.edge] += 1
    for index, company, regions in over:
        free = next(n for n in range(1, 1000) if all(taken[r.name, n] < COMPANIES_PER_EDGE for r in regions))
        yield Fault(
            ("companies", index, "edge"),
            company.edge,
            f"{free}: edge {company.edge} is full ({COMPANIES_PER_EDGE} companies a load balancer)",
        )
        for region in regions:
            taken[region.name, free] += 1


def _known_regions(settings: Settings, company: Company) -> list[Region]:
    return [r for r in settings.regions if company.regions is None or r.name in company.regions]


def _load_balancing(settings: Settings) -> Iterator[Fault]:
    balancing = settings.load_balancing
    if balancing.global_accelerator:
        yield Fault(
            ("loadBalancing", "globalAccelerator"),
            True,
            "false: not supported yet; use policy: latency with manager: route53 instead",
        )
    if balancing.manager is Manager.ROUTE53 and settings.hosted_zone_id is None:
        yield Fault(("hostedZoneId",), MISSING, "the id of the domain's hosted zone, unless external-dns manages names")
    if balancing.manager is Manager.EXTERNAL_DNS:
        yield from _external_dns(settings)


def _external_dns(settings: Settings) -> Iterator[Fault]:
    policy = settings.load_balancing.policy
    routes = [region_route(region) for region in settings.regions]
    known = {region.name for region in settings.regions}
    found: dict[str, None] = {}
    for company in settings.companies:
        if set(company.regions or ()) <= known:
            found |= dict.fromkeys(problems(policy, routes, company_route(settings, company)))
    for problem in found:
        yield Fault(("loadBalancing", "manager"), "external-dns", problem)
    for index, region in enumerate(settings.regions):
        if needs_certificate(settings, region) and settings.hosted_zone_id is None and not region.certificate_arn:
            yield Fault(
                ("regions", index, "certificateArn"),
                MISSING,
                "a certificate's ARN, or hostedZoneId (to validate a certificate of our own)",
            )


def needs_certificate(settings: Settings, region: Region) -> bool:
    """Whether the region has load balancers of ours that answer HTTPS."""
    return settings.ingress.class_name == "alb" and region.endpoint is None


def _scheme(settings: Settings) -> Iterator[Fault]:
    if settings.ingress.scheme is not Scheme.INTERNAL:
        return
    for index, region in enumerate(settings.regions):
        if region.ingress_from is None:
            yield Fault(
                ("regions", index, "ingressFrom"),
                MISSING,
                "the load balancer's subnets, such as [10.0.0.0/24], where ingress.scheme is internal",
            )


def _associations(settings: Settings) -> Iterator[Fault]:
    if settings.identity is not Identity.POD_IDENTITY:
        return
    for cluster in clusters_of(settings):
        hosted = {region.name for region in cluster.regions}
        count = sum(
            2 * len(hosted & {r.name for r in _known_regions(settings, company)}) for company in settings.companies
        )
        if count > POD_IDENTITY_ASSOCIATIONS.most:
            yield Fault(
                ("companies",),
                f"{count} in {cluster.folder}",
                f"at most {POD_IDENTITY_ASSOCIATIONS.most} {POD_IDENTITY_ASSOCIATIONS.what}"
                f" ({POD_IDENTITY_ASSOCIATIONS.source}): two for each company and region",
            )


_RULES: tuple[Callable[[Settings], Iterator[Fault]], ...] = (
    _regions,
    _replication_targets,
    _clusters,
    _geo,
    _namespaces,
    _company_regions,
    _volumes,
    _failover,
    _edges,
    _load_balancing,
    _scheme,
    _associations,
)


def _images(settings: Settings, stack: str) -> Iterator[Fault]:
    if stack == LOCAL_STACK:
        return
    for key in ("agency", "rclone", "python"):
        image = getattr(settings.images, key)
        if image is None:
            yield Fault(("images", key), MISSING, "the application's image with a tag, such as registry/agency:1.4.2")
        elif tag_of(image) in (None, "latest"):
            yield Fault(("images", key), image, "an image with a tag other than latest, or a digest")


def _generated_names(settings: Settings, stack: str) -> Iterator[Fault]:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", stack):
        yield Fault(("stack",), stack, "a stack's name of a-z, 0-9 and - (it is part of the buckets' names)")
    for index, region in enumerate(settings.regions):
        bucket = names.bucket_name(settings.domain, stack, region.name)
        if len(bucket) > names.BUCKET_NAME_LIMIT:
            yield Fault(
                ("domain",),
                settings.domain,
                f"a domain so short that the bucket's name has at most {names.BUCKET_NAME_LIMIT} characters;"
                f" {bucket} has {len(bucket)}",
            )
        if settings.identity is Identity.IRSA:
            yield from _role_names(settings, stack, region)


def _role_names(settings: Settings, stack: str, region: Region) -> Iterator[Fault]:
    for index, company in enumerate(settings.companies):
        role = names.company_role_name(settings.domain, stack, region.name, company.namespace)
        if len(role) > names.ROLE_NAME_LIMIT and region in _known_regions(settings, company):
            yield Fault(
                ("companies", index, "name"),
                company.name,
                f"with identity irsa a name so short that its role's has at most {names.ROLE_NAME_LIMIT} characters;"
                f" {role} has {len(role)}",
            )
