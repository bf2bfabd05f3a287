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

from local.control_plane import ControlPlane
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

    def run(self, stateful_set: Manifest) -> str | None:
        """Create, in a dry run, a pod as the StatefulSet's controller would."""
        namespace, name = stateful_set["metadata"]["namespace"], stateful_set["metadata"]["name"]
        template = stateful_set["spec"]["template"]
        pod = {**template, "apiVersion": "v1", "kind": "Pod"}
        pod["metadata"] = {**template["metadata"], "name": f"{name}-0"}
        url = f"/api/v1/namespaces/{namespace}/pods?dryRun=All&fieldValidation=Strict"
        return self._send("POST", url, pod, "application/json")

    def complaints(self, manifests: Iterable[Manifest], *, guarded: bool = True) -> list[str]:
        """What it says against any of them, or against a pod of any StatefulSet. With `guarded`, the pods are
        also held against the company's limits.
        """
        found = list(manifests)
        first = [one for one in FIRST if guarded or one != "LimitRange"]
        said = list[str | None]()
        with ThreadPoolExecutor(WORKERS) as pool:
            for kind in first:
                of_kind = [one for one in found if one["kind"] == kind]
                said += pool.map(lambda one: self.apply(one, dry_run=False), of_kind)
            said += pool.map(self.apply, [one for one in found if one["kind"] not in first])
            said += pool.map(self.run, [one for one in found if one["kind"] == "StatefulSet"])
        return [one for one in said if one is not None]

    def get(self, manifest: Manifest) -> Manifest | None:
        return self._paths.get(manifest)

    def _send(self, method: str, url: str, body: Manifest, content: str) -> str | None:
        settings = self._client.configuration
        headers = {"Content-Type": content, "Accept": "application/json"}
        headers |= {one["key"]: one["value"] for one in settings.auth_settings().values()}
        answer = self._client.rest_client.pool_manager.request(
            method, settings.host + url, body=json.dumps(body), headers=headers
        )
        warning = answer.headers.get("Warning")
        what = f"{body['kind']} {body['metadata'].get('namespace', '')}/{body['metadata']['name']}"
        if answer.status >= HTTPStatus.BAD_REQUEST:
            return f"{what}: {answer.status}: {json.loads(answer.data)['message']}"
        return f"{what}: warning: {warning}" if warning else None


def manifests(out: Path) -> list[Manifest]:
    """All objects of a render, each as its file says."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    files = sorted(out.glob("kubernetes/**/*.yaml"))
    return [yaml.load(file.read_text(encoding="utf-8"), Loader=loader) for file in files]
