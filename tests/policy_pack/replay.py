"""A Pulumi program that registers the resources listed in the JSON file named by `replay:resources`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from graphlib import TopologicalSorter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pulumi

from engine.recorder import STACK_TYPE, Registration
from engine.values import to_wire

PROVIDER = "pulumi:providers:"


def write(path: Path, registrations: Mapping[str, Registration]) -> None:
    """Write the registrations, each after those that it refers to. Secrets and unknown values stay such."""
    made = {urn: one for urn, one in registrations.items() if one.type != STACK_TYPE}
    sorter = TopologicalSorter({urn: _references(one) & made.keys() for urn, one in made.items()})
    path.write_text(json.dumps([_described(made[urn], made) for urn in sorter.static_order()]))


def _references(one: Registration) -> set[str]:
    return {one.parent, _provider(one), *one.dependencies, *(urn for urns in _sources(one) for urn in urns)}


def _provider(one: Registration) -> str:
    return one.provider.rpartition("::")[0]


def _sources(one: Registration) -> list[tuple[str, ...]]:
    return list(one.property_dependencies.values())


def _described(one: Registration, made: Mapping[str, Registration]) -> dict[str, Any]:
    return {
        "urn": one.urn,
        "type": one.type,
        "name": one.name,
        "inputs": to_wire(one.inputs),
        "outputs": to_wire(one.outputs),
        "custom": one.custom,
        "parent": one.parent if one.parent in made else None,
        "provider": _provider(one) if _provider(one) in made else None,
        "dependencies": sorted(one.dependencies & made.keys()),
        "sources": {key: [u for u in urns if u in made] for key, urns in one.property_dependencies.items()},
        "protect": one.protect,
        "retain": one.retain_on_delete,
    }


def register_all(described: list[dict[str, Any]]) -> None:
    made: dict[str, pulumi.Resource] = {}
    for one in described:
        made[one["urn"]] = _register(one, made)


def _register(one: dict[str, Any], made: Mapping[str, pulumi.Resource]) -> pulumi.Resource:
    package = one["type"].removeprefix(PROVIDER).partition(":")[0]
    options = pulumi.ResourceOptions(
        parent=made[one["parent"]] if one["parent"] else None,
        provider=made[one["provider"]] if one["provider"] else None,  # type: ignore[arg-type]
        depends_on=[made[urn] for urn in one["dependencies"]],
        protect=one["protect"] or None,
        retain_on_delete=one["retain"] or None,
        version=version(f"pulumi-{package}") if one["custom"] else None,
    )
    if not one["custom"]:
        component = pulumi.ComponentResource(one["type"], one["name"], None, options)
        component.register_outputs(one["outputs"])
        return component
    inputs = {
        key: _from([made[urn] for urn in one["sources"].get(key, ())], value)
        for key, value in one["inputs"].items()
    }
    if one["type"].startswith(PROVIDER):
        return pulumi.ProviderResource(package, one["name"], inputs, options)
    return pulumi.CustomResource(one["type"], one["name"], inputs, options)


def _from(sources: list[pulumi.Resource], value: Any) -> Any:
    """The value as an output of these resources, so that the engine knows where the value comes from."""
    return pulumi.Output.all(*(source.urn for source in sources)).apply(lambda _: value) if sources else value


if __name__ == "__main__":
    register_all(json.loads(Path(pulumi.Config("replay").require("resources")).read_text()))
