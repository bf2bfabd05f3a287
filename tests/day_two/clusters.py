"""Control planes as EKS clusters. Threads play what they lack: nodes, disks and load balancers."""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import yaml
from kubernetes.client import ApiClient, CoreV1Api, NetworkingV1Api
from kubernetes.client.exceptions import ApiException
from kubernetes.watch import Watch
from urllib3.exceptions import HTTPError

from local.cluster import control_plane
from local.kubernetes_api import ApiError, KubernetesApi, Object
from local.machine.processes import Processes
from tests.strategies import Raw

GET_TOKEN = """#!/bin/sh
# Called as: aws --region <region> eks get-token --cluster-name <cluster> --output json
exec cat {folder}/"$2-$6".json
"""
AGAIN_SECONDS = 0.2
STORAGE_CLASSES = ("gp3", "io2")
NETWORKING = "/apis/networking.k8s.io/v1"
STORAGE = "/apis/storage.k8s.io/v1/storageclasses"
CLASSES: dict[str, Object] = {
    "/apis/scheduling.k8s.io/v1/priorityclasses": {"metadata": {"name": "business-critical"}, "value": 1},
    "/apis/node.k8s.io/v1/runtimeclasses": {"metadata": {"name": "gvisor"}, "handler": "runsc"},
}
"""Of pods, that drawn stack files name."""
LONG_AGO = "2020-01-01T00:00:00Z"
"""Of more than `minReadySeconds`."""
TRIED_AGAIN = (ApiError, ApiException, HTTPError, KeyError)
"""An object was deleted or changed since it was seen; a watch ended; or the client looked up its proxy while
a deployment in this process, which had set variables, ended."""
Provide = Callable[[KubernetesApi, Object], None]
READY = {"type": "Ready", "status": "True", "lastTransitionTime": LONG_AGO}
RUNNING = {"phase": "Running", "conditions": [READY]}


class Clusters:
    """EKS clusters by region and name. Each is a control plane of its own, started when it is first needed.

    The executable `aws` in `commands` gives their credentials to whoever deploys.
    """

    def __init__(self, state: Path, commands: Path) -> None:
        self._state, self._kubeconfigs = state, dict[str, Path]()
        self._stopped, self._threads = threading.Event(), list[threading.Thread]()
        for folder in (state, commands):
            folder.mkdir(parents=True)
        command = commands / "aws"
        command.write_text(GET_TOKEN.format(folder=shlex.quote(str(state))))
        command.chmod(0o700)

    def start(self, names: list[str]) -> None:
        """Start those that do not run yet, side by side."""
        new = [name for name in names if name not in self._kubeconfigs]
        with ThreadPoolExecutor() as pool:
            started = pool.map(lambda name: control_plane.start(self._state / name, print), new)
            self._kubeconfigs |= {name: item.kubeconfig for name, item in zip(new, started, strict=True)}
        for name in new:
            self._write_credential(name)
            self._provide(self.api(name))

    def api(self, name: str) -> KubernetesApi:
        return KubernetesApi(str(self._kubeconfigs[name]), "", threading.Event(), print)

    def address(self, name: str) -> Raw:
        """What a stack file says of the cluster, so that nothing has to be looked up."""
        cluster = self._kubeconfig(name)["clusters"][0]["cluster"]
        authority = cluster["certificate-authority-data"]
        return {"endpoint": cluster["server"], "certificateAuthority": authority}

    def uids(self, namespace: str) -> dict[tuple[str, ...], str]:
        """UIDs of a namespace and its volumes, by cluster and name: another UID is another object."""
        found = dict[tuple[str, ...], str]()
        for cluster in self._kubeconfigs:
            api, only = self.api(cluster), f"fieldSelector=metadata.name%3D{namespace}"
            spaces = api.call("GET", f"/api/v1/namespaces?{only}")["items"]
            claims = api.call("GET", f"/api/v1/namespaces/{namespace}/persistentvolumeclaims")["items"]
            metadata = [item["metadata"] for item in spaces + claims]
            found |= {(cluster, item["name"]): item["uid"] for item in metadata}
        return found

    def stop(self) -> None:
        self._stopped.set()
        for folder in filter(Path.is_dir, self._state.iterdir()):
            Processes(folder).stop_all()
        for thread in self._threads:
            thread.join()

    def _kubeconfig(self, name: str) -> dict[str, Any]:
        return dict(yaml.safe_load(self._kubeconfigs[name].read_text()))

    def _write_credential(self, name: str) -> None:
        version, user = "client.authentication.k8s.io/v1", self._kubeconfig(name)["users"][0]["user"]
        credential = {"apiVersion": version, "kind": "ExecCredential", "status": user}
        (self._state / f"{name}.json").write_text(json.dumps(credential))

    def _provide(self, api: KubernetesApi) -> None:
        for name in STORAGE_CLASSES:
            made_by_hand = {"provisioner": "kubernetes.io/no-provisioner", "allowVolumeExpansion": True}
            api.call("POST", STORAGE, {"metadata": {"name": name}, **made_by_hand})
        for path, each in CLASSES.items():
            api.call("POST", path, each)
        for of, listing, provide in PROVIDED:
            thread = threading.Thread(target=self._watch, args=[api, of, listing, provide], daemon=True)
            self._threads.append(thread)
            thread.start()

    def _watch(self, api: KubernetesApi, of: type, listing: str, provide: Provide) -> None:
        """`provide` for each object that is there, or that is created or changed."""
        client, watch = ApiClient(api.configuration), cast(Any, Watch)
        while not self._stopped.wait(AGAIN_SECONDS):
            with suppress(*TRIED_AGAIN):
                for event in watch().stream(getattr(of(client), listing)):
                    if event["type"] != "DELETED":
                        with suppress(*TRIED_AGAIN):
                            provide(api, event["raw_object"])


