"""What the failover controller writes into a cluster: flags of failed regions, and who holds the Lease."""

from __future__ import annotations

from typing import Any

from tests.components.stacks import US
from tests.day_two.running import Running
from tests.day_two.stacks import ACME, CLUSTERS

SYSTEM = "digital-agency-system"
CLUSTER, FOLDER = f"{US}-blue", CLUSTERS[US]
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/failover-controller"
WRITTEN: dict[str, Any] = {SYSTEM: {"failedRegions": US}, ACME: {"failedRegions": US}, "holder": ACME}


def path_of(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps/failed-regions"


def write(running: Running) -> None:
    """As the controller writes: under a field manager of its own, and not by applying."""
    api = running.clusters.api(CLUSTER)
    for namespace in (SYSTEM, ACME):
        flags = {"data": {"failedRegions": US}}
        path = f"{path_of(namespace)}?fieldManager=controller"
        api.call("PATCH", path, flags, "application/merge-patch+json")
    lease = api.call("GET", LEASE)
    lease["spec"] = {"holderIdentity": ACME, "leaseDurationSeconds": 10}
    api.call("PUT", f"{LEASE}?fieldManager=controller", lease)


def written(running: Running) -> dict[str, Any]:
    """Flags by namespace, and who holds the Lease."""
    api = running.clusters.api(CLUSTER)
    flags = {name: api.call("GET", path_of(name)).get("data") for name in (SYSTEM, ACME)}
    return {**flags, "holder": api.call("GET", LEASE).get("spec", {}).get("holderIdentity")}
