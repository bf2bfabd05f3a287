"""The five promises about DNS answers, checked on the DNS records of the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from graphlib import TopologicalSorter
from itertools import product
from typing import Any

from plan.accelerator_resolver import answers
from plan.names import REGION_LABEL, SYSTEM_NAMESPACE
from plan.records import CompanyRoute
from plan.resolver import Client, resolve
from plan.route53 import Zone
from settings import Settings
from settings.models import Manager
from settings.routes import company_route, region_route
from tests.components.pod_rules import before
from tests.plan.route_stacks import Stack, expected, subsets
from tests.recording import (
    ACCELERATOR,
    ENDPOINT_GROUP,
    HEALTH_CHECK,
    INGRESS,
    LISTENER,
    RECORD,
    Recording,
)

_GEO_KEYS = {"country": "CountryCode", "continent": "ContinentCode"}
_ROUTING: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "latencyRoutingPolicies": lambda policy: {"Region": policy["region"]},
    "weightedRoutingPolicies": lambda policy: {"Weight": policy["weight"]},
    "failoverRoutingPolicies": lambda policy: {"Failover": policy["type"]},
    "geolocationRoutingPolicies": lambda policy: {
        "GeoLocation": {_GEO_KEYS[key]: value for key, value in policy.items()}
    },
}


def to_api(inputs: dict[str, Any]) -> dict[str, Any]:
    """A record as `list_resource_record_sets` returns it, from the inputs that the graph has for it."""
    found: dict[str, Any] = {"Name": f"{inputs['name']}.", "Type": inputs["type"]}
    for key, name in (("setIdentifier", "SetIdentifier"), ("healthCheckId", "HealthCheckId"), ("ttl", "TTL")):
        if inputs.get(key) is not None:
            found[name] = inputs[key]
    if "records" in inputs:
        found["ResourceRecords"] = [{"Value": value} for value in inputs["records"]]
    for alias in inputs.get("aliases", []):
        found["AliasTarget"] = {
            "HostedZoneId": alias["zoneId"],
            "DNSName": alias["name"],
            "EvaluateTargetHealth": alias["evaluateTargetHealth"],
        }
    for key, read in _ROUTING.items():
        for policy in inputs.get(key, []):
            found |= read(policy)
    return found


def records_of(run: Recording) -> list[dict[str, Any]]:
    return [to_api(resource.inputs) for resource in run.of(RECORD)]


def routes_of(settings: Settings) -> Stack:
    """The settings as the promises' own statement of what must be answered takes them."""
    return Stack(
        policy=settings.load_balancing.policy,
        regions=tuple(map(region_route, settings.regions)),
        companies=tuple(company_route(settings, company) for company in settings.companies),
    )


def _edge(settings: Settings, company: CompanyRoute, region: str) -> str:
    """The name that clients of a company come to in a region, written out here once more on purpose."""
    endpoint = next(each.endpoint for each in settings.regions if each.name == region)
    label = region if company.edge == 1 else f"{region}-{company.edge}"
    return endpoint or f"{label}.{settings.domain}"


def _clients(settings: Settings) -> Iterator[Client]:
    names = tuple(region.name for region in settings.regions)
    for turn in range(len(names)):
        yield Client(country=None, continent=None, nearest=(*names[turn:], *names[:turn]))
    for country, continent in (
        ("TR", "EU"),
        ("DE", "EU"),
        ("BR", "SA"),
        ("US", "NA"),
        ("JP", "AS"),
        ("ZA", "AF"),
    ):
        yield Client(country=country, continent=continent, nearest=names)


def checks_of(run: Recording, company: CompanyRoute, region: str) -> set[str]:
    """Ids of the health checks that speak for a company in a region."""
    path = f"/healthz/{region}" + (f"/{company.namespace}" if company.dedicated else "")
    fqdn = _edge(run.settings, company, region)
    return {
        resource.id
        for resource in run.of(HEALTH_CHECK)
        if resource.inputs["fqdn"] == fqdn
        and resource.inputs["resourcePath"] == path
        and resource.inputs["type"] == "HTTPS"
    }


