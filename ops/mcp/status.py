"""A stack's status: flags and controllers of its clusters, roles and uploads of its companies' gates."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import urllib3

from clients.http_client import HttpError
from clients.kubernetes_api import KubernetesError
from ops import stack as stacks
from ops.cluster_access import Cluster, cluster_of
from ops.drill.observe.cluster import Controllers, NoController
from ops.drill.observe.kubernetes import flags, ready_endpoints
from ops.errors import OperatorError
from ops.mcp.results import CompanyStatus, ControllerStatus, GateStatus, RegionStatus, StackStatus
from ops.memory import AGENT, BRAIN
from ops.probing.pods import ComponentPod
from ops.probing.port_forwards import PortForwards
from ops.stack import Stack
from ops.terminal import plain
from plan.names import SYSTEM_NAMESPACE
from settings import ClusterPlan, Company, clusters_of

THREADS = 16
LATE = 3
"""An upload is late after so many intervals: the runbook's alarm."""
UNKNOWN = "unknown"
UNREACHABLE = (OperatorError, KubernetesError, OSError, urllib3.exceptions.HTTPError)


@dataclass(frozen=True, kw_only=True)
class Observed:
    """One cluster."""

    name: str
    cluster: Cluster | None
    flags: Mapping[str, frozenset[str]]
    endpoints: Mapping[tuple[str, str], int]
    """By region and namespace."""
    controllers: list[ControllerStatus]
    problem: str


def read(arguments: argparse.Namespace, company: str | None, outage: str) -> StackStatus:
    """Of all companies, or of one. Raises OperatorError for a company that is not there."""
    stack = stacks.load(arguments)
    chosen = [stack.company(company)] if company else stack.settings.companies
    with closing(PortForwards()) as forwards:
        observed = {
            region.name: each
            for plan in clusters_of(stack.settings)
            for each in [_observe(stack, plan, arguments, forwards)]
            for region in plan.regions
        }
        regions = [_region(stack, name, observed) for name in stack.regions]
        companies = _companies(stack, chosen, observed, forwards)
    return StackStatus(
        stack=stack.name,
        regions=regions,
        companies=companies,
        alarms=[*_alarms(stack, regions, companies), *([f"outage: {outage}"] if outage else [])],
        outage=outage,
    )


def _observe(
    stack: Stack, plan: ClusterPlan, arguments: argparse.Namespace, forwards: PortForwards
) -> Observed:
    try:
        cluster = cluster_of(stack, plan, arguments.context, arguments.state)
        endpoints = {
            (region, namespace): number
            for region in cluster.regions
            for namespace, number in ready_endpoints(cluster, region)
        }
        flagged = flags(cluster)
    except UNREACHABLE as error:
        return Observed(
            name=plan.id, cluster=None, flags={}, endpoints={}, controllers=[], problem=plain(error)
        )
    controllers, problem = _controllers(stack, cluster, forwards)
    return Observed(
        name=plan.id,
        cluster=cluster,
        flags=flagged,
        endpoints=endpoints,
        controllers=controllers,
        problem=problem,
    )


def _controllers(
    stack: Stack, cluster: Cluster, forwards: PortForwards
) -> tuple[list[ControllerStatus], str]:
    if not stack.settings.failover_enabled:
        return [], ""
    try:
        statuses = Controllers(cluster, forwards).statuses()
    except (NoController, *UNREACHABLE) as error:
        return [], plain(error)
    found = [
        ControllerStatus(
            pod=pod, leading=bool(status.get("leading")), problems=[*_problems(status.get("problems") or {})]
        )
        for pod, status in statuses.items()
    ]
    return found, "" if any(each.leading for each in found) else "none of the failover controllers leads"


def _problems(problems: Mapping[str, Any]) -> Iterator[str]:
    yield from (plain(problems[key]) for key in ("api", "settings") if problems.get(key))
    for name, problem in sorted((problems.get("namespaces") or {}).items()):
        yield plain(f"{name}: {problem}")


def _region(stack: Stack, name: str, observed: Mapping[str, Observed]) -> RegionStatus:
    [settings] = [each for each in stack.settings.regions if each.name == name]
    own = observed[name]
    return RegionStatus(
        region=name,
        cluster=own.name,
        active=settings.active,
        flagged=_flagged(observed, name, SYSTEM_NAMESPACE),
        controllers=own.controllers,
        problem=own.problem,
    )


def _flagged(observed: Mapping[str, Observed], region: str, namespace: str) -> bool | None:
    """In the region's own cluster. When that does not answer: in any other one, as each cluster's controllers
    flag every region. None: no cluster that answers has the namespace's flags."""
    own = observed[region]
    others = [each for each in observed.values() if namespace in each.flags]
    seen = [own] if own.cluster else others
    return any(region in each.flags.get(namespace, ()) for each in seen) if seen else None


def _companies(
    stack: Stack, chosen: Sequence[Company], observed: Mapping[str, Observed], forwards: PortForwards
) -> list[CompanyStatus]:
    def status(company: Company, region: str) -> CompanyStatus:
        seen = observed[region]
        known = seen.cluster is not None
        return CompanyStatus(
            company=company.name,
            region=region,
            flagged=_flagged(observed, region, company.namespace),
            ready_endpoints=seen.endpoints.get((region, company.namespace), 0) if known else None,
            gates=[
                _gate(seen.cluster, company.namespace, region, component, forwards)
                for component in (BRAIN, AGENT)
            ],
        )

    pairs = [(company, region.name) for company in chosen for region in stack.settings.regions_of(company)]
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda pair: status(*pair), pairs))


def _gate(
    cluster: Cluster | None, namespace: str, region: str, component: str, forwards: PortForwards
) -> GateStatus:
    if cluster is None:
        return GateStatus(component=component, role=UNKNOWN, lag_seconds=None, problems=[])
    pod = ComponentPod(
        cluster=cluster, namespace=namespace, component=component, region=region, forwards=forwards
    )
    try:
        health = pod.health()
    except HttpError as error:
        return GateStatus(component=component, role=UNKNOWN, lag_seconds=None, problems=[plain(error)])
    lag = health.get("lagSeconds")
    return GateStatus(
        component=component,
        role=plain(health.get("role", UNKNOWN)),
        lag_seconds=float(lag) if isinstance(lag, int | float) else None,
        problems=[plain(each) for each in health["problems"]],
    )


def _alarms(stack: Stack, regions: list[RegionStatus], companies: list[CompanyStatus]) -> Iterator[str]:
    late = LATE * stack.settings.replication.sync_interval
    for region in regions:
        if region.flagged:
            yield f"{region.region} is flagged as failed"
        if region.problem:
            yield f"{region.region}: {region.problem}"
        for controller in region.controllers:
            yield from (f"{region.region}: {controller.pod}: {each}" for each in controller.problems)
    flagged = {region.region for region in regions if region.flagged}
    for company in companies:
        where = f"{company.company} in {company.region}"
        if company.flagged and company.region not in flagged:
            yield f"{where} is flagged as failed"
        for gate in company.gates:
            yield from (f"{where}: {gate.component}: {each}" for each in gate.problems)
            if gate.lag_seconds is not None and gate.lag_seconds > late:
                yield f"{where}: {gate.component}: the last upload began {gate.lag_seconds:.0f} s ago"
