"""The HTTP API of a Kubernetes cluster, with objects as plain dictionaries."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import yaml

Object = dict[str, Any]
AGENT = "digital-agency"
CONNECTIONS = 32
TIMEOUT_SECONDS = 60
REPORT_SECONDS = 15.0
FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 1.0
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class KubernetesError(Exception):
    """The cluster did not do what was asked; the text says what and why."""


class ApiError(KubernetesError):
    """The API server refused a call; the message is its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def reference(kind: str, name: str, namespace: str = "", version: str = "v1") -> Object:
    """The manifest of an object without its content, as `KubernetesApi` takes it."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def credentials(configuration: Any) -> dict[str, str]:
    """The headers of one request: this fetches a new token when the last one has run out."""
    return {setting["key"]: setting["value"] for setting in configuration.auth_settings().values()}


class KubernetesApi:
    """One cluster. Connects at the first call; safe to use from several threads.

    `kubeconfig` is a path or the text itself, "" the ambient one; `context` "" is its current one. `stopped`
    ends every wait with an error, and `progress` gets a line for each wait that takes long.
    """

    def __init__(
        self,
        kubeconfig: str,
        context: str = "",
        stopped: threading.Event | None = None,
        progress: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._stopped, self._progress = stopped or threading.Event(), progress
        self._kubeconfig, self._context = kubeconfig, context
        self._lock, self._kinds = threading.RLock(), dict[str, dict[str, Object]]()

    def uid(self) -> str:
        """Differs between a cluster and one that was created anew at the same address."""
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

    def list(
        self,
        kind: str,
        namespace: str = "",
        labels: Mapping[str, str] | None = None,
        version: str = "v1",
        fields: str = "",
    ) -> list[Object]:
        """Of the namespace, or of all namespaces. `fields` is a field selector. Raises ApiError."""
        selector = ",".join(f"{key}={value}" for key, value in (labels or {}).items())
        selectors = {"labelSelector": selector, "fieldSelector": fields}
        query = urlencode({name: value for name, value in selectors.items() if value})
        answer = self.call("GET", f"{self._collection(version, kind, namespace)}?{query}".rstrip("?"))
        items: list[Object] = answer["items"] or []
        return items

    def wait(
        self,
        manifest: Object,
        done: Callable[[Object], bool] | None,
        what: str,
        limit: float,
    ) -> Object | None:
        """Read the object until it is `done`, or not there (None). `what` names the condition.

        Raises KubernetesError after `limit` seconds.
        """
        began = reported = time.monotonic()
        metadata, pause = manifest["metadata"], FIRST_PAUSE_SECONDS
        subject = f"{manifest['kind']} {metadata.get('namespace', '')}/{metadata['name']}"
        while (live := self.get(manifest)) is not None and not (done and done(live)):
            now = time.monotonic()
            if now - began > limit:
                status = json.dumps(live.get("status", {}))
                raise KubernetesError(f"{subject} is not {what} after {limit:.0f} s: {status}")
            if now - reported > REPORT_SECONDS:
                reported = now
                self._progress(f"  waiting until {subject} is {what} ({now - began:.0f} s)")
            if self._stopped.wait(pause):
                raise KubernetesError(f"{subject}: stopped waiting until it is {what}")
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        return live

    def apply(self, manifest: Object, manager: str) -> None:
        """Server-side apply; `manager` takes over the fields of others. Raises ApiError."""
        path = f"{self.path(manifest)}?fieldManager={manager}&force=true"
        self.call("PATCH", path, manifest, APPLY_PATCH)

    def path(self, manifest: Object) -> str:
        """The URL path of a manifest's object. Raises ApiError (404) for a kind that the cluster lacks."""
        metadata = manifest["metadata"]
        namespace = metadata.get("namespace", "default")
        return f"{self._collection(manifest['apiVersion'], manifest['kind'], namespace)}/{metadata['name']}"

    def _collection(self, version: str, kind: str, namespace: str) -> str:
        prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
        with self._lock:
            if version not in self._kinds:
                resources = self.call("GET", prefix)["resources"]
                self._kinds[version] = {
                    resource["kind"]: resource for resource in resources if "/" not in resource["name"]
                }
        known = self._kinds[version].get(kind)
        if known is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"the cluster has no {version} {kind}")
        space = f"/namespaces/{namespace}" if known["namespaced"] and namespace else ""
        return f"{prefix}{space}/{known['name']}"

    def call(
        self, method: str, path: str, body: Object | None = None, content: str = "application/json"
    ) -> Object:
        """One request; its answer. Raises ApiError, OSError and errors of urllib3."""
        from kubernetes.client.exceptions import ApiException

        with self._lock:
            client = self._client
        headers = {"Accept": "application/json", "Content-Type": content, "User-Agent": AGENT}
        headers |= credentials(client.configuration)
        url = client.configuration.host + path
        try:
            response = client.call_api(method, url, headers, body, _request_timeout=TIMEOUT_SECONDS)
        except ApiException as error:  # What the library makes of TLS errors.
            raise ConnectionError(error.reason) from error
        content_bytes: bytes = response.read()
        is_object = content_bytes.startswith(b"{")
        answer: Object = json.loads(content_bytes) if is_object else {"message": content_bytes.decode()}
        if response.status >= HTTPStatus.BAD_REQUEST:
            message = " ".join(str(answer.get("message") or f"HTTP {response.status}").split())
            raise ApiError(response.status, message)
        return answer

    @property
    def configuration(self) -> Any:
        """Address and credentials, as `kubernetes.client` has them."""
        with self._lock:
            return self._client.configuration

    @cached_property
    def _uid(self) -> str:
        return str(self.call("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"])

    @cached_property
    def _client(self) -> Any:
        # The library takes most of a second to load: only a process that calls a cluster pays for it.
        from kubernetes import client, config

        settings = client.Configuration()
        settings.connection_pool_maxsize = CONNECTIONS
        options: Any = {"context": self._context or None, "client_configuration": settings}
        loader: Any = config
        if "\n" in self._kubeconfig or self._kubeconfig.startswith("{"):
            loader.load_kube_config_from_dict(yaml.safe_load(self._kubeconfig), **options)
        else:
            loader.load_kube_config(self._kubeconfig or None, **options)
        return client.ApiClient(settings)