def answers_keep_the_promises(run: Recording) -> None:
    """1 to 4, for every company, every set of healthy regions and clients everywhere."""
    settings = run.settings
    if settings.load_balancing.manager is not Manager.ROUTE53:
        return
    routes, records = routes_of(settings), records_of(run)
    for company in routes.companies:
        edges = {_edge(settings, company, region): region for region in company.regions}
        checks = {region: checks_of(run, company, region) for region in company.regions}
        assert all(len(ids) == 1 for ids in checks.values()), f"{company.namespace}: {checks}"
        for healthy, client in product(subsets(company.regions), _clients(settings)):
            failing = {check for region, ids in checks.items() for check in ids if region not in healthy}
            host = f"{company.namespace}.{settings.domain}"
            found = resolve(records, host, client, lambda check, failing=failing: check not in failing)  # type: ignore[misc]
            answer = {edges[target]: share for target, share in found.items()}
            assert answer == expected(routes, company, client, healthy), (company, healthy, client)


def accelerators_keep_the_promises(run: Recording) -> None:
    """1 to 4 under Global Accelerator, by the endpoint groups, for the accelerator that the name leads to."""
    settings = run.settings
    if settings.load_balancing.manager is not Manager.GLOBAL_ACCELERATOR:
        return
    assert run.of(HEALTH_CHECK) == []
    routes, records = routes_of(settings), {one.inputs["name"]: one for one in run.of(RECORD)}
    accelerators = {one.outputs["dnsName"]: one for one in run.of(ACCELERATOR)}
    accelerators |= {one.outputs["dualStackDnsName"]: one for one in run.of(ACCELERATOR)}
    for company in routes.companies:
        name = records[f"{company.namespace}.{settings.domain}"]
        leaf = records[name.inputs["aliases"][0]["name"]]
        groups = endpoint_groups(run, accelerators[leaf.inputs["records"][0]])
        assert {group["EndpointGroupRegion"] for group in groups} == set(company.regions)
        ids = {_endpoint(group): group["EndpointGroupRegion"] for group in groups}
        assert all("/net/" in id and f":{region}:" in id for id, region in ids.items())
        for healthy, client in product(subsets(company.regions), _clients(settings)):
            for answer in answers(groups, client.nearest, lambda id: ids[id] in healthy):  # noqa: B023
                found = {ids[id]: share for id, share in answer.items()}
                assert found == expected(routes, company, client, healthy), (company, healthy, client)


def endpoint_groups(run: Recording, accelerator: Any) -> list[dict[str, Any]]:
    """An accelerator's endpoint groups as `DescribeEndpointGroup` returns them."""
    (listener,) = [one for one in run.of(LISTENER) if one.inputs["acceleratorArn"] == accelerator.id]
    assert {port["fromPort"] for port in listener.inputs["portRanges"]} == {80, 443}
    return [
        {
            "EndpointGroupRegion": one.inputs["endpointGroupRegion"],
            "TrafficDialPercentage": one.inputs["trafficDialPercentage"],
            "EndpointDescriptions": [
                {"EndpointId": each["endpointId"], "Weight": each["weight"]}
                for each in one.inputs["endpointConfigurations"]
            ],
        }
        for one in run.of(ENDPOINT_GROUP)
        if one.inputs["listenerArn"] == listener.id
    ]


def _endpoint(group: dict[str, Any]) -> str:
    (found,) = group["EndpointDescriptions"]
    return str(found["EndpointId"])


def endpoints_are_as_healthy_as_their_region(run: Recording) -> None:
    """5: what Global Accelerator asks about a region is the path that Route53 would ask, and no company's."""
    settings = run.settings
    fronts = [one for one in run.objects(INGRESS) if _ALB + "enable-frontend-nlb" in _annotations(one)]
    assert bool(fronts) <= (settings.load_balancing.manager is Manager.GLOBAL_ACCELERATOR)
    for front in fronts:
        found = _annotations(front)
        check = {key: found[f"{_ALB}frontend-nlb-healthcheck-{key}"] for key in ("path", "protocol", "port")}
        region = front.inputs["metadata"]["labels"][REGION_LABEL]
        assert check == {"path": f"/healthz/{region}", "protocol": "HTTPS", "port": "443"}
        assert "rules" not in front.inputs["spec"], "a rule would be one company less"
        (edge,) = [
            one
            for one in run.objects(INGRESS, namespace=SYSTEM_NAMESPACE)
            if one is not front and _annotations(one).get(_GROUP) == found[_GROUP]
        ]
        assert edge.urn in before(run, front)


def _annotations(ingress: Any) -> dict[str, str]:
    return dict(ingress.inputs["metadata"].get("annotations") or {})


