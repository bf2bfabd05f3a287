"""Rules about what runs in a company's pods: images, environment, sizes, volumes."""

from __future__ import annotations

from collections.abc import Iterator

from plan.names import LOCAL
from settings.faults import MISSING, PLAIN, Fault
from settings.models import AGENT_RESOURCES, BRAIN_RESOURCES, AccessMode, Resources, Settings
from settings.plain_secrets import API_KEY, instead
from settings.rules.base import Rule
from settings.values import quantity, tag_of

_OURS = frozenset(
    {
        "AGENCY_CONTAINER", "BRAIN_STORAGE_ROOT", "CHOKIDAR_USEPOLLING", "COMPANY", "HOME", "JULES_AGENT_DIR",
        "JULES_COMPANY", "PORT",
    }
)  # fmt: skip
"""Variables that the program sets itself (`components/pods.py`), or that would move data off its volume."""


def _images(settings: Settings, stack: str) -> Iterator[Fault]:
    if stack == LOCAL:
        return
    for key in ("agency", "rclone", "python"):
        image = getattr(settings.images, key)
        if image is None:
            accepted = "the application's image with a tag, such as registry.example.com/agency:1.4.2"
            yield Fault(("images", key), MISSING, accepted)
        elif tag_of(image) in (None, "latest"):
            yield Fault(("images", key), image, "an image with a tag other than latest, or a digest")


def _environment(settings: Settings, stack: str) -> Iterator[Fault]:
    for name, value in settings.environment.items():
        if name in _OURS:
            yield Fault(("environment", name), value, "other variables: the program sets this one itself")
        elif name.endswith(API_KEY):
            accepted = (
                f"no keys, for here they stand in plain text; see companies[].apiKeys: {instead(name, stack)}"
            )
            yield Fault(("environment", name), PLAIN, accepted)


def _volumes(settings: Settings, _: str) -> Iterator[Fault]:
    many = AccessMode.READ_WRITE_MANY
    for index, company in enumerate(settings.companies):
        for key, workload in (("agent", company.agent), ("brain", company.brain)):
            if workload.replicas > 1 and workload.access_mode is not many:
                accepted = f"1, or {key}.accessMode: {many} (several pods share the volume)"
                yield Fault(("companies", index, key, "replicas"), workload.replicas, accepted)


def _mounted_brain(settings: Settings, _: str) -> Iterator[Fault]:
    many = AccessMode.READ_WRITE_MANY
    for index, company in enumerate(settings.companies):
        if company.agent.mount_brain and company.brain.access_mode is not many:
            accepted = f"false, or brain.accessMode: {many} (the pods of Brain and Agent share the volume)"
            yield Fault(("companies", index, "agent", "mountBrain"), True, accepted)


def _requests(settings: Settings, _: str) -> Iterator[Fault]:
    for index, company in enumerate(settings.companies):
        sizes = (
            ("agent", company.agent.resources, AGENT_RESOURCES),
            ("brain", company.brain.resources, BRAIN_RESOURCES),
        )
        for key, given, default in sizes:
            for unit, asked, accepted in _over_limits(given, default):
                yield Fault(("companies", index, key, "resources", "requests", unit), asked, accepted)


def _over_limits(given: Resources, default: Resources) -> Iterator[tuple[str, str, str]]:
    for unit in ("cpu", "memory"):
        asked, allowed = getattr(given.requests, unit), getattr(given.limits, unit)
        if quantity(asked) > quantity(allowed):
            by_default = " (the default)" if allowed == getattr(default.limits, unit) else ""
            yield unit, asked, f"at most limits.{unit}, {allowed}{by_default}"


_RESOURCES = tuple(f"companies[=].{workload}.resources" for workload in ("agent", "brain"))

RULES = (
    Rule(_images, ("images",)),
    Rule(_environment),
    Rule(
        _volumes,
        tuple(
            f"companies[=].{kind}.{key}" for kind in ("agent", "brain") for key in ("accessMode", "replicas")
        ),
    ),
    Rule(_mounted_brain, ("companies[=].brain.accessMode", "companies[=].agent.mountBrain")),
    Rule(_requests, _RESOURCES),
)
