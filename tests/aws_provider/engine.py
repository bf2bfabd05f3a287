"""Calls the provider as the Pulumi engine does, for one resource at a time, and keeps its state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from pulumi.runtime.proto import provider_pb2

from engine.values import struct_to_plain
from local.aws.provider.servicer import Provider, struct

Values = dict[str, Any]
CHANGED = provider_pb2.DiffResponse.DIFF_SOME


class ProviderError(Exception):
    """The provider ended a call with this message."""


class Context:
    def abort(self, code: object, details: str) -> NoReturn:
        raise ProviderError(details)


@dataclass
class Resource:
    """A resource of the program with its state. Without `id` it is not in the state."""

    start: Callable[[], Provider]
    """Starts the provider of a new run: each operation of the engine has its own."""
    type: str
    name: str = "resource"
    id: str = ""
    inputs: Values = field(default_factory=dict)
    outputs: Values = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.provider = self.start()

    @property
    def urn(self) -> str:
        return f"urn:pulumi:local::test::agency:test:Parent${self.type}::{self.name}"

    def call(self, method: str, **fields: Any) -> Any:
        request = getattr(provider_pb2, f"{method}Request")(urn=self.urn, **fields)
        return getattr(self.provider, method)(request, Context())

    def check(self, program: Values, *, fresh: bool = False) -> Values:
        olds = {} if fresh else self.inputs
        answer = self.call("Check", news=struct(program), olds=struct(olds))
        if answer.failures:
            raise ProviderError("\n".join(f"{each.property}: {each.reason}" for each in answer.failures))
        return dict(struct_to_plain(answer.inputs))

    def failures(self, program: Values) -> dict[str, str]:
        answer = self.call("Check", news=struct(program), olds=struct({}))
        return {each.property: each.reason for each in answer.failures}

    def diff(self, news: Values) -> Any:
        fields = {"old_inputs": struct(self.inputs), "olds": struct(self.outputs), "news": struct(news)}
        return self.call("Diff", id=self.id, **fields)

    def changes(self, program: Values) -> dict[str, str]:
        """Property paths that an `up` of the program would change, and how."""
        details = self.diff(self.check(program)).detailedDiff
        return {path: provider_pb2.PropertyDiff.Kind.Name(each.kind) for path, each in details.items()}

    def preview(self, program: Values) -> Values:
        answer = self.call("Create", properties=struct(self.check(program)), preview=True)
        assert answer.id == ""
        return dict(struct_to_plain(answer.properties))

    def up(self, program: Values) -> str:
        """What the engine does with the resource; returns the name of the operation."""
        self.provider = self.start()
        news = self.check(program)
        if not self.id:
            self.create(news)
            return "create"
        diff = self.diff(news)
        if diff.changes != CHANGED:
            self.inputs = news
            return "same"
        if not diff.replaces:
            olds = {"olds": struct(self.outputs), "old_inputs": struct(self.inputs)}
            answer = self.call("Update", id=self.id, news=struct(news), **olds)
            self.inputs, self.outputs = news, struct_to_plain(answer.properties)
            return "update"
        self.replace(program, first=diff.deleteBeforeReplace)
        return "replace, deleted first" if diff.deleteBeforeReplace else "replace"

    def replace(self, program: Values, *, first: bool) -> None:
        old = {"id": self.id, "old_inputs": struct(self.inputs), "properties": struct(self.outputs)}
        news = self.check(program, fresh=True)
        if first:
            self.call("Delete", **old)
        self.create(news)
        if not first:
            self.call("Delete", **old)

    def create(self, news: Values) -> None:
        answer = self.call("Create", properties=struct(news))
        self.id, self.inputs, self.outputs = answer.id, news, struct_to_plain(answer.properties)

    def refresh(self) -> str:
        """`same`, `changed` or `gone`."""
        fields = {"inputs": struct(self.inputs), "properties": struct(self.outputs)}
        answer = self.call("Read", id=self.id, **fields)
        if not answer.id:
            self.id, self.inputs, self.outputs = "", {}, {}
            return "gone"
        before = (self.inputs, self.outputs)
        self.inputs, self.outputs = struct_to_plain(answer.inputs), struct_to_plain(answer.properties)
        return "same" if before == (self.inputs, self.outputs) else "changed"

    def adopt(self, identity: str) -> None:
        """Import, as the resource option `import_` does."""
        answer = self.call("Read", id=identity)
        self.id = answer.id
        self.inputs, self.outputs = struct_to_plain(answer.inputs), struct_to_plain(answer.properties)

    def delete(self) -> None:
        self.provider = self.start()
        fields = {"old_inputs": struct(self.inputs), "properties": struct(self.outputs)}
        self.call("Delete", id=self.id, **fields)
