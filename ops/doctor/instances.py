"""The external-dns instances of a cluster, with their settings as their Deployments give them.

external-dns reads flags from arguments, and from the environment where the arguments do not have them
(`--txt-owner-id` is EXTERNAL_DNS_TXT_OWNER_ID there). Defaults are those of its versions
(pkg/apis/externaldns).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clients.kubernetes_api import Object
from ops.cluster_access import Cluster
from plan.external_dns import OLD_PREFIX, PREFIX

Flags = Mapping[str, tuple[str, ...]]

NAME = "external-dns"
NEW_DEFAULTS = (0, 22)
"""From this version on, the annotation prefix is the new prefix, and the policy has no default."""
_ENVIRONMENT = "EXTERNAL_DNS_"


@dataclass(frozen=True, kw_only=True)
class Instance:
    name: str
    """Namespace and name of the Deployment."""
    version: tuple[int, int] | None
    ready: int
    """Available pods."""
    flags: Flags

    def flag(self, name: str, default: str = "") -> str:
        return self.flags.get(name, (default,))[-1]

    def is_on(self, name: str) -> bool:
        return self.flag(name).lower() in ("true", "1", "yes")

    @property
    def prefix(self) -> str | None:
        """Of the annotations that the instance reads; None where neither flag nor version says."""
        if prefix := self.flag("annotation-prefix"):
            return prefix
        return None if self.version is None else PREFIX if self.version >= NEW_DEFAULTS else OLD_PREFIX

    @property
    def policy(self) -> str:
        """Empty where it is not given and the version has no default."""
        return self.flag("policy", "sync" if self.version and self.version < NEW_DEFAULTS else "")

    def may_name(self, domain: str, zone_id: str | None, classes: Iterable[str]) -> bool:
        """Whether the instance makes records of Ingresses of these classes for names below the domain."""
        sources, only = self.flags.get("source"), self.flags.get("ingress-class")
        filters, zones = self._listed("domain-filter"), self._listed("zone-id-filter")
        return (
            (sources is None or "ingress" in sources)
            and (only is None or not set(only).isdisjoint(classes))
            and (not filters or any(_meet(domain, domain_filter) for domain_filter in filters))
            and (not zones or zone_id is None or zone_id in zones)
        )

    def covers(self, domain: str) -> bool:
        """Whether `--domain-filter` lets through every name below the domain."""
        filters = self._listed("domain-filter")
        return not filters or any(_lies_below(domain, domain_filter) for domain_filter in filters)

    def _listed(self, name: str) -> list[str]:
        return [each for each in self.flags.get(name, ()) if each]


def instances_of(cluster: Cluster) -> list[Instance]:
    """Raises ApiError where these credentials may not list Deployments."""
    deployments = cluster.api.call("GET", "/apis/apps/v1/deployments")["items"]
    return [instance for deployment in deployments if (instance := _instance(deployment))]


def _instance(deployment: Object) -> Instance | None:
    """By the image's name, else by the Deployment's usual label or name: mirrors rename images."""
    metadata = deployment["metadata"]
    template = deployment.get("spec", {}).get("template", {})
    containers = template.get("spec", {}).get("containers", [])
    labels = metadata.get("labels") or {}
    candidates = [each for each in containers if _repository(each["image"]).rpartition("/")[2] == NAME]
    if not candidates and NAME in (metadata["name"], labels.get("app.kubernetes.io/name")):
        candidates = [each for each in containers if each["name"] == NAME] or containers[:1]
    if not candidates:
        return None
    image = candidates[0]["image"]
    tag = image.partition("@")[0].removeprefix(_repository(image))
    version = re.search(r"v?(\d+)\.(\d+)", tag or labels.get("app.kubernetes.io/version", ""))
    return Instance(
        name=f"{metadata['namespace']}/{metadata['name']}",
        version=(int(version[1]), int(version[2])) if version else None,
        ready=(deployment.get("status") or {}).get("availableReplicas", 0),
        flags=_flags(candidates[0]),
    )


def _repository(image: str) -> str:
    """An image without its tag and digest."""
    return re.sub(r":[^/]*$", "", image.partition("@")[0])


def _flags(container: Object) -> Flags:
    variables = {variable["name"]: variable.get("value") for variable in container.get("env") or ()}
    # A value in a Secret or a ConfigMap stays a reference, as Kubernetes writes references.
    values = {name: f"$({name})" if value is None else value for name, value in variables.items()}
    from_environment = {
        name.removeprefix(_ENVIRONMENT).lower().replace("_", "-"): tuple(value.splitlines())
        for name, value in values.items()
        if name.startswith(_ENVIRONMENT) and value
    }
    words = [
        re.sub(r"\$\((\w+)\)", lambda name: values.get(name[1], name[0]), word)
        for word in (*(container.get("command") or ()), *(container.get("args") or ()))
    ]
    return {**from_environment, **_from_arguments(words)}


def _from_arguments(words: list[str]) -> Flags:
    """`--flag=value`, `--flag value`, `--flag`, `--no-flag`."""
    flags: defaultdict[str, list[str]] = defaultdict(list)
    for word, following in zip(words, [*words[1:], "--"], strict=True):
        if not word.startswith("--"):
            continue
        name, equals, value = word.removeprefix("--").partition("=")
        if equals:
            flags[name].append(value)
        elif not following.startswith("-"):
            flags[name].append(following)
        elif name.startswith("no-"):
            flags[name.removeprefix("no-")].append("false")
        else:
            flags[name].append("true")
    return {name: tuple(values) for name, values in flags.items()}


def _lies_below(domain: str, of: str) -> bool:
    """Whether all names below the domain are names below another one, with or without a dot in front."""
    return f".{domain}".endswith(f".{of.lstrip('.')}")


def _meet(domain: str, of: str) -> bool:
    return _lies_below(domain, of) or f".{of}".endswith(f".{domain}")
