"""What a deployment puts into a cluster, as far as the controller meets it: rendered, and made for real."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from http import HTTPStatus
from typing import Any

from local.cluster.control_plane import ControlPlane
from local.kubernetes_api import ApiError, KubernetesApi
from tests.components.stacks import EU, US, context, stack
from tests.recording import record

Manifest = dict[str, Any]

SYSTEM = "digital-agency-system"
ACCOUNT = "failover-controller"
FLAGS = "failed-regions"
ANNOTATION = "agency.global/failed-regions"
TEMPLATE = "template-of-all"
"""The company that is rendered; every other one is like it."""
REGIONS = (US, EU)

FIRST = ("Namespace", "PriorityClass", "ServiceAccount")
LEFT_OUT = ("Deployment", "StatefulSet", "Ingress", "PersistentVolumeClaim", "Secret")
"""There are no nodes to run anything on, nor to mount the Secret."""
MERGE_PATCH = "application/merge-patch+json"
CREATORS = 24


@cache
def _rendered() -> list[Manifest]:
    run = record(stack(regions=[context(name) for name in REGIONS], companies=[TEMPLATE]))
    return [manifest.inputs for manifest in run.objects()]


def _of_system() -> list[Manifest]:
    return [
        manifest
        for manifest in _rendered()
        if TEMPLATE not in (_space(manifest), manifest["metadata"]["name"])
    ]


def _space(manifest: Manifest) -> str:
    return str(manifest["metadata"].get("namespace", ""))


@cache
def _company_text(regions: tuple[str, ...]) -> str:
    """A company's objects, and the pods of its workloads in some regions."""
    found = [
        manifest for manifest in _rendered() if TEMPLATE in (_space(manifest), manifest["metadata"]["name"])
    ]
    needed = ("Namespace", "ConfigMap", "RoleBinding", "ServiceAccount")
    objects = [manifest for manifest in found if manifest["kind"] in needed and _is_small(manifest)]
    sets = [manifest for manifest in found if manifest["kind"] == "StatefulSet"]
    pods = [_first_pod(manifest) for manifest in sets if manifest["metadata"]["name"].endswith(regions)]
    return json.dumps([*objects, *pods])


def _is_small(manifest: Manifest) -> bool:
    """The programs of the gates are of no interest here."""
    return bool(manifest["kind"] != "ConfigMap" or manifest["metadata"]["name"] == FLAGS)


def _first_pod(stateful_set: Manifest) -> Manifest:
    template = json.loads(json.dumps(stateful_set["spec"]["template"]))
    pod = {**template, "apiVersion": "v1", "kind": "Pod"}
    pod["metadata"] |= {
        "name": f"{stateful_set['metadata']['name']}-0",
        "namespace": stateful_set["metadata"]["namespace"],
    }
    # There are no nodes: nobody has to look for one.
    pod["spec"]["schedulerName"] = "nobody"
    return pod


