"""The ConfigMap `failover-controller`: which regions and companies a controller watches, and how."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Self

from runtime.contracts.keys import camel

CONFIG_FILE = "settings.json"
SECRET_FILE = "key"
"""In the Secret `failover-controller`, the same in all clusters of a stack."""
HTTP_PORT = 8080
"""Health and views, for edges and peers. Nothing else is on this port."""
METRICS_PORT = 8081


@dataclass(frozen=True, kw_only=True)
class Company:
    regions: tuple[str, ...]
    dedicated: bool = False
    """Whether the company has its own health checks, and therefore its own flags."""


@dataclass(frozen=True, kw_only=True)
class ControllerContract:
    """The fields are the keys of the JSON document, in camelCase."""

    cluster: str
    """Names this cluster; unique in the stack."""
    regions: tuple[str, ...]
    """In this cluster."""
    all: tuple[str, ...]
    """Of the whole stack."""
    peers: Mapping[str, str]
    """URLs of the regions' pages on their edges. Those of other clusters; where this cluster's own regions
    are named too, the controller reads its own edges from outside (see `votes`)."""
    companies: Mapping[str, Company]
    """By namespace."""
    interval_seconds: float = 5
    timeout_seconds: float = 1
    failure_threshold: int = 3
    """Rounds."""
    recovery_threshold: int = 3
    """Rounds."""

    def to_json(self) -> str:
        return json.dumps({camel(name): value for name, value in asdict(self).items()}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ValueError, TypeError or KeyError for an invalid document."""
        content = json.loads(text)
        values = {field.name: content[camel(field.name)] for field in fields(ControllerContract)}
        companies = {
            name: Company(regions=tuple(company["regions"]), dedicated=company.get("dedicated", False))
            for name, company in values["companies"].items()
        }
        lists = {name: tuple(values[name]) for name in ("regions", "all")}
        return cls(**values | lists | {"companies": companies, "peers": dict(values["peers"])})
