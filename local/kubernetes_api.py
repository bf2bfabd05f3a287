"""The HTTP API of a Kubernetes cluster, as far as the local cluster and `ops` need it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from functools import cached_property
from http import HTTPStatus
from typing import Any

import yaml

from local.machine.files import LocalError, Progress

Object = dict[str, Any]
AGENT = "digital-agency"
CONNECTIONS = 32
TIMEOUT_SECONDS = 60
REPORT_SECONDS = 15.0
FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 1.0


class ApiError(LocalError):
    """The API server refused a call; the message is its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class KubernetesApi:
    """One cluster. Connects at the first call; safe to use from several threads.

    `kubeconfig` is a path or the text itself; `context` "" is its current one. `stopped` ends every wait with
    an error.
    """

    def __init__(self, kubeconfig: str, context: str, stopped: threading.Event, progress: Progress) -> None:
        self._stopped, self._progress = stopped, progress
        self._kubeconfig, self._context = kubeconfig, context
        self._lock, self._kinds = threading.RLock(), dict[str, dict[str, Object]]()

    def uid(self) -> str:
        """What tells this cluster from one that was made anew at the same address."""
        with self._lock:
            return self._uid

    def get(self, manifest: Object) -> Object | None:
        """The live object, None if there is none."""
        try:
            return self.call("GET", self.path(manifest))
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def wait(
        self,
        manifest: Object,
        done: Callable[[Object], bool] | None,
        what: str,
        limit: float,
    ) -> Object | None:
        """Read the object until it is `done`, or not there (None). Raises LocalError after `limit` seconds.

        `what` names what is waited for.
        """
        began = reported = time.monotonic()
        metadata, pause = manifest["metadata"], FIRST_PAUSE_SECONDS
        subject = f"{manifest['kind']} {metadata.get('namespace', '')}/{metadata['name']}"
        while (live := self.get(manifest)) is not None and not (done and done(live)):
            now = time.monotonic()
            if now - began > limit:
                status = json.dumps(live.get("status", {}))
                raise LocalError(f"{subject} is not {what} after {limit:.0f} s: {status}")
            if now - reported > REPORT_SECONDS:
                reported = now
                self._progress(f"  waiting until {subject} is {what} ({now - began:.0f} s)")
            if self._stopped.wait(pause):
                raise LocalError(f"{subject}: stopped waiting until it is {what}")
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        return live

    def apply(self, manifest: Object, manager: str) -> None:
        """Server-side apply; `manager` takes over the fields of others. Raises ApiError."""
        path = f"{self.path(manifest)}?fieldManager={manager}&force=true"
        self.call("PATCH", path, manifest, "application/apply-patch+yaml")

    def path(self, manifest: Object) -> str:
        """Where the object of a manifest lies. Raises LocalError for a kind that the cluster has not."""
        version, metadata = manifest["apiVersion"], manifest["metadata"]
        prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
        with self._lock:
            if version not in self._kinds:
                listed = self.call("GET", prefix)["resources"]
                self._kinds[version] = {one["kind"]: one for one in listed if "/" not in one["name"]}
        known = self._kinds[version].get(manifest["kind"])
        if known is None:
            raise LocalError(f"the cluster has no {version} {manifest['kind']}")
        space = f"/namespaces/{metadata.get('namespace', 'default')}" if known["namespaced"] else ""
        return f"{prefix}{space}/{known['name']}/{metadata['name']}"

    def call(
        self, method: str, path: str, body: Object | None = None, content: str = "application/json"
    ) -> Object:
        """One request; its answer. Raises ApiError."""
        with self._lock:
            api = self._client
        headers = {"Accept": "application/json", "Content-Type": content, "User-Agent": AGENT}
        # Asked each time: this fetches anew a token that has run out.
        headers |= {one["key"]: one["value"] for one in api.configuration.auth_settings().values()}
        answer = api.rest_client.pool_manager.request(
            method,
            api.configuration.host + path,
            body=json.dumps(body) if body else None,
            headers=headers,
            timeout=TIMEOUT_SECONDS,
        )
        is_object = answer.data.startswith(b"{")
        data: Object = json.loads(answer.data) if is_object else {"message": answer.data.decode()}
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise ApiError(answer.status, data.get("message") or f"HTTP {answer.status}")
        return data

    @cached_property
    def _uid(self) -> str:
        return str(self.call("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"])

    @cached_property
    def _client(self) -> Any:
        # The library takes most of a second to load: only who deploys pays for it.
        from kubernetes import client, config

        settings = client.Configuration()
        settings.connection_pool_maxsize = CONNECTIONS
        given: Any = {"context": self._context or None, "client_configuration": settings}
        loader: Any = config
        if "\n" in self._kubeconfig or self._kubeconfig.startswith("{"):
            loader.load_kube_config_from_dict(yaml.safe_load(self._kubeconfig), **given)
        else:
            loader.load_kube_config(self._kubeconfig or None, **given)
        return client.ApiClient(settings)
