"""Ingresses, Services and EndpointSlices as a cluster has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.local.edge.backends import Backend

Object = dict[str, Any]
US, EU = "us-east-1", "eu-west-1"


def ingress(
    name: str,
    *paths: tuple[str, str, str],
    host: str | None = "acme.test",
    namespace: str = "acme",
    region: str | None = US,
    port: str | int = "agent",
    class_name: str = "nginx",
    born: str | None = None,
) -> Object:
    """`paths`: path, type of path, Service."""
    labels = {"topology.kubernetes.io/region": region} if region else {}
    asked = {"name": port} if isinstance(port, str) else {"number": port}
    found = [
        {"path": path, "pathType": kind, "backend": {"service": {"name": service, "port": asked}}}
        for path, kind, service in paths or (("/", "Prefix", "agent"),)
    ]
    rule = {"http": {"paths": found}, **({"host": host} if host is not None else {})}
    metadata: Object = {"name": name, "namespace": namespace, "labels": labels}
    if born:
        metadata["creationTimestamp"] = born
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata,
        "spec": {"ingressClassName": class_name, "rules": [rule]},
    }


def service(name: str, port: int = 3000, port_name: str = "agent", namespace: str = "acme") -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"ports": [{"name": port_name, "port": port}]},
    }


def endpoint_slice(
    service_name: str,
    where: Backend | tuple[str, int],
    *,
    ready: bool | None = True,
    name: str = "",
    namespace: str = "acme",
    port_name: str = "agent",
    more: Sequence[str] = (),
) -> Object:
    """One endpoint, and at `more` addresses others that are not ready."""
    host, port = where if isinstance(where, tuple) else (where.host, where.port)
    conditions = {} if ready is None else {"ready": ready}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name or service_name,
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": service_name},
        },
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": [host], "conditions": conditions},
            *({"addresses": [one], "conditions": {"ready": False}} for one in more),
        ],
        "ports": [{"name": port_name, "port": port, "protocol": "TCP"}],
    }
