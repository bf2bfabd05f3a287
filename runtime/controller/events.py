"""Kubernetes Events. Their names derive from what happened: two replicas that post the same make one
Event."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from runtime.controller.kubernetes import METADATA, Kubernetes, Object, Refused, Unavailable
from runtime.logs import log

COMPONENT = "failover-controller"
LONGEST_MESSAGE = 1024
"""Bytes that the API takes."""


@dataclass(frozen=True, kw_only=True)
class Event:
    kind: str
    """Of the object that it is about; `ConfigMap` or `Pod`."""
    namespace: str
    name: str
    uid: str
    reason: str
    message: str
    warning: bool
    at: int
    """UTC, in milliseconds."""
    identity: str
    """What distinguishes it from every other event of its object."""

    def manifest(self) -> Object:
        digest = hashlib.sha256(self.identity.encode()).hexdigest()[:16]
        when = datetime.fromtimestamp(self.at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        about = {"apiVersion": "v1", "kind": self.kind, "namespace": self.namespace, "name": self.name}
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"namespace": self.namespace, "name": f"{self.name}.{digest}"},
            "involvedObject": about | ({"uid": self.uid} if self.uid else {}),
            "reason": self.reason,
            "message": self.message.encode()[:LONGEST_MESSAGE].decode(errors="ignore"),
            "type": "Warning" if self.warning else "Normal",
            "source": {"component": COMPONENT},
            "firstTimestamp": when,
            "lastTimestamp": when,
            "count": 1,
        }


def post(api: Kubernetes, event: Event) -> bool:
    """Whether the Event exists now. An Event that the API rejects is logged and counts as posted."""
    path = f"/api/v1/namespaces/{event.namespace}/events"
    try:
        api.call("POST", path, event.manifest(), accept=METADATA)
    except Unavailable:
        return False
    except Refused as error:
        if error.status != HTTPStatus.CONFLICT:
            log("event-refused", level="warning", namespace=event.namespace, about=event.name, why=str(error))
    return True
