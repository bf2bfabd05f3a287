"""Registered values: conversion from and to protobuf, secrets, and differences between two values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

Values = dict[str, Any]


@dataclass(frozen=True)
class Secret:
    """A value that must never be shown or stored in plain text; `repr` masks it."""

    value: Any

    def __repr__(self) -> str:
        return "[secret]"


class Computed:
    """A value that is unknown until the deployment; the only instance is `COMPUTED`."""

    def __repr__(self) -> str:
        return "<computed>"


COMPUTED: Final = Computed()


def to_plain(value: struct_pb2.Value) -> Any:
    """A protobuf value as plain Python; integral numbers become int, as in the SDK."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return COMPUTED if text == rpc.UNKNOWN else text
    if kind == "struct_value":
        return struct_to_plain(value.struct_value)
    if kind == "list_value":
        return [to_plain(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    return value.bool_value if kind == "bool_value" else None


def struct_to_plain(struct: struct_pb2.Struct) -> Any:
    """A protobuf object as a dictionary, or, by its signature, as a secret or a resource's id."""
    fields = struct.fields
    if rpc._special_sig_key in fields:
        signature = fields[rpc._special_sig_key].string_value
        if signature == rpc._special_secret_sig:
            return Secret(to_plain(fields["value"]))
        if signature == rpc._special_resource_sig:
            return to_plain(fields["id"] if "id" in fields else fields["urn"])
    return {key: to_plain(item) for key, item in fields.items()}


def to_wire(value: Any) -> Any:
    """The reverse of `to_plain`, in a form for `Struct.update`."""
    if isinstance(value, Secret):
        return {rpc._special_sig_key: rpc._special_secret_sig, "value": to_wire(value.value)}
    if isinstance(value, Mapping):
        return {key: to_wire(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_wire(item) for item in value]
    return rpc.UNKNOWN if value is COMPUTED else value


@dataclass(frozen=True)
class Change:
    """A property that differs. `old` or `new` is None where it is absent."""

    path: tuple[str, ...]
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{'.'.join(self.path)}: {_shown(self.old)} → {_shown(self.new)}"


def changes(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[Change]:
    """The differences, in depth as long as both sides are objects or lists of equal length."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from changes(old.get(key), new.get(key), (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from changes(before, after, (*path, str(index)))
    elif old != new:
        yield Change(path, old, new)


def _shown(value: Any) -> str:
    if value is None:
        return "absent"
    if value is COMPUTED:
        return repr(COMPUTED)
    text = json.dumps(value, default=repr)
    return text if len(text) <= 120 else f"{text[:119]}…"
