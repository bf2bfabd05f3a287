"""What becomes of each value of the application's published Helm chart in a stack file.

Nothing is dropped silently: a value that is not carried over has a reason, and so has a key that the chart
does not have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from plan.names import REGION_LABEL, namespace_of
from runtime.ports import AGENT_PORT, BRAIN_PORT, HEALTH_MONITOR_PORT
from settings.companies import AGENT_RESOURCES, BRAIN_RESOURCES
from settings.plain_secrets import is_secret
from settings.values import tag_of

Values = dict[str, Any]

COMPANY = "default-company"
ACCESS_MODE = "ReadWriteMany"
"""Defaults of the chart that differ from the stack file's."""
LEAST_INTERVAL = 5
"""Between uploads, in seconds."""

OWN = "the program sets its size and its image"
LEFT: Mapping[str, str] = {
    "failoverController.image": OWN,
    "failoverController.resources": OWN,
    "replicationSidecar.image": OWN,
    "replicationSidecar.resources": OWN,
    "image.pullPolicy": "images have a fixed tag, so the policy is IfNotPresent",
    "agent.service.type": "clients come through one load balancer per region",
    "brain.service.type": "only its own Agent reaches a Brain",
    "agent.persistence.existingClaim": "the chart never used it; a claim with the platform's name is adopted",
    "brain.persistence.existingClaim": "the chart never used it; a claim with the platform's name is adopted",
    "healthMonitor.resources": "it has the chart's defaults: 100m and 256Mi, at most 500m and 512Mi",
    "ingress.annotations": "the program sets the load balancers' annotations",
    "ingress.tls": "the program creates an ACM certificate for *.<domain>; another: regions[].certificateArn",
    "serviceAccount": "each workload has its own service account, without rights",
    "rbac": "the program creates the roles",
    "nameOverride": "names follow the company and the region",
    "fullnameOverride": "names follow the company and the region",
    "redis": "not part of the platform: run it yourself, set environment.REDIS_URL and network.extraEgress",
    "dashboard": "not part of the platform",
}
"""Keys or branches of the chart that are not carried over, and the reasons."""


@dataclass(kw_only=True)
class Carried:
    config: Values = field(default_factory=dict)
    """Of the stack file, with keys without the project's name."""
    left: list[tuple[str, str]] = field(default_factory=list)
    """Keys of the chart that were not carried over, and why."""
    secrets: list[tuple[str, str]] = field(default_factory=list)
    """Keys of the chart with secrets, and the names of their variables. Values are not kept."""
    missing: list[tuple[str, str]] = field(default_factory=list)
    """Keys of the stack file that still have to be set, with a description."""


def carried(values: Values, *, domain: str | None, image: str | None) -> Carried:
    """`values`: a values file of the chart; `domain` and `image` override its own."""
    return _Carrying(values).all(domain, image)


