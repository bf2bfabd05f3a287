"""A node's restart, where the suite knows how: a node of the local target, an EC2 instance."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from local.cluster import network
from local.cluster.nodes import faults
from ops.aws import calling
from ops.cluster_access import Object
from ops.terminal import say
from ops.validation.interruptions import uninterrupted
from plan.names import LOCAL

if TYPE_CHECKING:
    from ops.validation.pod_sites import PodSite

INSTANCE = re.compile(r"aws:///[^/]+/(i-[0-9a-f]+)")
"""The provider id of a node that is an EC2 instance."""


class Node(Protocol):
    def restart(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class LocalNode:
    state: Path
    region: str

    def restart(self) -> None:
        say(f"    stopping the node of {self.region}, and starting it again …")
        with uninterrupted(f"the node of {self.region} is being started again"):
            try:
                faults.stop(self.state, self.region)
            finally:
                faults.start(self.state, self.region, lambda line: say(f"    {line}"))


@dataclass(frozen=True, kw_only=True)
class Instance:
    id: str
    client: Any

    def restart(self) -> None:
        say(f"    rebooting the instance {self.id} …")
        with calling(f"rebooting the instance {self.id}"):
            self.client.reboot_instances(InstanceIds=[self.id])


def node_of(site: PodSite, name: str) -> Node | None:
    """None for a node that the suite cannot restart."""
    found = site.cluster.api.get({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    if instance := INSTANCE.fullmatch((found or {}).get("spec", {}).get("providerID", "")):
        return Instance(id=instance[1], client=site.aws.client("ec2", site.region))
    there = network.load(site.state) if site.stack.name == LOCAL else None
    return LocalNode(state=site.state, region=site.region) if there and site.region in there.numbers else None


def started_at(pod: Object, container: str) -> str:
    """When the container began to run, as the API writes it: later is greater. Empty: it does not run."""
    for one in pod.get("status", {}).get("containerStatuses", ()):
        if one["name"] == container:
            return str(one.get("state", {}).get("running", {}).get("startedAt", ""))
    return ""


def started_after(before: str, container: str) -> Callable[[Object], bool]:
    return lambda pod: started_at(pod, container) > before
