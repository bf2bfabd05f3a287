"""Isolation of companies in every stack: names, prefixes, roles. `network_rules` has their network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import product
from typing import Any

from engine.recorder import Registration
from plan.iam_evaluator import Request, allows
from plan.names import COMPANY_LABEL
from runtime.contracts.gate import COMPONENTS
from settings import Company
from settings.models import Identity
from tests.recording import HEALTH_CHECK, INGRESS, ROLE, ROLE_POLICY, SERVICE, Recording, texts

TENANT = "agency:tenant:Tenant"
COMPANY_VARIABLES = ("JULES_COMPANY", "COMPANY")
SESSION_NAMESPACE = "aws:PrincipalTag/kubernetes-namespace"
READS, WRITES = ("s3:GetObject",), ("s3:PutObject", "s3:DeleteObject")
NEVER = (
    "s3:DeleteObjectVersion",
    "s3:GetObjectVersion",
    "s3:DeleteBucket",
    "s3:PutBucketPolicy",
    "sts:AssumeRole",
)


def mentions(run: Recording, resource: Registration, company: Company) -> Iterator[str]:
    """Where a resource speaks of a company. Names such as `data` or `a` are words of much else: only what can
    mean the company counts.
    """
    domain, regions = re.escape(run.settings.domain), "|".join(region.name for region in run.settings.regions)
    namespace = re.escape(company.namespace)
    speaks = re.compile(
        rf"(?<![\w.-]){namespace}\.{domain}(?![\w.-])"
        rf"|(^|[/:])({regions})/{namespace}(/|$)"
        rf"|system:serviceaccount:{namespace}:"
    )
    yield from (text for text in texts(resource.inputs) if speaks.search(text))
    yield from (
        f"{key}: {value}"
        for key, value in _fields(resource.inputs)
        if value in (company.namespace, company.name)
    )


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    """What names a company by itself: namespaces, the label anywhere, the application's variables."""
    if isinstance(value, dict):
        if value.get("name") in COMPANY_VARIABLES:
            yield value["name"], value.get("value")
        if value.get("kind") == "Namespace":
            yield "namespace", value["metadata"]["name"]
        for key, item in value.items():
            if key in ("namespace", COMPANY_LABEL, "kubernetes.io/metadata.name"):
                yield key, item
            yield from _fields(item)
    elif isinstance(value, list):
        for item in value:
            yield from _fields(item)


def companies_mention_only_themselves(run: Recording) -> None:
    companies = {company.namespace: company for company in run.settings.companies}
    tenants = run.of(TENANT)
    assert {tenant.name for tenant in tenants} == companies.keys()
    for tenant in tenants:
        below = run.below(tenant)
        assert any(list(mentions(run, resource, companies[tenant.name])) for resource in below), (
            "the test sees no mention"
        )
        for resource, other in product(below, companies.values()):
            assert other.namespace == tenant.name or not list(mentions(run, resource, other)), (
                resource.name,
                other.name,
            )


def what_all_share_mentions_no_company(run: Recording) -> None:
    """But for the health checks that are a company's own."""
    own = {resource.urn for tenant in run.of(TENANT) for resource in run.below(tenant)}
    dedicated = {company.namespace for company in run.settings.companies if company.dedicated_health_checks}
    for resource, company in product(
        [resource for resource in run if resource.urn not in own], run.settings.companies
    ):
        if resource.type != HEALTH_CHECK or company.namespace not in dedicated:
            assert not list(mentions(run, resource, company)), (resource.name, company.name)


def only_the_agent_s_port_is_on_an_ingress(run: Recording) -> None:
    hosts = {
        company.namespace: f"{company.namespace}.{run.settings.domain}" for company in run.settings.companies
    }
    for resource in run.of(INGRESS):
        namespace = resource.inputs["metadata"]["namespace"]
        spec = resource.inputs["spec"]
        assert "defaultBackend" not in spec
        for rule, path in ((each, path) for each in spec["rules"] for path in each["http"]["paths"]):
            service = path["backend"]["service"]
            if namespace not in hosts:
                assert "host" not in rule, resource.name
                _leads_to_health_alone(run, resource, path)
                continue
            assert rule["host"] == hosts[namespace], resource.name
            named = run.object("kubernetes:core/v1:Service", service["name"], namespace=namespace)
            assert {port["name"]: port["port"] for port in named.inputs["spec"]["ports"]} == {"agent": 3000}
            assert service["port"] == {"name": "agent"}


