"""What becomes of each value of the application's published Helm chart in a stack file.

`carried` walks over all of them. What it does not take is told with a reason, and what the chart does not
know is told, too: nothing is dropped in silence.
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
"""Defaults of the chart that are not ours."""
LEAST_INTERVAL = 5
"""Of copies, in seconds."""

RUN_BY_US = "its size and its image are the program's own"
LEFT: Mapping[str, str] = {
    "failoverController.image": RUN_BY_US,
    "failoverController.resources": RUN_BY_US,
    "replicationSidecar.image": RUN_BY_US,
    "replicationSidecar.resources": RUN_BY_US,
    "image.pullPolicy": "images have a tag of their own, so IfNotPresent is what it is",
    "agent.service.type": "clients come over the edges: one load balancer a region",
    "brain.service.type": "nobody but its own Agent reaches a Brain",
    "agent.persistence.existingClaim": "the chart never used it; a claim of our name is taken over",
    "brain.persistence.existingClaim": "the chart never used it; a claim of our name is taken over",
    "healthMonitor.resources": "it has the chart's own: 100m and 256Mi, at most 500m and 512Mi",
    "ingress.annotations": "the load balancers' annotations are the program's own",
    "ingress.tls": "a certificate of ACM is made for *.<domain>, or name one: regions[].certificateArn",
    "serviceAccount": "each workload has an account of its own, without rights",
    "rbac": "what needs rights has a role of its own",
    "nameOverride": "names follow the company and the region",
    "fullnameOverride": "names follow the company and the region",
    "redis": "not part of the platform: run it yourself, set environment.REDIS_URL and network.extraEgress",
    "dashboard": "not part of the platform",
}
"""Keys of the chart, or whole branches, and why nothing becomes of them."""


@dataclass(kw_only=True)
class Carried:
    config: Values = field(default_factory=dict)
    """Of the stack file, without the project's name before the keys."""
    left: list[tuple[str, str]] = field(default_factory=list)
    """Keys of the chart that were not carried over, and why."""
    secrets: list[tuple[str, str]] = field(default_factory=list)
    """Keys of the chart that hold secrets, and the variables that they are. No value is kept."""
    missing: list[tuple[str, str]] = field(default_factory=list)
    """Keys of the stack file that still have to be set, and what they are."""


def carried(values: Values, *, domain: str | None, image: str | None) -> Carried:
    """`values`: a values file of the chart; `domain` and `image` go before what is found in it."""
    return _Carrying(values).all(domain, image)


