"""The fault `zone`, on the local target: the node of one availability zone is stopped.

Watched companies whose volumes lie there and whose clients are in the region are then moved to another zone,
as `python -m ops move-zone` does. Others, which may have no memory to move, come back with the zone.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping

from clients.kubernetes_api import KubernetesError
from ops.aws import AwsAccess
from ops.checkpoints import CheckpointStore
from ops.cluster_access import Cluster
from ops.drill.faults.kinds import retried
from ops.drill.faults.node import NodeFault
from ops.drill.journal import Entry, Journal
from ops.drill.observe.kubernetes import workloads
from ops.drill.scenario import Scenario, ZoneLoss
from ops.errors import OperatorError
from ops.memory import memory_in
from ops.move_zone import (
    DELETION_SECONDS,
    LIMIT_SECONDS,
    Move,
    await_ready,
    outcome,
    planned_move,
    replace_volume,
)
from ops.probing.failure import Failure
from ops.probing.volume import CLAIM, VolumeReplacement, unbound, volume_of, zone_of_volume
from ops.stack import Stack
from plan.names import COMPANY_LABEL, WORKLOAD_LABEL
from runtime.controller.survey import most_fail

VOLUME = "volume"
"""The kind of the journal's entry for a claim that is being replaced."""

Volumes = Mapping[str, frozenset[tuple[str, str]]]
"""By zone: namespace and component of each workload whose volume lies there."""


class ZoneFault:
    cut_off = False

    def __init__(
        self,
        stack: Stack,
        scenario: Scenario,
        cluster: Cluster,
        access: AwsAccess,
        journal: Journal,
        node: NodeFault,
    ) -> None:
        """`scenario` loses a zone, whose node is `node`."""
        assert scenario.loss is not None
        self._stack, self._region, self._loss = stack, scenario.region, scenario.loss
        self._moved = [each for each in scenario.loss.workloads if each[0] in scenario.moved]
        self._waiting = [each for each in scenario.lost if each not in scenario.moved]
        self._cluster, self._access, self._journal, self._node = cluster, access, journal, node

    def prepare(self) -> None:
        self._planned()

    def inject(self) -> str:
        companies = len(self._loss.companies)
        return f"{self._node.inject()}, with volumes of {companies} watched companies"

    def bring_back(self) -> str:
        began = time.time()
        moves = self._planned()
        for each in moves:
            entry = claim_entry(each.replacement)
            self._journal.add(entry)
            replace_volume(each)
            self._journal.remove(entry)
        await_ready(moves, LIMIT_SECONDS)
        lines = [line for each in moves for line in outcome(each, began)]
        lines += [f"{each} waits for the zone: its clients are in another region" for each in self._waiting]
        return "\n".join(lines)

    def remove(self) -> str:
        return self._node.remove()

    def _planned(self) -> list[Move]:
        client = self._access.client("s3", self._region)
        moves = []
        for namespace, component in self._moved:
            memory = memory_in(self._stack, self._stack.company(namespace), component, self._region)
            try:
                moves.append(planned_move(self._cluster, memory, CheckpointStore(client, memory)))
            except (Failure, KubernetesError) as error:
                raise OperatorError(str(error)) from error
        return moves


def claim_entry(replacement: VolumeReplacement) -> Entry:
    return {
        "what": VOLUME,
        "cluster": replacement.cluster.name,
        "uid": replacement.cluster.api.uid(),
        "namespace": replacement.namespace,
        "workload": replacement.workload,
        "claim": unbound(replacement.claim),
        "replicas": replacement.replicas,
    }


def put_claim_back(cluster: Cluster, entry: Entry) -> str:
    """Raises OperatorError."""
    replacement = VolumeReplacement(
        cluster=cluster,
        namespace=entry["namespace"],
        workload=entry["workload"],
        limit=DELETION_SECONDS,
        claim=entry["claim"],
        replicas=entry["replicas"],
    )
    if problem := retried(replacement.put_back):
        raise OperatorError(
            f"the claim of {replacement.name} is not put back ({problem}): repeat with --restore"
        )
    return f"{replacement.name} has its claim and its replicas"


def zone_loss(stack: Stack, scenario: Scenario, cluster: Cluster) -> ZoneLoss:
    """The loss of the zone in which most watched companies have a volume; companies whose clients are in the
    region count first. Raises OperatorError.
    """
    volumes = _volumes(cluster, scenario.region)
    watched = {
        zone: tuple(sorted(each for each in there if each[0] in scenario.namespaces))
        for zone, there in volumes.items()
    }
    if not any(watched.values()):
        raise OperatorError(f"{cluster.name}: no watched company has a volume in a zone of {scenario.region}")
    here = {tenant.namespace for tenant in scenario.moving}

    def rank(zone: str) -> tuple[int, int]:
        companies = {namespace for namespace, _ in watched[zone]}
        return len(companies & here), len(companies)

    zone = max(sorted(watched), key=rank)
    lost = {namespace for namespace, _ in volumes[zone]}
    judged = [each for each in stack.companies_in(scenario.region) if not each.dedicated_health_checks]
    return ZoneLoss(
        zone=zone,
        workloads=watched[zone],
        region_fails=most_fail([each.namespace not in lost for each in judged]),
    )


def _volumes(cluster: Cluster, region: str) -> Volumes:
    zones: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for claim in workloads(cluster, CLAIM, "v1", region):
        volume, labels = volume_of(cluster, claim), claim["metadata"]["labels"]
        if zone := volume and zone_of_volume(cluster, volume):
            zones[zone].add((labels[COMPANY_LABEL], labels[WORKLOAD_LABEL]))
    return {zone: frozenset(there) for zone, there in zones.items()}
