"""Stacks in the clusters of `clusters.py`: their Ingresses, and the records that their plan promises."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, TypeVar

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from plan import external_dns
from plan.edges import edge_label, health_check
from plan.external_dns import HEALTH_CHECK_ID, PREFIX, routing, unsupported
from plan.names import REGION_LABEL, host_of
from plan.record_sets import RecordSet, canonical
from plan.records import CompanyRoute
from plan.resolver import Client, resolve
from settings import Settings, clusters_of, parse
from settings.models import Manager
from settings.routes import endpoints_of
from tests.components.routing_rules import routes_of
from tests.external_dns.clusters import PARENT, Clusters, Manifest, load_balancer
from tests.plan.route_stacks import Stack
from tests.recording import HEALTH_CHECK, INGRESS, SERVICE, Recording, record
from tests.strategies import Raw

Value = TypeVar("Value")

AWS_NAMES = (".amazonaws.com", ".cloudfront.net", ".awsglobalaccelerator.com")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A stack as its clusters have it, in a zone of its own."""

    zone: str
    domain: str
    routes: Stack
    manifests: Mapping[str, list[Manifest]]
    """By cluster."""
    promised: list[RecordSet]
    checks: Mapping[tuple[str, str], str]
    """Ids of health checks by company and region."""
    targets: Mapping[tuple[str, str], str]
    """Where a company's clients go in a region."""

    def show(self, clusters: Clusters) -> None:
        clusters.zone(self.zone, self.domain)
        for cluster in clusters.of_zone(self.zone) | self.manifests.keys():
            clusters.show(self.zone, cluster, self.manifests.get(cluster, []))


def place(name: str) -> tuple[str, str]:
    """Zone and domain of a stack of this name."""
    return f"Z{hashlib.sha256(name.encode()).hexdigest()[:20].upper()}", f"{name}.{PARENT}"


def from_settings(clusters: Clusters, mode: str, name: str, raw: Raw, stack: str = "dev") -> Shown:
    """What the whole program makes of a stack file. Raises SettingsError."""
    zone, domain = place(name)
    raw = {**raw, "domain": domain, "hostedZoneId": zone}
    known = parse(raw, stack)
    run = record(raw, stack=stack)
    ids = {
        each.id: clusters.check(each.inputs["fqdn"], each.inputs["resourcePath"])
        for each in run.of(HEALTH_CHECK)
    }
    home = _home(mode, known)
    grouped = {region.name for region in known.regions if known.ingress_of(region).makes_load_balancers}
    by_external_dns = known.load_balancing.manager is Manager.EXTERNAL_DNS
    shown = _shown(clusters, mode, name, routes_with_endpoints(known), grouped)
    return replace(
        shown, manifests=_manifests(run, ids, home), promised=shown.promised if by_external_dns else []
    )


def parsed(name: str, raw: Raw) -> Settings:
    zone, domain = place(name)
    return parse({**raw, "domain": domain, "hostedZoneId": zone}, "dev")


def routes_with_endpoints(known: Settings) -> Stack:
    return replace(routes_of(known), endpoints=endpoints_of(known))


def _home(mode: str, known: Settings) -> dict[str, str]:
    """The cluster of each region."""
    return {region.name: f"{mode}-{plan.id}" for plan in clusters_of(known) for region in plan.regions}


def _manifests(run: Recording, ids: Mapping[str, str], home: Mapping[str, str]) -> dict[str, list[Manifest]]:
    manifests: dict[str, list[Manifest]] = {cluster: [] for cluster in home.values()}
    for each in run.of(INGRESS, SERVICE):
        text = json.dumps(each.inputs)
        for recorded, actual in ids.items():
            text = text.replace(recorded, actual)
        manifest = json.loads(text)
        region = manifest["metadata"].get("labels", {}).get(REGION_LABEL)
        if region is not None:
            manifests[home[region]].append(manifest)
    return manifests


def named(clusters: Clusters, mode: str, name: str, known: Settings) -> Shown:
    """The Ingresses alone, in the clusters of the settings."""
    return from_routes(clusters, mode, name, routes_with_endpoints(known), _home(mode, known))


def from_routes(
    clusters: Clusters, mode: str, name: str, routes: Stack, home: Mapping[str, str] | None = None
) -> Shown:
    """The Ingresses of the companies that external-dns can express, without the rest of the program."""
    _, domain = place(name)
    routes = expressed(routes)
    at = home or {region.name: f"{mode}-{number}" for number, region in enumerate(routes.regions)}
    manifests: dict[str, list[Manifest]] = {cluster: [] for cluster in at.values()}
    for company in routes.companies:
        host = host_of(company.namespace, domain)
        for each in routes.own(company):
            annotations = external_dns.annotations(
                PREFIX, routes.policy, each, company, host, routes.regions, routes.endpoints.get(each.name)
            )
            check = health_check(domain=domain, company=company, region=each.name, endpoints=routes.endpoints)
            annotations |= {
                f"{PREFIX}{HEALTH_CHECK_ID}": clusters.check(check.fqdn, check.path),
                "alb.ingress.kubernetes.io/group.name": edge_label(each.name, company.edge),
            }
            manifests[at[each.name]].append(_ingress(company.namespace, each.name, host, annotations))
    for region, edge in _edges(routes):
        label = edge_label(region, edge)
        annotations = external_dns.edge_annotations(PREFIX, f"{label}.{domain}")
        annotations |= {"alb.ingress.kubernetes.io/group.name": label}
        manifests[at[region]].append(_ingress(f"edge-{edge}", region, "", annotations))
    grouped = {region.name for region in routes.regions}
    return replace(_shown(clusters, mode, name, routes, grouped), manifests=manifests)


