"""What a drill connects to: a running stack, its clusters, its buckets, Route53."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from ops import local_target
from ops.aws import AwsAccess, aws_access
from ops.cluster_access import Cluster, clusters_by_region
from ops.drill.cleanup import Cleanup
from ops.drill.diagnosis import Diagnosis
from ops.drill.evaluate.steps import Step
from ops.drill.faults.gray import GrayFault
from ops.drill.faults.kinds import LOCAL_FAULTS, Fault, FaultKind
from ops.drill.faults.node import NodeFault
from ops.drill.faults.scaling import ScaleFault
from ops.drill.faults.zone import ZoneFault, zone_loss
from ops.drill.journal import Journal
from ops.drill.observe.accelerators import Accelerated, accelerator_of, client_regions
from ops.drill.observe.brains import PodBrains
from ops.drill.observe.clients import Ask, Resolver, asking
from ops.drill.observe.clock import Observer
from ops.drill.observe.cluster import Controllers, Endpoints, Flags, HealthPath, Probes, Workloads
from ops.drill.observe.dns import Names, check_ids
from ops.drill.observe.http import Address, Request, Response, send, talk
from ops.drill.observe.record import Record
from ops.drill.observe.route53 import Check, Checkers, Route53Checkers, read_checks, read_records
from ops.drill.observe.snapshots import BucketSnapshots
from ops.drill.planned import edges_of
from ops.drill.preconditions import require_another, stack_problems
from ops.drill.scenario import Scenario
from ops.errors import WRONG_CALL, OperatorError
from ops.local_target import LocalNodes
from ops.probing.port_forwards import PortForwards
from ops.stack import Stack
from plan.names import LOCAL, host_of
from plan.record_sets import canonical
from settings.models import Manager

STATUS_SECONDS = 2.0
"""Between two requests to Route53's API, which takes five a second for a whole account."""


class Resolving(Observer, Resolver, Protocol):
    """Observes where companies' names lead, and resolves them."""


@dataclass(frozen=True, kw_only=True)
class RunTarget:
    """What one run connects to."""

    scenario: Scenario
    observers: Sequence[Observer]
    names: Resolving
    checkers: Checkers | None
    """None where Route53's own checkers are used, or none at all."""
    ask: Ask
    brains: PodBrains
    snapshots: BucketSnapshots
    problems: Callable[[], Sequence[str]]
    """Of the stack now."""
    reason: Callable[[Step, str], str]
    """Why a step does not happen for a subject."""
    required_rounds: Callable[[], int | None]
    """Rounds of serving that the controller required before it last cleared the region's flag."""


