"""Clusters that run the real external-dns against the emulator's Route53.

All are on one API server, separated by a label, which each external-dns filters by. An Ingress gets the
address that its controller would write into its status.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from local.aws import emulator as emulator_service
from local.aws.emulator import Emulator
from local.cluster.control_plane import ControlPlane
from local.kubernetes_api import KubernetesApi
from plan.names import REGION_LABEL
from plan.record_sets import RecordSet

Manifest = dict[str, Any]

PARENT = "real.example.net"
"""Every zone's domain is below this one."""
RIGHT = ("--aws-prefer-cname", "--policy=sync", "--annotation-prefix=external-dns.kubernetes.io/")
_CLUSTER = "test-cluster"
_GROUP = "alb.ingress.kubernetes.io/group.name"
_APPLY = "application/apply-patch+yaml"
_SECONDS = 60
_LOOKERS = 2


@dataclass(frozen=True)
class Run:
    """One `external-dns --once`."""

    log: str
    done: bool

    @property
    def idle(self) -> bool:
        return self.done and "Desired change" not in self.log


def load_balancer(region: str, group: str = "") -> str:
    """Of an Ingress group, or the one in front of the region's ingress-nginx."""
    return (
        f"k8s-{group}-0123456789.{region}.elb.amazonaws.com"
        if group
        else f"nginx-1.elb.{region}.amazonaws.com"
    )


class Clusters:
    def __init__(self, control_plane: ControlPlane, emulator: Emulator, binary: Path) -> None:
        self._emulator, self._binary, self._kubeconfig = emulator, binary, control_plane.kubeconfig
        self._api = KubernetesApi(str(control_plane.kubeconfig), "", threading.Event(), print)
        self._shown: dict[tuple[str, str], dict[str, Manifest]] = {}
        self._pool = ThreadPoolExecutor(8)
        self._checks: dict[tuple[str, str], str] = {}
        self.route53: Any = boto3.client("route53", region_name="us-east-1", **emulator.credentials())

    def zone(self, zone_id: str, domain: str) -> None:
        emulator_service.ensure_hosted_zone(self._emulator.url, zone_id, domain)

    def check(self, fqdn: str, path: str) -> str:
        """A health check's id."""
        if (fqdn, path) not in self._checks:
            config = {"Type": "HTTPS", "FullyQualifiedDomainName": fqdn, "ResourcePath": path}
            created = self.route53.create_health_check(CallerReference=fqdn + path, HealthCheckConfig=config)
            self._checks[fqdn, path] = str(created["HealthCheck"]["Id"])
        return self._checks[fqdn, path]

    def show(self, zone_id: str, cluster: str, manifests: Iterable[Manifest]) -> None:
        """From now on the cluster has these objects of the zone's stack, and no others of it."""
        wanted = {}
        for manifest in manifests:
            placed = _placed(manifest, f"{zone_id} {cluster}", cluster)
            wanted[self._api.path(placed)] = placed
        before = self._shown.get((zone_id, cluster), {})
        list(self._pool.map(lambda path: self._api.call("DELETE", path), before.keys() - wanted.keys()))
        list(self._pool.map(self._apply, [each for each in wanted.items() if before.get(each[0]) != each[1]]))
        self._shown[zone_id, cluster] = wanted

    def of_zone(self, zone_id: str) -> set[str]:
        """Those that ever had objects of the zone's stack."""
        return {cluster for zone, cluster in self._shown if zone == zone_id}

    def of_mode(self, mode: str) -> list[str]:
        return sorted({cluster for _, cluster in self._shown if cluster.partition("-")[0] == mode})

    def _apply(self, item: tuple[str, Manifest]) -> None:
        path, manifest = item
        self._api.call("PATCH", f"{path}?fieldManager=test&force=true", manifest, _APPLY)
        if manifest["kind"] == "Ingress":
            status = {"status": {"loadBalancer": {"ingress": [_address(manifest)]}}}
            self._api.call("PATCH", f"{path}/status", status, "application/merge-patch+json")

    def run(self, cluster: str, *flags: str, owner: str | None = None) -> Run:
        """One pass of the cluster's external-dns, set up as the page says unless `flags` say otherwise."""
        owner_flag = [f"--txt-owner-id={owner or cluster}"] if owner != "default" else []
        command = [
            *(str(self._binary), "--once", "--provider=aws", "--source=ingress", "--source=service"),
            *("--registry=txt", f"--domain-filter={PARENT}", f"--label-filter={_CLUSTER}={cluster}"),
            *(f"--kubeconfig={self._kubeconfig}", "--metrics-address=127.0.0.1:0"),
            "--aws-batch-change-interval=1ms",
            *owner_flag,
            *(flags or RIGHT),
        ]
        environment = {**os.environ, **self._emulator.environment()}
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS)
        return Run(answer.stdout + answer.stderr, answer.returncode == 0)

    def all(self, clusters: Iterable[str], flags: Mapping[str, Sequence[str]]) -> list[Run]:
        """A pass of each, several at once as clusters are; `flags` by what their names begin with."""
        with ThreadPoolExecutor(_LOOKERS) as pool:
            return list(pool.map(lambda each: self.run(each, *flags[each.partition("-")[0]]), clusters))

    def records(self, zone_id: str) -> list[RecordSet]:
        """Without those of the zone itself, and without the registry's."""
        return [each for each in self._listed(zone_id) if each["Type"] not in ("NS", "SOA", "TXT")]

    def registered(self, zone_id: str) -> list[RecordSet]:
        """The records in which external-dns remembers whose a record is."""
        return [each for each in self._listed(zone_id) if each["Type"] == "TXT"]

    def _listed(self, zone_id: str) -> list[RecordSet]:
        pages = self.route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone_id)
        return [each for page in pages for each in page["ResourceRecordSets"]]

    def change(self, zone_id: str, action: str, records: Iterable[RecordSet]) -> None:
        """As somebody else than external-dns."""
        changes = [{"Action": action, "ResourceRecordSet": record} for record in records]
        self.route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})


def _placed(manifest: Manifest, place: str, cluster: str) -> Manifest:
    """In one namespace, under a name of its own: namespaces and names of many stacks are alike."""
    metadata = manifest["metadata"]
    whole = f"{place} {manifest['kind']} {metadata.get('namespace')}/{metadata['name']}"
    name = f"x{hashlib.sha256(whole.encode()).hexdigest()[:20]}"
    labels = {**metadata.get("labels", {}), _CLUSTER: cluster}
    identity = {"name": name, "namespace": "default", "labels": labels}
    return {**manifest, "metadata": {**identity, "annotations": metadata.get("annotations", {})}}


def _address(ingress: Manifest) -> dict[str, str]:
    """What its controller writes; behind an endpoint of one's own, the address of a node."""
    annotations, region = ingress["metadata"]["annotations"], ingress["metadata"]["labels"][REGION_LABEL]
    if any(key.endswith("/target") for key in annotations):
        return {"ip": "192.0.2.7"}
    return {"hostname": load_balancer(region, annotations.get(_GROUP, ""))}
