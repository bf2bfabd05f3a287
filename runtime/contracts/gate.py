"""The ConfigMap `runtime-<component>-<region>`: what a gate uploads, and whose snapshots it takes over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any

from runtime.contracts.keys import camel

CONFIG_FILE = "settings.json"
COMPONENTS = ("agent", "brain")
LISTS = ("order", "follows")


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Which checkpoints stay: all of the last hours, then one an hour, then one a day."""

    all_hours: int = 1
    hourly_hours: int = 24
    daily_days: int = 30


@dataclass(frozen=True, kw_only=True)
class GateConfig:
    """The fields are the keys of the JSON document, in camelCase. A gate reads it again each round."""

    region: str
    namespace: str
    component: str
    """`brain` or `agent`."""
    order: tuple[str, ...]
    """The company's regions by priority, highest first; the first that is not flagged is primary."""
    follows: tuple[str, ...]
    """Regions whose snapshots this one takes over; empty: an active region with files of its own."""
    ranked: bool
    """Whether snapshots rank by generation (policy failover). Else a followed region's always wins."""
    buckets: Mapping[str, str]
    """Each region of the company to its bucket; empty: no replication."""
    kms_keys: Mapping[str, str] = field(default_factory=dict)
    """Each region to the ARN of the key that encrypts its bucket; empty: S3's own keys."""
    replicas: int = 1
    sync_interval: int = 60
    """Seconds between two uploads."""
    bandwidth_limit: str = "off"
    """In the syntax of rclone's `--bwlimit`."""
    transfers: int = 4
    retention: Retention = Retention()
    endpoint: str | None = None
    """URL of an S3 API other than AWS's: the local target's."""

    def to_json(self) -> str:
        return json.dumps(_document(asdict(self)), indent=1)

    @classmethod
    def from_json(cls, text: str) -> GateConfig:
        """Raises ValueError, KeyError, TypeError or AttributeError for an invalid document."""
        content = json.loads(text)
        values = _values(cls, content)
        lists = {name: tuple(values[name]) for name in LISTS}
        mappings = {name: dict(values[name]) for name in ("buckets", "kms_keys") if name in values}
        retention = Retention(**_values(Retention, content.get("retention", {})))
        return cls(**values | lists | mappings | {"retention": retention})

    def check(self) -> GateConfig:
        """Raises ValueError naming each invalid key, the value found and the values allowed."""
        own_bucket = not self.buckets or self.region in self.buckets
        rules = {
            "region": (self.region, self.region in self.order, f"must be one of {self.order}"),
            "component": (
                self.component,
                self.component in COMPONENTS,
                f"must be one of {', '.join(COMPONENTS)}",
            ),
            "syncInterval": (self.sync_interval, _positive(self.sync_interval), "must be seconds above 0"),
            "replicas": (self.replicas, _positive(self.replicas), "must be a number above 0"),
            "transfers": (self.transfers, _positive(self.transfers), "must be a number above 0"),
            "buckets": (self.buckets, own_bucket, f"must be empty, or have one for {self.region} too"),
        }
        invalid = [
            f"{key}: {rule}, got {value!r}" for key, (value, valid, rule) in rules.items() if not valid
        ]
        if invalid:
            raise ValueError("; ".join(invalid))
        return self


def _document(values: Mapping[str, Any]) -> dict[str, Any]:
    return {camel(name): _document(value) if name == "retention" else value for name, value in values.items()}


def _values(contract: type, content: Mapping[str, Any]) -> dict[str, Any]:
    """By field; a key with a default may be absent, an unknown key is ignored."""
    return {
        each.name: content[camel(each.name)]
        for each in fields(contract)
        if (each.default is MISSING and each.default_factory is MISSING) or camel(each.name) in content
    }


def _positive(value: object) -> bool:
    return isinstance(value, int) and value > 0
