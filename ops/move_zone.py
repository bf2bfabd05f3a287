"""`python -m ops move-zone`: bring a company up in another availability zone of its region.

The volumes of Brain and Agent lie in one zone each. When that zone is lost, no other zone can mount them: the
command gives both an empty volume, which is created in the zone where their pods find a node, and the gates
restore the newest complete checkpoint of the region's bucket. The old volumes are kept.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

from clients.kubernetes_api import MERGE_PATCH, KubernetesError, Object, reference
from ops import aws, cluster_access, confirmation, memory
from ops import stack as stacks
from ops.checkpoints import CheckpointStore, Inspected, no_checkpoint
from ops.cluster_access import Cluster
from ops.errors import DONE, NOTHING_FOUND, TIMED_OUT, OperatorError
from ops.memory import AGENT, BRAIN, Memory, memory_in
from ops.probing.failure import Failure
from ops.probing.pods import problem_of
from ops.probing.signals import uninterrupted
from ops.probing.volume import VolumeReplacement, node_problem, zone_of_pod, zone_of_volume
from ops.stack import Stack
from ops.terminal import amount, clock, rounds, say, table

POLL_SECONDS = 2.0
DELETION_SECONDS = 180.0
LIMIT_SECONDS = 900
UNKNOWN = "unknown"
_HEADS = ("workload", "volume", "zone", "state", "newest checkpoint", "files", "bytes")


def add_arguments(command: argparse.ArgumentParser) -> None:
    stacks.add_arguments(command)
    command.add_argument("--company", required=True, help="its name")
    command.add_argument("--region", required=True, help="the region with the lost zone")
    command.add_argument("--component", choices=[BRAIN, AGENT], help="default: both")
    aws.add_arguments(command)
    cluster_access.add_arguments(command)
    confirmation.add_arguments(command)
    command.add_argument(
        "--timeout", type=int, default=LIMIT_SECONDS, help="seconds to wait for the pods (default: 900)"
    )


@dataclass(frozen=True, kw_only=True)
class Move:
    """One workload that gets a new volume."""

    memory: Memory
    cluster: Cluster
    replacement: VolumeReplacement
    volume: Object | None
    """Today's; None when the claim is bound to none."""
    pod: Object | None
    checkpoint: Inspected
    """The newest complete one: what the new volume will have."""

    @property
    def problem(self) -> str | None:
        """Why the pod does not run; None when it is Ready."""
        return (self.pod and node_problem(self.cluster, self.pod)) or problem_of(self.pod)


def run(arguments: argparse.Namespace) -> int:
    stack = stacks.load(arguments)
    stack.require_replication()
    memories = _memories(stack, arguments)
    cluster = cluster_access.clusters_by_region(stack, arguments.context, arguments.state)[arguments.region]
    client = aws.aws_access(stack, arguments.state).client("s3", arguments.region)
    try:
        moves = [planned_move(cluster, each, CheckpointStore(client, each)) for each in memories]
        _explain(moves, time.time())
        effect = f"{' and '.join(each.replacement.name for each in moves)} get empty volumes"
        confirmation.confirm(stack, effect, [stack.company(arguments.company)], arguments)
        began = time.time()
        for each in moves:
            replace_volume(each)
        await_ready(moves, arguments.timeout)
    except (Failure, KubernetesError) as error:
        raise OperatorError(
            f"{error}; look at {error.look}" if isinstance(error, Failure) else str(error)
        ) from error
    say("\n".join(line for each in moves for line in outcome(each, began)))
    return DONE


def _memories(stack: Stack, arguments: argparse.Namespace) -> list[Memory]:
    """Raises OperatorError."""
    company = stack.company(arguments.company)
    components = [arguments.component] if arguments.component else [BRAIN, AGENT]
    memory.check_region(stack, company, arguments.region, memory.plans_of(stack, company, components[0]))
    return [memory_in(stack, company, component, arguments.region) for component in components]