class Cluster:
    """A real API server with the controller's rights, account and admission policy as they are rendered."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self.control_plane = control_plane
        self.api = KubernetesApi(str(control_plane.kubeconfig), "", threading.Event(), print)
        self._made, self._count = set[str](), 0
        objects = [manifest for manifest in _of_system() if manifest["kind"] not in LEFT_OUT]
        for manifest in sorted(objects, key=lambda manifest: manifest["kind"] not in FIRST):
            self._apply(manifest)

    def fresh(self, count: int, prefix: str = "acting") -> tuple[str, ...]:
        """Names of companies that nobody had: namespaces that were deleted are there for a while."""
        self._count += count
        return tuple(f"{prefix}-{number:04}" for number in range(self._count - count, self._count))

    def add(self, names: Sequence[str], *, regions: tuple[str, ...] = REGIONS, pods: int = 4) -> None:
        """Companies, each with its ConfigMap, its binding and so many of its pods, Pending for ever."""
        with ThreadPoolExecutor(CREATORS) as pool:
            list(pool.map(lambda name: self._add(name, regions, pods), names))

    def _add(self, name: str, regions: tuple[str, ...], pods: int) -> None:
        self._made.add(name)
        found: list[Manifest] = json.loads(_company_text(regions).replace(TEMPLATE, name))
        chosen = [manifest for manifest in found if manifest["kind"] == "Pod"][:pods]
        accounts = {manifest["spec"]["serviceAccountName"] for manifest in chosen}
        objects = [
            manifest
            for manifest in found
            if manifest["kind"] not in ("Pod", "ServiceAccount")
            or manifest in chosen
            or manifest["metadata"]["name"] in accounts
        ]
        for manifest in sorted(objects, key=lambda manifest: manifest["kind"] not in FIRST):
            self._create(manifest)

    def _create(self, manifest: Manifest) -> None:
        try:
            self.api.call("POST", self.api.path(manifest).rpartition("/")[0], manifest)
        except ApiError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise

    def _apply(self, manifest: Manifest) -> None:
        path = f"{self.api.path(manifest)}?fieldManager=test&force=true"
        self.api.call("PATCH", path, manifest, "application/apply-patch+yaml")

    def clean(self) -> None:
        """Take the companies away; the namespaces go by and by."""
        names, self._made = sorted(self._made), set()
        with ThreadPoolExecutor(CREATORS) as pool:
            list(pool.map(lambda name: self.delete(f"/api/v1/namespaces/{name}"), names))

    def reset(self) -> None:
        """No flags, and nobody leads."""
        self.patch(self.flags_path(SYSTEM), {"data": None})
        self.release()

    def release(self) -> None:
        """Without waiting until the Lease of who was killed is over."""
        self.patch(self.lease_path, {"spec": {"holderIdentity": None, "renewTime": None}})

    def delete(self, path: str) -> None:
        try:
            self.api.call("DELETE", path)
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    lease_path = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/{ACCOUNT}"

    @staticmethod
    def flags_path(namespace: str) -> str:
        return f"/api/v1/namespaces/{namespace}/configmaps/{FLAGS}"

    def patch(self, path: str, body: Manifest) -> Manifest:
        return self.api.call("PATCH", path, body, MERGE_PATCH)

    def get(self, path: str) -> Manifest:
        return self.api.call("GET", path)

    def token(self) -> str:
        """A token of the controller's service account, as the kubelet would ask for it."""
        path = f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/{ACCOUNT}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        return str(self.api.call("POST", path, request)["status"]["token"])

    def flags(self, namespace: str = SYSTEM, key: str = "failedRegions") -> list[str]:
        """Lines of a `failed-regions`."""
        return str((self.get(self.flags_path(namespace)).get("data") or {}).get(key, "")).splitlines()

    def pods(self, namespace: str) -> list[Manifest]:
        found: list[Manifest] = self.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
        return found

    def touched(self, namespace: str) -> set[str]:
        """The values of the annotation on the company's pods; "" for a pod without it."""
        return {
            (pod["metadata"].get("annotations") or {}).get(ANNOTATION, "") for pod in self.pods(namespace)
        }

    def events(self, namespace: str) -> list[Manifest]:
        """Those of the controller, in the order of their names."""
        found = self.get(f"/api/v1/namespaces/{namespace}/events")["items"]
        return [event for event in found if event["source"].get("component") == ACCOUNT]

    def all_flags(self, names: Sequence[str]) -> dict[str, str]:
        """The flags of many companies, in one call."""
        found = self.get(f"/api/v1/configmaps?fieldSelector=metadata.name%3D{FLAGS}")["items"]
        flags = {
            manifest["metadata"]["namespace"]: (manifest.get("data") or {}).get("failedRegions", "")
            for manifest in found
        }
        return {name: flags[name] for name in names}

    def all_touched(self, names: Sequence[str]) -> set[str]:
        """The values of the annotation on all pods of many companies, in one call; "" for one without it."""
        found = self.get("/api/v1/pods?labelSelector=app.kubernetes.io%2Fpart-of%3Ddigital-agency")["items"]
        wanted = set(names)
        return {
            (manifest["metadata"].get("annotations") or {}).get(ANNOTATION, "")
            for manifest in found
            if manifest["metadata"]["namespace"] in wanted
        }