def _leads_to_health_alone(run: Recording, edge: Registration, path: dict[str, Any]) -> None:
    """An edge's own paths: nobody's, or the port of the controller that has health and views and no more."""
    service = path["backend"]["service"]
    if service == {"name": "healthz", "port": {"name": "use-annotation"}}:
        assert path["path"].startswith(("/healthz/", "/edge/")), edge.name
        return
    what, region = path["path"].removeprefix("/").split("/")
    assert what in ("healthz", "peer") and region in {each.name for each in run.settings.regions}, edge.name
    assert path["pathType"] == "Prefix"
    [found] = [
        resource
        for resource in run.objects(SERVICE, namespace=edge.inputs["metadata"]["namespace"])
        if run.cluster_of(resource) == run.cluster_of(edge)
    ]
    assert service == {"name": found.inputs["metadata"]["name"], "port": {"name": "http"}}
    assert found.inputs["spec"]["ports"] == [{"name": "http", "port": 8080, "targetPort": "http"}]
    assert found.urn in edge.dependencies


def access_of(
    run: Recording, company: Company, region: str, component: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """The document of the role that a component's gate has in a region, and its session."""
    if run.settings.identity is Identity.IRSA:
        resource = run.named(f"{company.namespace}-{component}-access@{region}-policy", ROLE_POLICY)
        return json.loads(resource.inputs["policy"]), {}
    resource = run.named(f"{region}-{component}-access-policy", ROLE_POLICY)
    return json.loads(resource.inputs["policy"]), {SESSION_NAMESPACE: company.namespace}


def roles_reach_only_their_company(run: Recording) -> None:
    """Read and list the component's prefixes in every bucket, write its region's prefix in its bucket."""
    settings = run.settings
    if not settings.replication.enabled:
        assert run.of(ROLE) == []
        return
    buckets = {region.name: run.named(f"{region.name}-replication-bucket").id for region in settings.regions}
    for company in settings.companies:
        for region, component in product(settings.regions_of(company), COMPONENTS):
            document, session = access_of(run, company, region.name, component)
            everything = product(settings.companies, COMPONENTS, buckets, buckets)
            for other, folder, writer, bucket in everything:
                own = other is company and folder == component
                prefix = f"{writer}/{other.namespace}/{folder}"
                key = f"arn:aws:s3:::{buckets[bucket]}/{prefix}"
                mine = own and writer == bucket == region.name
                wanted = dict.fromkeys(READS, own) | dict.fromkeys(WRITES, mine) | dict.fromkeys(NEVER, False)
                found = {
                    action: allows(
                        document, Request(action=action, resource=f"{key}/data/x", context=session)
                    )
                    for action in wanted
                }
                assert found == wanted, (company.name, region.name, component, key)
                assert _lists(document, session, buckets[bucket], f"{prefix}/") is own, (company.name, prefix)
                for action in WRITES:
                    for elsewhere in ("_orders/restore.json", "else/x", "x"):
                        asked = Request(action=action, resource=f"{key}/{elsewhere}", context=session)
                        assert not allows(document, asked), asked


def _lists(document: dict[str, Any], session: dict[str, str], bucket: str, prefix: str | None) -> bool:
    context = session if prefix is None else {**session, "s3:prefix": prefix}
    return allows(
        document, Request(action="s3:ListBucket", resource=f"arn:aws:s3:::{bucket}", context=context)
    )


def roles_list_nothing_above_their_component(run: Recording) -> None:
    for company in run.settings.companies if run.settings.replication.enabled else ():
        for region, component in product(run.settings.regions_of(company), COMPONENTS):
            document, session = access_of(run, company, region.name, component)
            bucket = run.named(f"{region.name}-replication-bucket").id
            for prefix in (
                None,
                "",
                "/",
                region.name,
                f"{region.name}/",
                f"{region.name}/{company.namespace}/",
                f"{region.name}/{company.namespace}/{component}",
            ):
                assert not _lists(document, session, bucket, prefix), (company.name, region.name, prefix)


def roles_are_for_one_component_s_pods(run: Recording) -> None:
    """Each role trusts the service account `<component>-<region>` and no other."""
    if run.settings.identity is Identity.IRSA or not run.settings.replication.enabled:
        return
    for region, component in product(run.settings.regions, COMPONENTS):
        role = run.named(f"{region.name}-{component}-access-role", ROLE)
        trust = json.loads(role.inputs["assumeRolePolicy"])
        pattern = trust["Statement"][0]["Condition"]["StringLike"]["aws:RequestTag/eks-cluster-arn"]
        for account in (
            f"agent-{region.name}",
            f"brain-{region.name}",
            "default",
            "agent",
            f"x-agent-{region.name}",
        ):
            asked = Request(
                action="sts:AssumeRole",
                resource="*",
                principal="Service:pods.eks.amazonaws.com",
                context={
                    "aws:RequestTag/kubernetes-service-account": account,
                    "aws:RequestTag/eks-cluster-arn": pattern.replace("*", "any"),
                },
            )
            assert allows(trust, asked) is (account == f"{component}-{region.name}"), account


RULES = (
    companies_mention_only_themselves,
    what_all_share_mentions_no_company,
    only_the_agent_s_port_is_on_an_ingress,
    roles_reach_only_their_company,
    roles_list_nothing_above_their_component,
    roles_are_for_one_component_s_pods,
)
