"""What counts of an Ingress, a Service and an EndpointSlice, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

CLASS = "nginx"
REGION_LABEL = "topology.kubernetes.io/region"
SERVICE_LABEL = "kubernetes.io/service-name"


@dataclass(frozen=True, kw_only=True)
class Backend:
    namespace: str
    service: str
    port: str | int
    """Of the Service: its name, or its number."""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.service}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Rule:
    host: str
    """"": any."""
    path: str
    exact: bool
    """Else whatever lies below the path is meant as well."""
    backend: Backend

    def takes(self, path: str) -> bool:
        if self.exact:
            return path == self.path
        below = self.path.rstrip("/") + "/"
        return path == self.path or path.startswith(below)


@dataclass(frozen=True, kw_only=True)
class Ingress:
    age: tuple[str, str, str]
    """Where two ask for the same, the smaller has it: the one that was there first."""
    rules: tuple[Rule, ...]
    addresses: tuple[str, ...]
    """That its status has."""


@dataclass(frozen=True, kw_only=True)
class Slice:
    service: tuple[str, str]
    """Namespace and name."""
    ports: Mapping[str, int]
    """Of the pods, by the names of the Service's ports."""
    ready: tuple[str, ...]
    """Addresses."""


def ingress(found: Object) -> Ingress | None:
    """None: it is for another controller."""
    spec, metadata = found["spec"], found["metadata"]
    if spec.get("ingressClassName") != CLASS:
        return None
    points = found.get("status", {}).get("loadBalancer", {}).get("ingress", [])
    rules = [
        Rule(
            host=rule.get("host", ""),
            path=path.get("path") or "/",
            exact=path["pathType"] == "Exact",
            backend=_backend(metadata["namespace"], path["backend"]["service"]),
        )
        for rule in spec.get("rules", [])
        for path in rule.get("http", {}).get("paths", [])
        if "service" in path["backend"]
    ]
    return Ingress(
        age=(metadata.get("creationTimestamp", ""), metadata["namespace"], metadata["name"]),
        rules=tuple(rules),
        addresses=tuple(point.get("ip") or point.get("hostname", "") for point in points),
    )


def service(found: Object) -> Mapping[int, str]:
    """Names of its ports, by number. An only port may have none."""
    return {port["port"]: port.get("name", "") for port in found["spec"].get("ports", [])}


def endpoint_slice(found: Object) -> Slice | None:
    """None: no Service's, or of names instead of addresses."""
    metadata = found["metadata"]
    name = metadata.get("labels", {}).get(SERVICE_LABEL)
    if name is None or found["addressType"] == "FQDN":
        return None
    endpoints = found.get("endpoints") or []
    return Slice(
        service=(metadata["namespace"], name),
        ports={port.get("name", ""): port["port"] for port in found.get("ports") or [] if "port" in port},
        ready=tuple(
            address
            for endpoint in endpoints
            # Unknown counts as ready, as the API's own description asks for.
            if endpoint.get("conditions", {}).get("ready", True)
            for address in endpoint["addresses"]
        ),
    )


def _backend(namespace: str, asked: Object) -> Backend:
    port = asked.get("port", {})
    return Backend(
        namespace=namespace, service=asked["name"], port=port.get("name") or port.get("number", "")
    )
