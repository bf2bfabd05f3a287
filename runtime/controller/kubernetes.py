"""The cluster's API, as far as the controller may use it: with its service account, on kept connections."""

from __future__ import annotations

import json
import os
import random
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from runtime.controller.connection import Answer, Connection, NoAnswer

Object = dict[str, Any]

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TIMEOUT_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
AGAIN = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
MERGE_PATCH = "application/merge-patch+json"
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


class Refused(Exception):
    """The API server answered, and not with what was asked for; the message is its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Unavailable(Exception):
    """The API server did not answer, or could not do anything."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """Where the API is and what opens it."""

    url: str
    token: Path
    authority: Path

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = os.environ) -> Access:
        """Raises KeyError naming the variable that is missing."""
        url = variables.get("KUBERNETES_API")
        if not url:
            host = variables["KUBERNETES_SERVICE_HOST"]
            host = f"[{host}]" if ":" in host else host
            url = f"https://{host}:{variables.get('KUBERNETES_SERVICE_PORT', '443')}"
        return cls(
            url=url,
            token=Path(variables.get("KUBERNETES_TOKEN_FILE") or ACCOUNT / "token"),
            authority=Path(variables.get("KUBERNETES_CA_FILE") or ACCOUNT / "ca.crt"),
        )


class Kubernetes:
    """The API server. Any thread may use it; each has a connection of its own."""

    def __init__(self, access: Access, stopping: threading.Event) -> None:
        self._access, self._stopping = access, stopping
        self._own = threading.local()
        self._lock = threading.Lock()
        self._trusted: tuple[bytes, ssl.SSLContext] | None = None

    def call(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        *,
        content: str = "application/json",
        accept: str = "application/json",
        retry: float = 0.0,
    ) -> Object:
        """One request that may be sent twice; its answer. Raises Refused, or Unavailable.

        What may pass is tried again for `retry` seconds, with growing pauses, or after those that the
        server asks for.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": accept, "Content-Type": content, "User-Agent": "digital-agency-failover"}
        deadline, pause = time.monotonic() + retry, FIRST_PAUSE_SECONDS
        while True:
            asked: float | None = None
            try:
                answer = self._send(method, path, data, headers)
                if answer.status not in AGAIN:
                    return _content(answer)
                problem, asked = f"HTTP {answer.status}: {_message(answer)}", _seconds(answer.retry_after)
            except (NoAnswer, OSError) as error:
                problem = str(error)
            wait = pause * random.uniform(0.5, 1) if asked is None else asked
            if time.monotonic() + wait > deadline or self._stopping.wait(wait):
                raise Unavailable(f"{method} {path}: {problem}")
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        # Read each time: the kubelet renews the token in its file.
        token = self._access.token.read_text().strip()
        connection: Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = Connection(self._access.url, TIMEOUT_SECONDS, self._trust)
        return connection.request(method, path, body, {**headers, "Authorization": f"Bearer {token}"})

    def _trust(self) -> ssl.SSLContext:
        authority = self._access.authority.read_bytes()
        with self._lock:
            if self._trusted is None or self._trusted[0] != authority:
                context = ssl.create_default_context(cadata=authority.decode())
                # Python 3.13 asks for key identifiers, which the authorities that EKS makes do not have
                # (kubernetes-client/python #2394). Chain and names are verified all the same.
                context.verify_flags &= ~ssl.VERIFY_X509_STRICT
                self._trusted = authority, context
            return self._trusted[1]


def _content(answer: Answer) -> Object:
    if answer.status >= HTTPStatus.BAD_REQUEST:
        raise Refused(answer.status, _message(answer))
    try:
        content: Object = json.loads(answer.body)
    except ValueError as error:
        raise Unavailable(f"HTTP {answer.status} with a body that is no JSON: {error}") from error
    return content


def _message(answer: Answer) -> str:
    try:
        return str(json.loads(answer.body)["message"])
    except (ValueError, KeyError, TypeError):
        return answer.body[:200].decode(errors="replace")


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and retry_after.isdecimal() else None