class _Carrying:
    def __init__(self, values: Values) -> None:
        self._values = values
        self._taken: set[str] = set()
        self._result = Carried()

    def all(self, domain: str | None, image: str | None) -> Carried:
        result, config = self._result, self._result.config
        company = str(self._take("company", COMPANY))
        config["domain"] = domain or self._domain(company)
        config["hostedZoneId"] = None
        if named := image or self._image():
            config["images"] = {"agency": named}
        config["regions"] = self._regions()
        self._routing(config)
        self._failover(config)
        self._replication(config)
        config["environment"] = self._environment()
        config["companies"] = [{"name": company, **self._workloads()}]
        self._ports()
        self._left()
        self._require("hostedZoneId", "the id of the domain's Route53 zone")
        result.config = {key: value for key, value in config.items() if value not in (None, {}, [])}
        return result

    def _domain(self, company: str) -> str | None:
        hosts = [str(host.get("host")) for host in self._take("ingress.hosts", []) if isinstance(host, dict)]
        if hosts and not self._take("ingress.enabled", False):
            self._leave("ingress.hosts", "ingress.enabled is false: the chart ignores them")
            hosts = []
        first = f"{namespace_of(company)}."
        domains = [host.removeprefix(first) for host in hosts if host.startswith(first)]
        for host in hosts:
            if not host.startswith(first):
                self._leave("ingress.hosts", f"{host}: a company's host is <company>.<domain>")
        if not domains:
            self._require(
                "domain", f"companies get <company>.<domain>, here {namespace_of(company)}.<domain>"
            )
            return None
        return domains[0]

    def _image(self) -> str | None:
        repository, tag = self._take("image.repository", None), self._take("image.tag", None)
        named = f"{repository}:{tag}" if repository and tag else str(repository or "")
        if named and tag_of(named) not in (None, "latest"):
            return named
        problem = f"the chart's is {named or 'simple-agency:latest'}, which is no fixed version"
        self._require("images.agency", f"the application's image with a tag of its own: {problem}")
        return None

    def _regions(self) -> list[Values]:
        several = self._take("multiRegion.enabled", False)
        listed = self._take("multiRegion.regions", [])
        if not several or not listed:
            if listed:
                self._leave("multiRegion.regions", "multiRegion.enabled is false: the chart ignores them")
            self._require("regions", "the AWS region of the cluster: the values name no region")
            return []
        return [self._region(region) for region in listed]

    def _region(self, value: Any) -> Values:
        rest = dict(value) if isinstance(value, dict) else {"name": value}
        region: Values = {"name": rest.pop("name", None)}
        if not rest.pop("active", True):
            region["active"] = False
        selector = {key: str(value) for key, value in (rest.pop("nodeSelector", None) or {}).items()}
        bound = selector.pop(REGION_LABEL, region["name"])
        if bound != region["name"]:
            self._leave(
                "multiRegion.regions[].nodeSelector",
                f"{REGION_LABEL}={bound}: pods of {region['name']} run there",
            )
        if selector:
            region["nodeSelector"] = selector
        if storage := rest.pop("storageClass", None) or self._storage_class():
            region["storageClass"] = storage
        for key in rest:
            self._leave(f"multiRegion.regions[].{key}", f"the chart has no such key ({region['name']})")
        return region

    def _storage_class(self) -> str | None:
        classes = [self._take(f"{kind}.persistence.storageClass", "") for kind in ("brain", "agent")]
        if all(classes) and classes[0] != classes[1]:
            self._leave("agent.persistence.storageClass", "a region has one class for both, the Brain's")
        return classes[0] or classes[1] or None

    def _environment(self) -> Values:
        environment: Values = {}
        variables = self._take("agent.env", {})
        if isinstance(variables, list):
            for each in variables:
                if "value" not in each:
                    self._leave(
                        "agent.env", f"{each.get('name')}: only variables with a value are carried over"
                    )
            variables = {each["name"]: each["value"] for each in variables if "value" in each}
        for name, value in variables.items():
            if is_secret(name, str(value)):
                self._result.secrets.append((f"agent.env.{name}", name))
            else:
                environment[name] = str(value)
        return environment

    def _routing(self, config: Values) -> None:
        if self._take("multiRegion.loadBalancing.geo", True) is False:
            config["loadBalancing"] = {"policy": "failover"}
        if name := self._take("ingress.className", ""):
            config["ingress"] = {"className": name}
        if name in ("", "alb"):
            self._require(
                "regions[].ingressFrom",
                "the subnets of the load balancers, such as [10.0.0.0/24], unless the region gets its cluster"
                " as {eks: <name>}",
            )

    def _failover(self, config: Values) -> None:
        wanted = self._take("failoverController.enabled", True)
        wanted = self._take("multiRegion.failover.enabled", wanted) and wanted
        several = len(config["regions"]) > 1
        failover: Values = {} if wanted or not several else {"enabled": False}
        for key, name in (("interval", "intervalSeconds"), ("timeout", "timeoutSeconds")):
            if (value := self._take(f"failoverController.{key}", None)) is not None and several:
                failover[name] = value
        if failover:
            config["failover"] = failover

    def _replication(self, config: Values) -> None:
        replication: Values = {} if self._take("replicationSidecar.enabled", True) else {"enabled": False}
        interval = self._take("replicationSidecar.syncInterval", None)
        if interval is not None and int(interval) < LEAST_INTERVAL:
            why = f"{interval} s is too short for an upload; it is {LEAST_INTERVAL} s"
            self._leave("replicationSidecar.syncInterval", why)
            interval = LEAST_INTERVAL
        if interval is not None:
            replication["syncInterval"] = int(interval)
        if replication:
            config["replication"] = replication

    def _workloads(self) -> Values:
        agent, brain = (self._workload(kind) for kind in ("agent", "brain"))
        if brain.get("accessMode") == ACCESS_MODE:
            agent["mountBrain"] = True  # As in the chart.
        return {"agent": agent, "brain": brain}

    def _workload(self, kind: str) -> Values:
        workload: Values = {}
        defaults = AGENT_RESOURCES if kind == "agent" else BRAIN_RESOURCES
        for which, amounts in (self._take(f"{kind}.resources", {}) or {}).items():
            for unit, amount in (amounts or {}).items():
                if unit in ("cpu", "memory") and which in ("requests", "limits"):
                    if str(amount) != getattr(getattr(defaults, which), unit):
                        workload.setdefault("resources", {}).setdefault(which, {})[unit] = str(amount)
                else:
                    self._leave(
                        f"{kind}.resources.{which}.{unit}", "only requests and limits of cpu and memory"
                    )
        if size := self._take(f"{kind}.persistence.size", None):
            workload["storage"] = str(size)
        mode = self._take(f"{kind}.persistence.accessMode", ACCESS_MODE)
        workload["accessMode"] = str(mode)
        if self._take(f"{kind}.persistence.enabled", True) is False:
            self._leave(f"{kind}.persistence.enabled", "every volume is persistent")
        self._take(f"{kind}.persistence.storageClass", "")
        if replicas := self._take(f"{kind}.replicas", None):
            workload["replicas"] = int(replicas)
        return workload

    def _ports(self) -> None:
        for key, fixed in (
            ("agent.service.port", AGENT_PORT),
            ("brain.port", BRAIN_PORT),
            ("brain.service.port", BRAIN_PORT),
            ("healthMonitor.port", HEALTH_MONITOR_PORT),
        ):
            port = self._take(key, fixed)
            if int(port) != fixed:
                self._leave(key, f"{port}: the platform's port is {fixed}")

    def _left(self) -> None:
        for key in _leaves(self._values):
            if any(_within(key, taken) for taken in self._taken):
                continue
            branch = next((branch for branch in LEFT if _within(key, branch)), None)
            name = key.rpartition(".")[2]
            if branch is None and name.isupper() and is_secret(name, str(_at(self._values, key, ""))):
                self._result.secrets.append((key, name))
                continue
            self._leave(branch or key, LEFT[branch] if branch else "the chart has no such key")
        if _at(self._values, "dashboard.enabled", True) and "dashboard" not in self._values:
            self._leave("dashboard", f"{LEFT['dashboard']} (the chart runs a dashboard by default)")

    def _take(self, key: str, default: Any) -> Any:
        self._taken.add(key)
        value = _at(self._values, key, default)
        return default if value is None else value

    def _leave(self, key: str, why: str) -> None:
        if (key, why) not in self._result.left:
            self._result.left.append((key, why))

    def _require(self, key: str, what: str) -> None:
        self._result.missing.append((key, what))


def _at(values: Any, key: str, default: Any) -> Any:
    for part in key.split("."):
        if not isinstance(values, dict) or part not in values:
            return default
        values = values[part]
    return values


def _leaves(values: Values, above: str = "") -> Iterator[str]:
    """The keys of a values file; an empty branch is a key."""
    for name, value in values.items():
        key = f"{above}{name}"
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{key}.")
        else:
            yield key


def _within(key: str, branch: str) -> bool:
    return key == branch or key.startswith(f"{branch}.")
