"""What was stored outlasts a restart of the node: a node of `make up`, or an EC2 instance."""

from __future__ import annotations

import re
from collections.abc import Callable

from clients.kubernetes_api import Object, reference
from ops.aws import calling
from ops.local_target import LocalNodes
from ops.probing.containers import BRAIN
from ops.probing.signals import uninterrupted
from ops.terminal import say
from ops.validation.checks.restart import still_there
from ops.validation.pod_target import PodTarget
from ops.validation.results import Verdict, not_applicable
from ops.validation.run import Run
from plan.names import LOCAL, ZONE_LABEL

INSTANCE = re.compile(r"aws:///[^/]+/(i-[0-9a-f]+)")
"""The provider id of a node that is an EC2 instance."""


def check(run: Run, target: PodTarget) -> Verdict:
    pod = target.brain.require()
    node, before = pod["spec"]["nodeName"], _started_at(pod)
    restart = _restart_of(target, node)
    if restart is None:
        return not_applicable(f"{node} is neither a node of `make up` nor an EC2 instance")
    restart()
    seconds = target.await_ready(BRAIN, lambda pod: _started_at(pod) > before, run.limits.restart)
    event = f"its node {node} restarted, {target.brain.name} Ready after {seconds:.0f} s"
    return still_there(run, target, event)


def _restart_of(target: PodTarget, name: str) -> Callable[[], None] | None:
    """What restarts a node; None for a node that the suite cannot restart."""
    node = target.cluster.api.get(reference("Node", name)) or {}
    if instance := INSTANCE.fullmatch(node.get("spec", {}).get("providerID", "")):
        return lambda: _reboot(target, instance[1])
    zone = node.get("metadata", {}).get("labels", {}).get(ZONE_LABEL, "")
    local = LocalNodes(state=target.state, region=target.region, zone=zone)
    if target.stack.name != LOCAL or not local.zones:
        return None
    return lambda: _restart_local_node(local)


def _reboot(target: PodTarget, instance: str) -> None:
    say(f"    rebooting the instance {instance} …")
    with calling(f"rebooting the instance {instance}"):
        target.aws.client("ec2", target.region).reboot_instances(InstanceIds=[instance])


def _restart_local_node(node: LocalNodes) -> None:
    say(f"    stopping {node}, and starting it again …")
    with uninterrupted(f"{node} is being started again"):
        try:
            node.stop()
        finally:
            node.start(lambda line: say(f"    {line}"))


def _started_at(pod: Object) -> str:
    """When the Brain began to run, as the API writes it: later is greater. Empty: it does not run."""
    for container in pod.get("status", {}).get("containerStatuses", ()):
        if container["name"] == BRAIN:
            return str(container.get("state", {}).get("running", {}).get("startedAt", ""))
    return ""