class _Carrying:
    def __init__(self, values: Values) -> None:
        self._values = values
        self._taken: set[str] = set()
        self._found = Carried()

    def all(self, domain: str | None, image: str | None) -> Carried:
        found, config = self._found, self._found.config
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
        found.config = {key: value for key, value in config.items() if value not in (None, {}, [])}
        return found

    # What is carried.

    def _domain(self, company: str) -> str | None:
        hosts = [str(one.get("host")) for one in self._take("ingress.hosts", []) if isinstance(one, dict)]
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
        told = f"the chart's is {named or 'simple-agency:latest'}, which is no fixed version"
        self._require("images.agency", f"the application's image with a tag of its own: {told}")
        return None

    def _regions(self) -> list[Values]:
        several = self._take("multiRegion.enabled", False)
        listed = self._take("multiRegion.regions", [])
        if not several or not listed:
            if listed:
                self._leave("multiRegion.regions", "multiRegion.enabled is false: the chart ignores them")
            self._require("regions", "the AWS region of the cluster: the values name none")
            return []
        return [self._region(one) for one in listed]

    def _region(self, told: Any) -> Values:
        given = dict(told) if isinstance(told, dict) else {"name": told}
        region: Values = {"name": given.pop("name", None)}
        if not given.pop("active", True):
            region["active"] = False
        selector = {key: str(value) for key, value in (given.pop("nodeSelector", None) or {}).items()}
        bound = selector.pop(REGION_LABEL, region["name"])
        if bound != region["name"]:
            self._leave(
                "multiRegion.regions[].nodeSelector",
                f"{REGION_LABEL}={bound}: pods of {region['name']} run there",
            )
        if selector:
            region["nodeSelector"] = selector
        if storage := given.pop("storageClass", None) or self._storage_class():
            region["storageClass"] = storage
        for key in given:
            self._leave(f"multiRegion.regions[].{key}", f"the chart has no such key ({region['name']})")
        return region

    def _storage_class(self) -> str | None:
        classes = [self._take(f"{kind}.persistence.storageClass", "") for kind in ("brain", "agent")]
        if all(classes) and classes[0] != classes[1]:
            self._leave("agent.persistence.storageClass", "a region has one class for both, the Brain's")
        return classes[0] or classes[1] or None

    def _environment(self) -> Values:
        told: Values = {}
        given = self._take("agent.env", {})
        if isinstance(given, list):
            for one in given:
                if "value" not in one:
                    self._leave(
                        "agent.env", f"{one.get('name')}: only variables with a value are carried over"
                    )
            given = {one["name"]: one["value"] for one in given if "value" in one}
        for name, value in given.items():
            if is_secret(name, str(value)):
                self._found.secrets.append((f"agent.env.{name}", name))
            else:
                told[name] = str(value)
        return told

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
        told: Values = {} if wanted or not several else {"enabled": False}
        for key, name in (("interval", "intervalSeconds"), ("timeout", "timeoutSeconds")):
            if (value := self._take(f"failoverController.{key}", None)) is not None and several:
                told[name] = value
        if told:
            config["failover"] = told

    def _replication(self, config: Values) -> None:
        told: Values = {} if self._take("replicationSidecar.enabled", True) else {"enabled": False}
        interval = self._take("replicationSidecar.syncInterval", None)
        if interval is not None and int(interval) < LEAST_INTERVAL:
            why = f"{interval} s is too short for a copy; it is {LEAST_INTERVAL}"
            self._leave("replicationSidecar.syncInterval", why)
            interval = LEAST_INTERVAL
        if interval is not None:
            told["syncInterval"] = int(interval)
        if told:
            config["replication"] = told

    def _workloads(self) -> Values:
        agent, brain = (self._workload(kind) for kind in ("agent", "brain"))
        if brain.get("accessMode") == ACCESS_MODE:
            agent["mountBrain"] = True  # As the chart's agents do.
        return {"agent": agent, "brain": brain}

    def _workload(self, kind: str) -> Values:
        told: Values = {}
        defaults = AGENT_RESOURCES if kind == "agent" else BRAIN_RESOURCES
        for which, amounts in (self._take(f"{kind}.resources", {}) or {}).items():
            for unit, amount in (amounts or {}).items():
                if unit in ("cpu", "memory") and which in ("requests", "limits"):
                    if str(amount) != getattr(getattr(defaults, which), unit):
                        told.setdefault("resources", {}).setdefault(which, {})[unit] = str(amount)
                else:
                    self._leave(
                        f"{kind}.resources.{which}.{unit}", "only requests and limits of cpu and memory"
                    )
        if size := self._take(f"{kind}.persistence.size", None):
            told["storage"] = str(size)
        mode = self._take(f"{kind}.persistence.accessMode", ACCESS_MODE)
        told["accessMode"] = str(mode)
        if self._take(f"{kind}.persistence.enabled", True) is False:
            self._leave(f"{kind}.persistence.enabled", "every volume is kept: there is none that is not")
        self._take(f"{kind}.persistence.storageClass", "")
        if replicas := self._take(f"{kind}.replicas", None):
            told["replicas"] = int(replicas)
        return told

    # What is not.

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
                self._found.secrets.append((key, name))
                continue
            self._leave(branch or key, LEFT[branch] if branch else "the chart has no such key")
        if _at(self._values, "dashboard.enabled", True) and "dashboard" not in self._values:
            self._leave("dashboard", f"{LEFT['dashboard']} (the chart runs one unless it is told not to)")

    def _take(self, key: str, default: Any) -> Any:
        self._taken.add(key)
        value = _at(self._values, key, default)
        return default if value is None else value

    def _leave(self, key: str, why: str) -> None:
        if (key, why) not in self._found.left:
            self._found.left.append((key, why))

    def _require(self, key: str, what: str) -> None:
        self._found.missing.append((key, what))


def _at(values: Values, key: str, default: Any) -> Any:
    found: Any = values
    for part in key.split("."):
        if not isinstance(found, dict) or part not in found:
            return default
        found = found[part]
    return found


def _leaves(values: Values, above: str = "") -> Iterator[str]:
    """Every key of a values file; an empty branch is one."""
    for name, value in values.items():
        key = f"{above}{name}"
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{key}.")
        else:
            yield key


def _within(key: str, branch: str) -> bool:
    return key == branch or key.startswith(f"{branch}.")
