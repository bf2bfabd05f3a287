"""What makes the resources of one provider."""

from __future__ import annotations

from dataclasses import dataclass

from engine.values import Change, Values
from local.embedded.state import Entry


@dataclass(frozen=True)
class Creation:
    """`token` names it to an API; `resumed`: a killed run may have done it; `imported`: it must be there."""

    token: str = ""
    resumed: bool = False
    imported: bool = False


class Driver:
    """As it is here, the driver of providers: settings of other resources, nothing of their own."""

    def home(self) -> str:
        """What the resources are in: another value means that they are gone."""
        return ""

    def identity(self, kind: str, inputs: Values) -> str:
        """A resource's id, where its inputs fix it."""
        return ""

    def replacing(self, kind: str, changed: list[Change]) -> list[Change]:
        """Those of the changes that make another resource."""
        return []

    def put(self, kind: str, inputs: Values, old: Entry | None, creation: Creation) -> tuple[str, Values]:
        """Create, or change from what `old` says; the id, and the outputs that are not inputs."""
        return (old["id"] if old else creation.token), {}

    def delete(self, kind: str, entry: Entry) -> None:
        """Delete the resource, if it is there, and wait until it is gone."""
