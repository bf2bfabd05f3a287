"""What becomes of each value of the application's published Helm chart in a stack file.

Nothing is dropped silently: a value that is not carried over has a reason, and so has a key that the chart
does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.chart_shapes import NOTHING, Shapes, shown, within
from ops.chart_texts import environment, node_selector, secrets_in
from plan.names import namespace_of
from runtime.ports import AGENT_PORT, BRAIN_PORT, HEALTH_MONITOR_PORT
from settings.companies import AGENT_RESOURCES, BRAIN_RESOURCES
from settings.values import tag_of

Values = dict[str, Any]

COMPANY = "default-company"
ACCESS_MODE = "ReadWriteMany"
IMAGE = "simple-agency"
"""Defaults of the chart that differ from the stack file's."""
LEAST_INTERVAL = 5
"""Between uploads, in seconds."""
HOSTS, REGIONS, CLASS = "ingress.hosts", "multiRegion.regions", "persistence.storageClass"

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
UNKNOWN = "the chart has no such key"


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
        self._shapes = Shapes(values)
        self._result = Carried(left=self._shapes.left)

    def all(self, domain: str | None, image: str | None) -> Carried:
        result, config = self._result, self._result.config
        company = self._shapes.text("company") or COMPANY
        config["domain"] = self._domain(company, domain)
        config["hostedZoneId"] = None
        if named := self._image(image):
            config["images"] = {"agency": named}
        config["regions"] = self._regions()
        self._routing(config)
        self._failover(config)
        self._replication(config)
        config["environment"] = environment(self._shapes, result.secrets)
        config["companies"] = [{"name": company, **self._workloads()}]
        self._ports()
        self._left()
        self._require("hostedZoneId", "the id of the domain's Route53 zone")
        result.config = {key: value for key, value in config.items() if value not in (None, {}, [])}
        return result

    def _domain(self, company: str, wanted: str | None) -> str | None:
        hosts = list(self._hosts())
        if not self._shapes.flag("ingress.enabled", False):
            if hosts:
                self._leave(HOSTS, "ingress.enabled is false: the chart ignores them")
            hosts = []
        first = f"{namespace_of(company)}."
        domains = [host.removeprefix(first) for host in hosts if host.startswith(first)]
        for host in hosts:
            if not host.startswith(first):
                self._leave(HOSTS, f"{host}: a company's host is <company>.<domain>")
        chosen = wanted or next(iter(domains), None)
        for domain in domains:
            if domain != chosen:
                self._leave(HOSTS, f"{first}{domain}: a stack has one domain, here {chosen}")
        if chosen is None:
            self._require("domain", f"companies get <company>.<domain>, here {first}<domain>")
        return chosen

    def _hosts(self) -> Iterable[str]:
        """From a list of mappings with `host`, or of plain texts."""
        for index, item in enumerate(self._shapes.items(HOSTS)):
            key = f"{HOSTS}[{index}]"
            rest = dict(item) if isinstance(item, dict) else {"host": item}
            host = self._shapes.as_text(f"{key}.host", rest.pop("host", None))
            if rest.pop("paths", None):
                self._leave(f"{key}.paths", "every path of a host leads to the company's Agent")
            for name in rest:
                self._leave(f"{key}.{name}", UNKNOWN)
            if host:
                yield host
            else:
                self._leave(key, "has no host")

    def _image(self, wanted: str | None) -> str | None:
        repository, tag = self._shapes.text("image.repository"), self._shapes.text("image.tag")
        named = f"{repository or IMAGE}:{tag}" if tag else repository or ""
        if wanted:
            if tag or repository:
                self._leave("image", f"{named}: the command's --image counts")
            return wanted
        if named and tag_of(named) not in (None, "latest"):
            return named
        problem = f"the chart's is {named or f'{IMAGE}:latest'}, which is no fixed version"
        self._require("images.agency", f"the application's image with a tag of its own: {problem}")
        return None

    def _regions(self) -> list[Values]:
        several = self._shapes.flag("multiRegion.enabled", False)
        listed = self._shapes.items(REGIONS)
        regions = [region for index, each in enumerate(listed) if (region := self._region(index, each))]
        if not several and listed:
            self._leave(REGIONS, "multiRegion.enabled is false: the chart ignores them")
        if not several or not regions:
            self._require("regions", "the AWS region of the cluster: the values name no region")
            if name := self._storage_class():
                kind = "brain" if self._shapes.text(f"brain.{CLASS}") else "agent"
                self._leave(f"{kind}.{CLASS}", f"{name}: set regions[].storageClass")
            return []
        return regions

    def _region(self, index: int, value: Any) -> Values | None:
        shapes, key = self._shapes, f"{REGIONS}[]"
        rest = dict(value) if isinstance(value, dict) else {"name": value}
        name = shapes.as_text(f"{key}.name", rest.pop("name", None))
        if name is None:
            self._leave(f"{REGIONS}[{index}]", "has no name")
            return None
        region: Values = {"name": name}
        active = rest.pop("active", True)
        if active is False:
            region["active"] = False
        elif active is not True:
            shapes.wrong(f"{key}.active", active, f"must be true or false; true counts ({name})")
        if selector := node_selector(self._shapes, name, rest.pop("nodeSelector", None)):
            region["nodeSelector"] = selector
        storage = shapes.as_text(f"{key}.storageClass", rest.pop("storageClass", None))
        if storage := storage or self._storage_class():
            region["storageClass"] = storage
        for unknown in rest:
            self._leave(f"{key}.{unknown}", f"{UNKNOWN} ({name})")
        return region

    def _storage_class(self) -> str | None:
        classes = [self._shapes.text(f"{kind}.{CLASS}") for kind in ("brain", "agent")]
        if all(classes) and classes[0] != classes[1]:
            self._leave(f"agent.{CLASS}", "a region has one class for both, the Brain's")
        return classes[0] or classes[1]

    def _routing(self, config: Values) -> None:
        if not self._shapes.flag("multiRegion.loadBalancing.geo", True):
            config["loadBalancing"] = {"policy": "failover"}
        name = self._shapes.text("ingress.className")
        if name:
            config["ingress"] = {"className": name}
        if name in (None, "alb"):
            self._require(
                "regions[].ingressFrom",
                "the subnets of the load balancers, such as [10.0.0.0/24], unless the region gets its cluster"
                " as {eks: <name>}",
            )

    def _failover(self, config: Values) -> None:
        wanted = self._shapes.flag("failoverController.enabled", True)
        wanted = self._shapes.flag("multiRegion.failover.enabled", wanted) and wanted
        several = len(config["regions"]) > 1
        failover: Values = {} if wanted or not several else {"enabled": False}
        for key, name in (("interval", "intervalSeconds"), ("timeout", "timeoutSeconds")):
            value = self._shapes.seconds(f"failoverController.{key}")
            if value is not None and several:
                failover[name] = value
            elif value is not None:
                self._leave(f"failoverController.{key}", "a stack with one region has no failover")
        if failover:
            config["failover"] = failover

    def _replication(self, config: Values) -> None:
        key = "replicationSidecar.syncInterval"
        replication: Values = {}
        if not self._shapes.flag("replicationSidecar.enabled", True):
            replication["enabled"] = False
        interval = self._shapes.seconds(key)
        if interval is not None and interval < LEAST_INTERVAL:
            self._leave(key, f"{interval} s is too short for an upload; it is {LEAST_INTERVAL} s")
            interval = LEAST_INTERVAL
        if interval is not None:
            replication["syncInterval"] = interval
        if replication:
            config["replication"] = replication

    def _workloads(self) -> Values:
        agent, brain = (self._workload(kind) for kind in ("agent", "brain"))
        if brain.get("accessMode") == ACCESS_MODE:
            agent["mountBrain"] = True  # As in the chart.
        return {"agent": agent, "brain": brain}

    def _workload(self, kind: str) -> Values:
        shapes, workload = self._shapes, Values()
        if resources := self._resources(kind):
            workload["resources"] = resources
        if size := shapes.text(f"{kind}.persistence.size"):
            workload["storage"] = size
        workload["accessMode"] = shapes.text(f"{kind}.persistence.accessMode") or ACCESS_MODE
        if not shapes.flag(f"{kind}.persistence.enabled", True):
            self._leave(f"{kind}.persistence.enabled", "every volume is persistent")
        shapes.text(f"{kind}.{CLASS}")
        replicas = shapes.whole(f"{kind}.replicas")
        if replicas is not None and replicas < 1:
            self._leave(f"{kind}.replicas", f"{replicas}: must be 1 or more; 1 counts")
        elif replicas is not None:
            workload["replicas"] = replicas
        return workload

    def _resources(self, kind: str) -> Values:
        found, defaults = Values(), AGENT_RESOURCES if kind == "agent" else BRAIN_RESOURCES
        for which, amounts in self._shapes.mapping(f"{kind}.resources").items():
            key = f"{kind}.resources.{which}"
            if amounts is None:
                self._leave(key, NOTHING)
            if which not in ("requests", "limits") and not isinstance(amounts, dict):
                self._leave(key, "only requests and limits of cpu and memory")
            for unit, value in self._shapes.as_mapping(key, amounts).items():
                if unit not in ("cpu", "memory") or which not in ("requests", "limits"):
                    self._leave(f"{key}.{unit}", "only requests and limits of cpu and memory")
                    continue
                if value is None:
                    self._leave(f"{key}.{unit}", NOTHING)
                amount = self._shapes.as_text(f"{key}.{unit}", value)
                if amount and amount != getattr(getattr(defaults, which), unit):
                    found.setdefault(which, {})[unit] = amount
        return found

    def _ports(self) -> None:
        for key, fixed in (
            ("agent.service.port", AGENT_PORT),
            ("brain.port", BRAIN_PORT),
            ("brain.service.port", BRAIN_PORT),
            ("healthMonitor.port", HEALTH_MONITOR_PORT),
        ):
            port = self._shapes.given(key)
            if port is not None and str(port) != str(fixed):
                self._leave(key, f"{shown(key, port).strip(chr(34))}: the platform's port is {fixed}")

    def _left(self) -> None:
        left = {tuple(branch.split(".")): why for branch, why in LEFT.items()}
        known = {*self._shapes.taken, *left}
        for key, value in self._shapes.untouched():
            name = ".".join(key)
            secrets = list(secrets_in(key, value))
            self._result.secrets += secrets
            branch = next((branch for branch in left if within(key, branch)), None)
            if branch is not None:
                self._leave(".".join(branch), left[branch])
            elif any(within(each, key) for each in known):
                self._shapes.wrong(name, value, "must be a mapping of keys to values")
            elif not secrets or isinstance(value, list):
                self._leave(name, UNKNOWN)
        if self._shapes.values.get("dashboard", {}) == {}:
            self._leave("dashboard", f"{LEFT['dashboard']} (the chart runs a dashboard by default)")

    def _leave(self, key: str, why: str) -> None:
        self._shapes.leave(key, why)

    def _require(self, key: str, what: str) -> None:
        self._result.missing.append((key, what))