def _ingress(name: str, region: str, host: str, annotations: Mapping[str, str]) -> Manifest:
    backend = {"service": {"name": "agent", "port": {"number": 80}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    rule: dict[str, Any] = {"http": {"paths": paths}} | ({"host": host} if host else {})
    labels = {REGION_LABEL: region}
    metadata = {"name": f"{name}-{region}", "labels": labels, "annotations": dict(annotations)}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata,
        "spec": {"rules": [rule]},
    }


def expressed(routes: Stack) -> Stack:
    """With those companies alone that the settings let through."""
    companies = tuple(
        company
        for company in routes.companies
        if not unsupported(routes.policy, routes.regions, company, routes.endpoints)
    )
    return replace(routes, companies=companies)


def _edges(routes: Stack) -> list[tuple[str, int]]:
    """Region and number of each load balancer that the stack makes."""
    return [
        (region.name, edge)
        for region in routes.regions
        if region.name not in routes.endpoints
        for edge in sorted({1} | {each.edge for each in routes.companies if region.name in each.regions})
    ]


def _shown(clusters: Clusters, mode: str, name: str, routes: Stack, grouped: set[str]) -> Shown:
    """Without its manifests."""
    zone, domain = place(name)
    edges = {
        (region, edge): load_balancer(region, edge_label(region, edge) if region in grouped else "")
        for region, edge in _edges(routes)
    }
    targets, checks, records = {}, {}, []
    for company in routes.companies:
        for each in routes.own(company):
            key = company.namespace, each.name
            check = health_check(domain=domain, company=company, region=each.name, endpoints=routes.endpoints)
            checks[key] = clusters.check(check.fqdn, check.path)
            targets[key] = routes.endpoints.get(each.name) or edges[each.name, company.edge]
            policy_fields = routing(routes.policy, each, company, routes.regions)
            policy_fields |= {"HealthCheckId": checks[key], "SetIdentifier": each.name}
            records += _records(host_of(company.namespace, domain), targets[key], policy_fields, mode)
    for (region, edge), target in edges.items():
        records += _records(f"{edge_label(region, edge)}.{domain}", target, {}, mode)
    return Shown(
        zone=zone,
        domain=domain,
        routes=routes,
        manifests={},
        promised=records,
        checks=checks,
        targets=targets,
    )


def _records(host: str, target: str, policy_fields: Mapping[str, Any], mode: str) -> list[RecordSet]:
    if mode != "alias" or not target.endswith(AWS_NAMES):
        values = {"TTL": 20, "ResourceRecords": [{"Value": target}]}
        return [{"Name": f"{host}.", "Type": "CNAME", **values, **policy_fields}]
    alias = {"DNSName": target, "EvaluateTargetHealth": not policy_fields}
    return [
        {"Name": f"{host}.", "Type": kind, "AliasTarget": alias, **policy_fields} for kind in ("A", "AAAA")
    ]


def comparable(records: list[RecordSet]) -> list[str]:
    """In one order; without the zones of AWS's load balancers."""
    compared = []
    for each in records:
        alias = {key: value for key, value in each.get("AliasTarget", {}).items() if key != "HostedZoneId"}
        if alias:
            alias["DNSName"] = canonical(alias["DNSName"])
        compared.append(json.dumps({**each, "AliasTarget": alias}, sort_keys=True, default=str))
    return sorted(compared)


def answers(
    shown: Shown, records: list[RecordSet], company: CompanyRoute, client: Client, healthy: frozenset[str]
) -> dict[str, Fraction]:
    """Region to probability, which no type of record that a client asks for may change."""
    regions = {shown.targets[company.namespace, name]: name for name in company.regions}
    failing = {shown.checks[company.namespace, name] for name in company.regions if name not in healthy}
    answers = []
    for kind, other in (("A", "AAAA"), ("AAAA", "A")):
        of_kind = [each for each in records if each["Type"] != other]
        host = host_of(company.namespace, shown.domain)
        answer = resolve(of_kind, host, client, lambda check: check not in failing, kind)
        answers.append({regions[canonical(target)]: share for target, share in answer.items()})
    assert answers[0] == answers[1]
    return answers[0]


def drawn(strategy: st.SearchStrategy[Value], count: int) -> list[Value]:
    """The same ones each time, to be looked at together."""
    examples: list[Value] = []

    @settings(max_examples=count, derandomize=True, database=None, phases=[Phase.generate], deadline=None)
    @given(strategy)
    def collect(each: Value) -> None:
        examples.append(each)

    collect()
    return examples
