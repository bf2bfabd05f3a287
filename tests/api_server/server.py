"""Asks a real API server whether it takes rendered objects, and what it warns of."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import kubernetes
import yaml

from local.cluster.control_plane import ControlPlane
from local.kubernetes_api import KubernetesApi

Manifest = dict[str, Any]

FIRST = ("Namespace", "PriorityClass", "LimitRange", "ServiceAccount")
"""What the admission of pods looks up: made for real, in this order, before anything is tried."""
APPLY = "fieldManager=test&force=true&fieldValidation=Strict"
WORKERS = 16


class Server:
    """One API server. Every answer is `None`, or the words with which it refuses or warns."""

    def __init__(self, control_plane: ControlPlane) -> None:
        path = str(control_plane.kubeconfig)
        self._client = cast(Any, kubernetes.config).new_client_from_config(path)
        self._paths = KubernetesApi(path, "", threading.Event(), print)

    def apply(self, manifest: Manifest, *, dry_run: bool = True) -> str | None:
        query = f"{APPLY}&dryRun=All" if dry_run else APPLY
        url = f"{self._paths.path(manifest)}?{query}"
        return self._send("PATCH", url, manifest, "application/apply-patch+yaml")

    def run(self, workload: Manifest, *, dry_run: bool = True) -> str | None:
        """Create, in a dry run, a pod as the controller of the StatefulSet or Deployment would."""
        namespace, name = workload["metadata"]["namespace"], workload["metadata"]["name"]
        template = workload["spec"]["template"]
        pod = {**template, "apiVersion": "v1", "kind": "Pod"}
        pod["metadata"] = {**template["metadata"], "name": f"{name}-0"}
        query = "dryRun=All&fieldValidation=Strict" if dry_run else "fieldValidation=Strict"
        return self._send("POST", f"/api/v1/namespaces/{namespace}/pods?{query}", pod, "application/json")

    def complaints(self, manifests: Iterable[Manifest], *, guarded: bool = True) -> list[str]:
        """What it says against any of them, or against a pod of any workload. With `guarded`, pods are held
        against the company's limits too.
        """
        found = list(manifests)
        first = [kind for kind in FIRST if guarded or kind != "LimitRange"]
        said = list[str | None]()
        with ThreadPoolExecutor(WORKERS) as pool:
            for kind in first:
                of_kind = [manifest for manifest in found if manifest["kind"] == kind]
                said += pool.map(lambda manifest: self.apply(manifest, dry_run=False), of_kind)
            said += pool.map(self.apply, [manifest for manifest in found if manifest["kind"] not in first])
            said += pool.map(
                self.run,
                [manifest for manifest in found if manifest["kind"] in ("StatefulSet", "Deployment")],
            )
        return [answer for answer in said if answer is not None]

    def ask(
        self,
        user: str | None,
        method: str,
        path: str,
        body: Manifest | None = None,
        content: str = "application/json",
    ) -> tuple[int, Manifest]:
        """A call as another user, None as the administrator: its status and its answer."""
        whose = {"Impersonate-User": user} if user else {}
        return self._call(method, path, body, {"Content-Type": content, **whose})

    def get(self, manifest: Manifest) -> Manifest | None:
        return self._paths.get(manifest)

    def _send(self, method: str, url: str, body: Manifest, content: str) -> str | None:
        status, answer = self._call(method, url, body, {"Content-Type": content})
        warning = answer.pop("warning", None)
        what = f"{body['kind']} {body['metadata'].get('namespace', '')}/{body['metadata']['name']}"
        if status >= HTTPStatus.BAD_REQUEST:
            return f"{what}: {status}: {answer['message']}"
        return f"{what}: warning: {warning}" if warning else None

    def _call(
        self, method: str, url: str, body: Manifest | None, headers: dict[str, str]
    ) -> tuple[int, Manifest]:
        settings = self._client.configuration
        own = {setting["key"]: setting["value"] for setting in settings.auth_settings().values()}
        answer = self._client.rest_client.pool_manager.request(
            method,
            settings.host + url,
            body=json.dumps(body) if body is not None else None,
            headers={"Accept": "application/json", **headers, **own},
        )
        content: Manifest = json.loads(answer.data) if answer.data.startswith(b"{") else {}
        warning = answer.headers.get("Warning")
        return answer.status, content | ({"warning": warning} if warning else {})


def manifests(out: Path) -> list[Manifest]:
    """All objects of a render, each as its file says."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    files = sorted(out.glob("kubernetes/**/*.yaml"))
    return [yaml.load(file.read_text(encoding="utf-8"), Loader=loader) for file in files]
