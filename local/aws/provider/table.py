"""The table `aws.yaml`: how each resource type and function reaches the emulator."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from local.aws.provider.api import Values
from local.machine.files import LocalError


class Properties(Values):
    """For `str.format_map`: an absent property is empty."""

    def __missing__(self, name: str) -> str:
        return ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A resource type. The head of `aws.yaml` explains the fields."""

    service: str
    create: str = ""
    put: str = ""
    read: str
    delete: str = ""
    stop: dict[str, Any] = field(default_factory=dict)
    limit: str = ""
    body: str = ""
    live: str = ""
    flatten: str = "@"
    nest: str = "@"
    id: str = ""
    identity: str = ""
    token: str = ""
    ready: str = "@"
    key: dict[str, str]
    names: dict[str, str] = field(default_factory=dict)
    find: dict[str, str] = field(default_factory=dict)
    tags: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    fixed: dict[str, str] = field(default_factory=dict)
    defaults: Values = field(default_factory=dict)
    update: list[str] = field(default_factory=list)
    immutable: list[str] = field(default_factory=list)
    local: list[str] = field(default_factory=list)
    members: list[str] | None = None

    @property
    def main(self) -> str:
        """The call whose parameters are the resource's properties."""
        return self.create or self.put or self.read

    @property
    def writes(self) -> bool:
        return bool(self.create or self.put)

    @property
    def replacing(self) -> set[str]:
        """Properties whose change replaces the resource."""
        return {"region", *self.key.values(), *self.immutable}

    def identify(self, properties: Values) -> str:
        """The id by the properties; "" if AWS draws the id."""
        return self.identity.format_map(Properties(properties)).rstrip("_")

    def identified(self, identity: str) -> Values:
        """The properties in an id."""
        fields = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(self.identity))
        match = re.fullmatch(fields, identity) or re.fullmatch(fields.rpartition("_")[0] or fields, identity)
        return match.groupdict() if match else {}


_TABLE: Final = yaml.safe_load(Path(__file__).with_name("aws.yaml").read_text(encoding="utf-8"))
_ROWS: Final = {kind: Row(**fields) for kind, fields in _TABLE["resources"].items()}
FUNCTIONS: Final[dict[str, dict[str, Any]]] = _TABLE["functions"]


def row_of(kind: str) -> Row:
    if kind not in _ROWS:
        raise LocalError(
            f"{kind}: the stack `local` does not support this resource type; only the real AWS provider does."
            f" The type must be one of {', '.join(sorted(_ROWS))}"
        )
    return _ROWS[kind]
