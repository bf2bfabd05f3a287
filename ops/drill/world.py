"""The real things that a drill of a stack touches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from local.machine.files import Progress
from ops.aws import Reach, reach_of
from ops.cluster_access import Cluster, clusters_of
from ops.drill.asking import Place, ask
from ops.drill.brains import PodBrains
from ops.drill.clients import Names, asking_checks, check_ids
from ops.drill.copying import BucketCopies
from ops.drill.doors import Doors
from ops.drill.explaining import Explaining
from ops.drill.fitness import require_another, unfit
from ops.drill.forgetting import Forgetting
from ops.drill.journal import Journal
from ops.drill.looks import Controllers, Endpoints, Flags, HealthPath, Probes, Workloads
from ops.drill.outages import Frozen, NodeFault, Outage, ScaledAway
from ops.drill.record import SYSTEM, Record
from ops.drill.route53 import Check, Checkers, Status, read_checks, read_records
from ops.drill.run import World
from ops.drill.scene import Scene, edges_of
from ops.drill.watching import Observer
from ops.drill.ways import LOCAL_WAYS, Way
from ops.errors import WRONG_CALL, OperatorError
from ops.stack import Stack
from plan.names import LOCAL
from plan.record_sets import canonical

STATUS_SECONDS = 2.0
"""Between two questions to Route53's API, which takes five a second for a whole account."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A stack that runs, and how it is reached."""

    stack: Stack
    state: Path
    clusters: Mapping[str, Cluster]
    """By region."""
    reach: Reach
    doors: Doors
    edges: Mapping[str, str]
    """URLs by name or by region, where clients' DNS does not know the names of load balancers."""
    authority: Path | None = None
    """That signed the load balancers' certificates; None: one that everybody trusts."""
    journal: Journal
    progress: Progress

    @property
    def local(self) -> bool:
        return self.stack.name == LOCAL

    @property
    def brains(self) -> PodBrains:
        return PodBrains(self.clusters, self.doors)

    @property
    def forgetting(self) -> Forgetting:
        return Forgetting(self.stack, self.reach, self.brains)

    def place(self, name: str) -> Place:
        """Where the load balancer of a DNS name listens."""
        known = canonical(name)
        url = self.edges.get(known) or self.edges.get(edges_of(self.stack.settings).get(known, ""))
        place = Place.of(url) if url else Place(host=name, port=443, tls=True)
        return replace(place, authority=self.authority) if place.tls else place

    def require_another(self, region: str, *, last_serving: bool) -> None:
        require_another(self.stack, region, self.clusters, self.place, last_serving=last_serving)

    def cluster(self, folder: str) -> Cluster:
        """By its name. Raises OperatorError."""
        for one in self.clusters.values():
            if one.name == folder:
                return one
        raise OperatorError(f"the stack {self.stack.name} has no cluster {folder} any more")

    def outage(self, way: Way, region: str) -> Outage:
        """Raises OperatorError for a way that this stack cannot go."""
        if way in LOCAL_WAYS and not self.local:
            raise OperatorError(f"--way {way}: only on the local target (stack {LOCAL})", WRONG_CALL)
        if way is Way.SCALE:
            return ScaledAway(self.clusters[region], region, self.journal)
        if way is Way.GRAY:
            return Frozen(self.clusters[region], region)
        return NodeFault(way, self.state, region, self.journal, self.progress)

    def world(self, scene: Scene, record: Record, seed: int) -> World:
        """Reads the records and the health checks as they are. Raises OperatorError."""
        home = self.clusters[scene.region]
        records = read_records(self.reach, self.stack.settings.hosted_zone_id or "")
        checks = read_checks(self.reach, check_ids(records))
        if not checks:
            raise OperatorError(f"the records of {scene.stack} have no health checks: has it been deployed?")
        checkers = Checkers(checks, asking_checks(ask, self.place), seed) if self.local else None
        names = (
            Names(scene, records, checkers.healthy)
            if checkers
            else Names(scene, records, Status(self.reach).healthy, STATUS_SECONDS)
        )
        controllers, brains = Controllers(home, self.doors), self.brains
        explaining = Explaining(scene, home, controllers, brains, checkers, record)
        return World(
            scene=scene,
            observers=self._observers(scene, controllers),
            checkers=checkers,
            names=names,
            ask=ask,
            places=self.place,
            brains=brains,
            copies=BucketCopies(self.stack, self.reach),
            unfit=lambda: [*_slow(checks), *unfit(scene, self.clusters, controllers)],
            explain=explaining.explain,
            rounds_asked=explaining.rounds_asked,
        )

    def _observers(self, scene: Scene, controllers: Controllers) -> Sequence[tuple[Observer, Sequence[str]]]:
        home, names = self.clusters[scene.region], scene.namespaces
        return [
            (Flags(scene, home), [SYSTEM, *names]),
            (Probes(scene, controllers), [SYSTEM]),
            (Endpoints(scene, home, scene.region), names),
            (HealthPath(scene, self.place), [f"{host}{path}" for host, path in scene.health]),
            (Workloads(scene, home, self.doors), names),
        ]


def target_of(
    stack: Stack, contexts: Sequence[str] | None, state: Path, journal: Journal, progress: Progress
) -> Target:
    """Raises OperatorError where the stack cannot be reached."""
    clusters = {
        region: cluster for cluster in clusters_of(stack, contexts, state) for region in cluster.regions
    }
    edges: Mapping[str, str] = {}
    authority = None
    reach = reach_of(stack, state)
    if stack.name == LOCAL:
        from local import access
        from local.machine.pki import Pki

        found = access.find(state)
        if found is None:
            raise OperatorError(f"the local target does not run ({state}): start it with `make up`")
        if lacking := [region for region in stack.regions if region not in found.edges]:
            raise OperatorError(
                f"the local target has no load balancer for {', '.join(lacking)}, so that nothing serves"
                " there"
            )
        reach, authority = (
            Reach(local=True, given=found.aws.credentials()),
            Pki(folder=state / "pki").authority,
        )
        edges = _edges(read_records(reach, stack.settings.hosted_zone_id or ""), found.balancers)
    return Target(
        stack=stack,
        state=state,
        clusters=clusters,
        reach=reach,
        doors=Doors(),
        edges=edges,
        authority=authority,
        journal=journal,
        progress=progress,
    )


def _edges(records: Sequence[Mapping[str, Any]], balancers: Mapping[str, str]) -> dict[str, str]:
    """URLs of the load balancers by the names that lead to them. `balancers`: addresses by DNS names."""
    return {
        canonical(record["Name"]): f"https://{balancers[target]}"
        for record in records
        for value in record.get("ResourceRecords", ())
        if (target := canonical(value["Value"])) in balancers
    }


def _slow(checks: Sequence[Check]) -> list[str]:
    """Checks that were created otherwise than the program does, and cannot keep the promise."""
    from plan.edges import CHECK_FAILURES, CHECK_INTERVAL_SECONDS

    return [
        f"health check {one.id} of {one.name}{one.path}: asked every {one.interval} s, {one.threshold} in a"
        f" row; promised are {CHECK_INTERVAL_SECONDS} s and {CHECK_FAILURES}: deploy the stack"
        for one in checks
        if (one.interval, one.threshold) != (CHECK_INTERVAL_SECONDS, CHECK_FAILURES)
    ]
