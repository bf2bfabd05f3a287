"""Rules about a company's pods: images, environment, sizes, volumes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from plan.names import LOCAL
from plan.quantities import quantity
from plan.variables import OF_LOADERS, UNCHECKED_TLS, changes_processes
from settings.companies import AGENT_RESOURCES, BRAIN_RESOURCES, AccessMode, Resources
from settings.models import IMAGES, Settings
from settings.plain_secrets import API_KEY, instead
from settings.problems import NO_VALUE, PLAIN, SECRET, Problem
from settings.rules.base import Rule
from settings.values import digest_of, tag_of

_RESERVED = frozenset(
    {
        "AGENCY_CONTAINER", "BRAIN_STORAGE_ROOT", "CHOKIDAR_USEPOLLING", "COMPANY", "HOME", "JULES_AGENT_DIR",
        "JULES_COMPANY", "PORT",
    }
)  # fmt: skip
"""Variables that this program sets (`components/pods.py`), or that would move data off its volume."""

_SYSTEM = "system-"
"""Begins the names of Kubernetes' own priority classes."""
_SET_HERE = "This program sets the variable."
LEAST_STORAGE = "100Mi"
"""Of a replicated volume: what the gate leaves free and keeps for its records, and two small snapshots."""


def _images(settings: Settings, stack: str) -> Iterator[Problem]:
    if stack == LOCAL:
        return
    for key in IMAGES:
        image = getattr(settings.images, key)
        if image is None:
            advice = "Set the application's image with a tag, such as registry.example.com/agency:1.4.2."
            yield Problem(("images", key), NO_VALUE, "missing (required)", advice)
        elif tag_of(image) in (None, "latest"):
            yield Problem(("images", key), image, "must have a tag other than latest, or a digest")
        elif settings.images.require_digests and not digest_of(image):
            advice = f"images.requireDigests is true. Run: python -m ops pin-images --stack {stack}"
            yield Problem(("images", key), image, "must have a digest (@sha256:…)", advice)


def _environment(settings: Settings, stack: str) -> Iterator[Problem]:
    for name, value in settings.environment.items():
        if name in _RESERVED:
            yield Problem(("environment", name), value, "must not be set", _SET_HERE)
        elif name.startswith(OF_LOADERS):
            advice = "Programs would run other code."
            yield Problem(("environment", name), value, "must not be set", advice)
        elif name == UNCHECKED_TLS and value == "0":
            advice = "Certificates would not be checked. NODE_EXTRA_CA_CERTS adds an authority."
            yield Problem(("environment", name), value, "must not be 0", advice)
        elif name.endswith(API_KEY):
            yield Problem(("environment", name), PLAIN, "must not be set", instead(name, stack))


def _api_keys(settings: Settings, _: str) -> Iterator[Problem]:
    for index, company in enumerate(settings.companies):
        for name in company.api_keys.values if company.api_keys else ():
            if name in _RESERVED or changes_processes(name):
                why = "The variable changes how a process is loaded, trusted or routed."
                advice = _SET_HERE if name in _RESERVED else why
                path = ("companies", index, "apiKeys", name)
                yield Problem(path, SECRET, "must be the name of a key", advice)


def _volumes(settings: Settings, _: str) -> Iterator[Problem]:
    many = AccessMode.READ_WRITE_MANY
    for index, company in enumerate(settings.companies):
        for key, workload in (("agent", company.agent), ("brain", company.brain)):
            if workload.replicas > 1 and workload.access_mode is not many:
                advice = f"Or set {key}.accessMode: {many}, for several pods share the volume."
                yield Problem(("companies", index, key, "replicas"), workload.replicas, "must be 1", advice)


def _storage(settings: Settings, _: str) -> Iterator[Problem]:
    if not settings.replication.enabled:
        return
    for index, company in enumerate(settings.companies):
        for key, size in (("agent", company.agent.storage), ("brain", company.brain.storage)):
            if quantity(size) < quantity(LEAST_STORAGE):
                advice = (
                    "A region keeps two snapshots on it: the active one, and a newer one of another region."
                )
                rule = f"must be at least {LEAST_STORAGE}"
                yield Problem(("companies", index, key, "storage"), size, rule, advice)


def _mounted_brain(settings: Settings, _: str) -> Iterator[Problem]:
    many = AccessMode.READ_WRITE_MANY
    for index, company in enumerate(settings.companies):
        if company.agent.mount_brain and company.brain.access_mode is not many:
            advice = f"Or set brain.accessMode: {many}, for Brain and Agent share the volume."
            yield Problem(("companies", index, "agent", "mountBrain"), True, "must be false", advice)


def _requests(settings: Settings, _: str) -> Iterator[Problem]:
    for index, company in enumerate(settings.companies):
        sizes = (
            ("agent", company.agent.resources, AGENT_RESOURCES),
            ("brain", company.brain.resources, BRAIN_RESOURCES),
        )
        for key, size, default in sizes:
            for unit, request, requirement in _over_limits(size, default):
                path = ("companies", index, key, "resources", "requests", unit)
                yield Problem(path, request, requirement)


def _over_limits(size: Resources, default: Resources) -> Iterator[tuple[str, str, str]]:
    for unit in ("cpu", "memory"):
        request, limit = getattr(size.requests, unit), getattr(size.limits, unit)
        if quantity(request) > quantity(limit):
            by_default = ", the default" if limit == getattr(default.limits, unit) else ""
            yield unit, request, f"must be at most limits.{unit} ({limit}{by_default})"


def _priority(settings: Settings, _: str) -> Iterator[Problem]:
    name = settings.pods.priority_class_name
    if name and name.startswith(_SYSTEM):
        advice = "Its pods would displace the cluster's own."
        yield Problem(("pods", "priorityClassName"), name, f"must not begin with {_SYSTEM}", advice)


def _pull_secrets(settings: Settings, _: str) -> Iterator[Problem]:
    """Server-side apply refuses a pod that names one twice."""
    for name, count in Counter(settings.pods.image_pull_secrets).items():
        if count > 1:
            yield Problem(("pods", "imagePullSecrets"), name, "must have each once")


_RESOURCES = tuple(f"companies[=].{workload}.resources" for workload in ("agent", "brain"))

RULES = (
    Rule(_images, ("images",)),
    Rule(_environment),
    Rule(_api_keys),
    Rule(_priority),
    Rule(_pull_secrets),
    Rule(
        _volumes,
        tuple(
            f"companies[=].{kind}.{key}" for kind in ("agent", "brain") for key in ("accessMode", "replicas")
        ),
    ),
    Rule(_storage, ("replication.enabled", *(f"companies[=].{kind}.storage" for kind in ("agent", "brain")))),
    Rule(_mounted_brain, ("companies[=].brain.accessMode", "companies[=].agent.mountBrain")),
    Rule(_requests, _RESOURCES),
)