_ALB = "alb.ingress.kubernetes.io/"
_GROUP = f"{_ALB}group.name"


def one_company_s_failure_moves_nobody_else(run: Recording) -> None:
    """5: with a company's own checks failing, the others are answered as with all healthy."""
    settings = run.settings
    if settings.load_balancing.manager is not Manager.ROUTE53:
        return
    routes, records = routes_of(settings), records_of(run)
    client = next(_clients(settings))

    def ask(company: CompanyRoute, failing: set[str]) -> dict[str, Fraction]:
        return resolve(
            records, f"{company.namespace}.{settings.domain}", client, lambda check: check not in failing
        )

    for company in routes.companies:
        if not company.dedicated:
            continue
        failing = {check for region in company.regions for check in checks_of(run, company, region)}
        for other in routes.companies:
            assert other == company or ask(other, failing) == ask(other, set()), (company, other)


def leaves_lead_to_load_balancers_that_exist(run: Recording) -> None:
    """Every edge that a record or a check names has a record of its own, or is an endpoint."""
    settings = run.settings
    edges = {
        resource.inputs["name"]
        for resource in run.of(RECORD)
        if resource.inputs["type"] == "CNAME" and "setIdentifier" not in resource.inputs
    }
    if settings.load_balancing.manager is Manager.EXTERNAL_DNS:
        key = f"{settings.load_balancing.annotation_prefix}hostname"
        edges = {resource.inputs["metadata"]["annotations"].get(key) for resource in run.of(INGRESS)}
    known = edges | {region.endpoint for region in settings.regions if region.endpoint}
    for resource in run.of(RECORD):
        if resource.inputs.get("setIdentifier"):
            assert set(resource.inputs.get("records", [])) <= known, resource.name
    for resource in run.of(HEALTH_CHECK):
        assert resource.inputs["fqdn"] in known, resource.name


def route53_accepts_every_record(run: Recording) -> None:
    """In the order in which they are made, each by a CREATE of its own."""
    zone = Zone(zone_id=run.settings.hosted_zone_id or "")
    records = {resource.urn: resource for resource in run.of(RECORD)}
    order = TopologicalSorter(
        {urn: resource.dependencies & records.keys() for urn, resource in records.items()}
    )
    for urn in order.static_order():
        zone.change(("CREATE", to_api(records[urn].inputs)))


def names_come_after_what_they_lead_to(run: Recording) -> None:
    """A leaf and a check after the load balancer's name, and that after its Ingress; a company's name, or
    what makes it, after them, and after the company's Ingress in each region.
    """
    settings = run.settings
    records = {
        resource.inputs["name"]: resource.urn for resource in run.of(RECORD) if _is_edge(resource.inputs)
    }
    edges = {resource.urn: resource for resource in run.objects(INGRESS, namespace=SYSTEM_NAMESPACE)}
    for resource in run.of(RECORD, HEALTH_CHECK):
        target = resource.inputs.get("fqdn") or next(iter(resource.inputs.get("records", [])), "")
        if target in records:
            assert records[target] in before(run, resource), resource.name
        if resource.type == HEALTH_CHECK or resource.inputs.get("healthCheckId"):
            region = resource.name.partition("-check@")[0].partition("-leaf@")[0]
            needed = [edges[urn].inputs["metadata"]["labels"] for urn in before(run, resource) & edges.keys()]
            assert {REGION_LABEL: region} in needed, resource.name
    for company in settings.companies:
        own = run.objects(INGRESS, namespace=company.namespace)
        assert len(own) == len(settings.regions_of(company))
        if settings.load_balancing.manager is not Manager.EXTERNAL_DNS:
            name = run.named(f"{company.namespace}-name")
            assert {resource.urn for resource in own} <= before(run, name), name.name
        else:
            assert all(before(run, resource) & edges.keys() for resource in own), company.namespace


def _is_edge(inputs: dict[str, Any]) -> bool:
    return inputs["type"] == "CNAME" and not inputs.keys() & {"setIdentifier", "aliases"}


RULES = (
    names_come_after_what_they_lead_to,
    route53_accepts_every_record,
    answers_keep_the_promises,
    accelerators_keep_the_promises,
    endpoints_are_as_healthy_as_their_region,
    one_company_s_failure_moves_nobody_else,
    leaves_lead_to_load_balancers_that_exist,
)