@dataclass(frozen=True, kw_only=True)
class Target:
    stack: Stack
    state: Path
    clusters: Mapping[str, Cluster]
    """By region."""
    access: AwsAccess
    forwards: PortForwards
    edges: Mapping[str, str]
    """URLs by the load balancer's name or region, where the machine's DNS does not know these names."""
    authority: Path | None = None
    """The CA of the load balancers' certificates; None: the system's trusted ones."""
    journal: Journal
    progress: Callable[[str], None]

    @property
    def local(self) -> bool:
        return self.stack.name == LOCAL

    @property
    def brains(self) -> PodBrains:
        return PodBrains(self.clusters, self.forwards)

    @property
    def cleanup(self) -> Cleanup:
        return Cleanup(self.stack, self.access, self.brains)

    def address(self, name: str) -> Address:
        """Where the load balancer with this DNS name listens."""
        known = canonical(name)
        url = self.edges.get(known) or self.edges.get(edges_of(self.stack.settings).get(known, ""))
        address = Address.of(url) if url else Address(host=name, port=443, tls=True)
        return replace(address, authority=self.authority) if address.tls else address

    def send(self, name: str, request: Request) -> Response:
        """To the load balancer with this DNS name."""
        return send(self.address(name), request)

    def talk(self, name: str, requests: Iterable[Request]) -> Generator[Response]:
        """To the load balancer or accelerator with this DNS name, on one connection."""
        return talk(self.address(name), requests)

    @property
    def accelerated(self) -> bool:
        return self.stack.settings.load_balancing.manager is Manager.GLOBAL_ACCELERATOR

    def client_regions(self, region: str) -> dict[str, str]:
        """By namespace of each company in the region: the region to which Global Accelerator sends clients of
        this machine. Empty with another manager. Raises OperatorError.
        """
        if not self.accelerated:
            return {}
        settings = self.stack.settings
        regions = {
            company.namespace: [each.name for each in settings.regions_of(company)]
            for company in self.stack.companies_in(region)
        }
        return client_regions(self._accelerators(regions), regions, edges_of(settings), self.talk)

    def _accelerators(self, companies: Iterable[str]) -> dict[str, str]:
        """DNS names by namespace, from the current records. Raises OperatorError."""
        settings = self.stack.settings
        records = read_records(self.access, settings.hosted_zone_id or "")
        return {name: accelerator_of(records, host_of(name, settings.domain)) for name in companies}

    def require_another(self, region: str, *, last_serving: bool) -> None:
        require_another(self.stack, region, self.clusters, self.send, last_serving=last_serving)

    def cluster(self, name: str) -> Cluster:
        """Raises OperatorError."""
        for each in self.clusters.values():
            if each.name == name:
                return each
        raise OperatorError(f"the stack {self.stack.name} has no cluster {name} any more")

    def zones(self, region: str) -> Sequence[str]:
        """Those that have a node of the local target."""
        return LocalNodes(state=self.state, region=region).zones

    def obstacle(self, kind: FaultKind, region: str) -> str:
        """Why this stack cannot have the fault; empty when it can."""
        if kind in LOCAL_FAULTS and not self.local:
            return f"only on the local target (stack {LOCAL})"
        if kind is FaultKind.ZONE:
            if not self.stack.settings.replication.enabled:
                return "replication is off, so no other zone can restore a company"
            if len(zones := self.zones(region)) < 2:
                return f"{region} has nodes in one zone ({', '.join(zones) or 'none'}): run `make up`"
        return ""

    def require_possible(self, kind: FaultKind, region: str) -> None:
        """Raises OperatorError for a fault that this stack cannot have."""
        if obstacle := self.obstacle(kind, region):
            raise OperatorError(f"--way {kind}: {obstacle}", WRONG_CALL)

    def narrowed(self, kind: FaultKind, scenario: Scenario) -> Scenario:
        """The scenario with what the fault takes down of the region. Raises OperatorError."""
        if kind is not FaultKind.ZONE:
            return scenario
        return replace(scenario, loss=zone_loss(self.stack, scenario, self.clusters[scenario.region]))

    def fault(self, kind: FaultKind, scenario: Scenario) -> Fault:
        """`scenario` is narrowed to the fault."""
        region = scenario.region
        cluster = self.clusters[region]
        if kind is FaultKind.SCALE:
            return ScaleFault(cluster, region, self.journal)
        if kind is FaultKind.GRAY:
            return GrayFault(cluster, region)
        node = NodeFault(kind, self.state, region, self.journal, self.progress, scenario.zone)
        if kind is FaultKind.ZONE:
            return ZoneFault(self.stack, scenario, cluster, self.access, self.journal, node)
        return node

    def run_target(self, scenario: Scenario, record: Record, seed: int) -> RunTarget:
        """Reads the current records and health checks. Raises OperatorError."""
        cluster = self.clusters[scenario.region]
        route = self._accelerated_route(scenario) if self.accelerated else self._route53(scenario, seed)
        controllers, brains = Controllers(cluster, self.forwards), self.brains
        diagnosis = Diagnosis(scenario, cluster, controllers, brains, route.checkers, record)
        return RunTarget(
            scenario=scenario,
            observers=[
                Flags(scenario, cluster),
                Probes(scenario, controllers),
                Endpoints(scenario, cluster),
                HealthPath(scenario, self.send),
                Workloads(scenario, cluster, self.forwards),
                route.names,
            ],
            names=route.names,
            checkers=route.checkers,
            ask=route.ask,
            brains=brains,
            snapshots=BucketSnapshots(self.stack, self.access),
            problems=lambda: [
                *slow_checks(route.checks),
                *stack_problems(scenario, self.clusters, controllers),
            ],
            reason=diagnosis.reason,
            required_rounds=diagnosis.required_rounds,
        )

    def _accelerated_route(self, scenario: Scenario) -> Route:
        names = Accelerated(scenario, self._accelerators(scenario.namespaces), self.talk)
        return Route(names=names, ask=names.ask)

    def _route53(self, scenario: Scenario, seed: int) -> Route:
        records = read_records(self.access, self.stack.settings.hosted_zone_id or "")
        checks = read_checks(self.access, check_ids(records))
        if not checks:
            stack = scenario.stack
            raise OperatorError(f"the records of {stack} have no health checks: has it been deployed?")
        checkers = Checkers(checks, self.send, seed) if self.local else None
        if checkers:
            names = Names(scenario, records, checkers.healthy)
        else:
            names = Names(scenario, records, Route53Checkers(self.access).healthy, STATUS_SECONDS)
        return Route(names=names, ask=asking(self.send, scenario.edges), checks=checks, checkers=checkers)


@dataclass(frozen=True, kw_only=True)
class Route:
    """How clients find a region."""

    names: Resolving
    ask: Ask
    checks: Sequence[Check] = ()
    checkers: Checkers | None = None


def target_of(
    stack: Stack,
    contexts: Sequence[str] | None,
    state: Path,
    journal: Journal,
    progress: Callable[[str], None],
) -> Target:
    """Raises OperatorError where the stack cannot be reached."""
    target = Target(
        stack=stack,
        state=state,
        clusters=clusters_by_region(stack, contexts, state),
        access=aws_access(stack, state),
        forwards=PortForwards(),
        edges={},
        journal=journal,
        progress=progress,
    )
    return _with_local_edges(target) if target.local else target


def _with_local_edges(target: Target) -> Target:
    """Raises OperatorError where the local target does not run."""
    balancers, authority = local_target.edges(target.stack.regions, target.state)
    records = read_records(target.access, target.stack.settings.hosted_zone_id or "")
    return replace(target, edges=_edges(records, balancers), authority=authority)


def _edges(records: Sequence[Mapping[str, Any]], balancers: Mapping[str, str]) -> dict[str, str]:
    """URLs of the load balancers by their names and by those that lead to them. `balancers`: addresses by DNS
    names.
    """
    return {name: f"https://{address}" for name, address in balancers.items()} | {
        canonical(record["Name"]): f"https://{balancers[name]}"
        for record in records
        for value in record.get("ResourceRecords", ())
        if (name := canonical(value["Value"])) in balancers
    }


def slow_checks(checks: Sequence[Check]) -> list[str]:
    """Health checks that were not created as the program does, and cannot keep the promises."""
    from plan.edges import CHECK_FAILURES, CHECK_INTERVAL_SECONDS

    return [
        f"health check {check.id} of {check.name}{check.path}: every {check.interval} s, {check.threshold} in"
        f" a row; the promises need {CHECK_INTERVAL_SECONDS} s and {CHECK_FAILURES}: deploy the stack"
        for check in checks
        if (check.interval, check.threshold) != (CHECK_INTERVAL_SECONDS, CHECK_FAILURES)
    ]