def planned_move(cluster: Cluster, wanted: Memory, store: CheckpointStore) -> Move:
    """Raises OperatorError without a complete checkpoint, Failure and KubernetesError."""
    workload = f"{wanted.component}-{wanted.region}"
    replacement = VolumeReplacement.of(cluster, wanted.namespace, workload, DELETION_SECONDS)
    say(f"reading the checkpoints of {wanted.name} in s3://{wanted.bucket} …")
    listing = store.list()
    stored = listing.stored()
    checkpoint = next((each for each in listing.ranked(stored) if each.complete), None)
    if checkpoint is None:
        reason = f"none of the {len(stored)} checkpoints is complete" if stored else no_checkpoint(wanted)
        raise OperatorError(f"nothing was done: {reason}. A new volume would be empty.", NOTHING_FOUND)
    return Move(
        memory=wanted,
        cluster=cluster,
        replacement=replacement,
        volume=replacement.volume(),
        pod=_pod_of(cluster, wanted.namespace, workload),
        checkpoint=checkpoint,
    )


def _explain(moves: Sequence[Move], now: float) -> None:
    say(table(_HEADS, [_row(each) for each in moves]))
    say("")
    for each in moves:
        at = each.checkpoint.stored.id.at
        say(
            f"{each.replacement.name} loses what it stored after {clock(at)}, {now - at / 1000:.0f} s ago, as"
            " far as no other region has it."
        )
        if each.problem is None:
            say("  Its pod is Ready: is the zone lost? The new pod may start in the same zone again.")
        elif each.pod and node_problem(each.cluster, each.pod):
            say(
                "  If the node's instance still runs, terminate it first: its gate would go on uploading to"
                " the same prefix."
            )
    say("The old volumes are kept.\n")


def _row(move: Move) -> tuple[str, ...]:
    checkpoint = move.checkpoint.checkpoint
    assert checkpoint is not None
    return (
        move.replacement.name,
        move.volume["metadata"]["name"] if move.volume else "none",
        (move.volume and zone_of_volume(move.cluster, move.volume)) or UNKNOWN,
        move.problem or "Ready",
        clock(checkpoint.id.at),
        str(len(checkpoint.files)),
        amount(checkpoint.bytes),
    )


def replace_volume(move: Move) -> None:
    """The old volume is kept. Raises KubernetesError."""
    api, volume = move.cluster.api, move.volume
    if volume:
        keep = {"spec": {"persistentVolumeReclaimPolicy": "Retain"}}
        api.call("PATCH", api.path(volume), keep, MERGE_PATCH)
    try:
        move.replacement.delete_claim()
    finally:
        with uninterrupted(f"the claim and the replicas of {move.replacement.name} are being put back"):
            move.replacement.put_back()


def await_ready(moves: Sequence[Move], limit: int) -> None:
    """Until the pods are Ready. Raises OperatorError."""
    problems: dict[str, str] = {}
    for passed, report in rounds(POLL_SECONDS, limit):
        problems = {
            f"{each.replacement.name}-0": problem
            for each in moves
            if (problem := problem_of(_pod(each))) is not None
        }
        if not problems:
            return
        if report:
            say("\n".join(f"waiting for {pod} … {passed:.0f} s: {why}" for pod, why in problems.items()))
    raise OperatorError(
        f"not Ready within {limit} s: "
        + "; ".join(f"{pod}: {why}" for pod, why in problems.items())
        + ". The pods start as soon as a node of the region has room for them; the gates' init containers log"
        f" the restore: {moves[0].cluster.kubectl} -n {moves[0].memory.namespace} logs"
        f" {moves[0].replacement.workload}-0 -c restore",
        TIMED_OUT,
    )


def outcome(move: Move, began: float) -> list[str]:
    """Lines about a pod that is Ready again. `began`: when the move did, in seconds of UTC."""
    pod, stored = _pod(move), move.checkpoint.stored
    zone = (pod and zone_of_pod(move.cluster, pod)) or UNKNOWN
    lines = [
        f"moved: {move.replacement.name} runs in zone {zone}; its memory is {stored.id} of {stored.writer},"
        f" {began - stored.id.at / 1000:.0f} s old when the move began"
    ]
    if move.volume:
        name = move.volume["metadata"]["name"]
        lines.append(
            f"  The old volume {name} is kept. Delete it in the cluster and in EBS when the zone is back."
        )
    return lines


def _pod(move: Move) -> Object | None:
    return _pod_of(move.cluster, move.memory.namespace, move.replacement.workload)


def _pod_of(cluster: Cluster, namespace: str, workload: str) -> Object | None:
    return cluster.api.get(reference("Pod", f"{workload}-0", namespace))