def _run(api: KubernetesApi, pod: Object) -> None:
    if pod["status"].get("phase") == "Pending":
        _write_status(api, "/api/v1", "pods", pod, RUNNING)


def _bind(api: KubernetesApi, claim: Object) -> None:
    if claim["status"].get("phase") != "Pending" or claim["spec"].get("volumeName"):
        return
    spec, metadata = claim["spec"], claim["metadata"]
    disk = {
        "capacity": spec["resources"]["requests"],
        "accessModes": spec["accessModes"],
        "storageClassName": spec.get("storageClassName", ""),
        "hostPath": {"path": "/nonexistent"},
        "claimRef": {key: metadata[key] for key in ("namespace", "name", "uid")},
    }
    api.call("POST", "/api/v1/persistentvolumes", {"metadata": {"name": metadata["uid"]}, "spec": disk})


def _balance(api: KubernetesApi, ingress: Object) -> None:
    if not ingress["status"].get("loadBalancer"):
        name, annotations = ingress["metadata"]["name"], ingress["metadata"].get("annotations") or {}
        addresses = [{"hostname": f"{name}.example.net"}]
        if "alb.ingress.kubernetes.io/enable-frontend-nlb" in annotations:
            region = ingress["metadata"]["labels"]["topology.kubernetes.io/region"]
            addresses.append({"hostname": f"{name}-nlb-0123456789abcdef.elb.{region}.amazonaws.com"})
        status = {"loadBalancer": {"ingress": addresses}}
        _write_status(api, NETWORKING, "ingresses", ingress, status)


PROVIDED: tuple[tuple[type, str, Provide], ...] = (
    (CoreV1Api, "list_pod_for_all_namespaces", _run),
    (CoreV1Api, "list_persistent_volume_claim_for_all_namespaces", _bind),
    (NetworkingV1Api, "list_ingress_for_all_namespaces", _balance),
)


def _write_status(api: KubernetesApi, group: str, kind: str, item: Object, status: Object) -> None:
    metadata = item["metadata"]
    path = f"{group}/namespaces/{metadata['namespace']}/{kind}/{metadata['name']}/status"
    api.call("PATCH", path, {"status": status}, "application/strategic-merge-patch+json")
