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
OF_THE_ENGINE = "pulumi"
"""The package of what needs no provider, such as a stash."""


def write(path: Path, registrations: Mapping[str, Registration]) -> None:
    """Write the registrations, each after those that it refers to. Secrets and unknown values stay such."""
    made = {urn: resource for urn, resource in registrations.items() if resource.type != STACK_TYPE}
    sorter = TopologicalSorter({urn: _references(resource) & made.keys() for urn, resource in made.items()})
    path.write_text(json.dumps([_described(made[urn], made) for urn in sorter.static_order()]))


def _references(resource: Registration) -> set[str]:
    return {
        resource.parent,
        _provider(resource),
        *resource.dependencies,
        *(urn for urns in _sources(resource) for urn in urns),
    }


def _provider(resource: Registration) -> str:
    return resource.provider.rpartition("::")[0]


def _sources(resource: Registration) -> list[tuple[str, ...]]:
    return list(resource.property_dependencies.values())


def _described(resource: Registration, made: Mapping[str, Registration]) -> dict[str, Any]:
    return {
        "urn": resource.urn,
        "type": resource.type,
        "name": resource.name,
        "inputs": to_wire(resource.inputs),
        "outputs": to_wire(resource.outputs),
        "custom": resource.custom,
        "parent": resource.parent if resource.parent in made else None,
        "provider": _provider(resource) if _provider(resource) in made else None,
        "dependencies": sorted(resource.dependencies & made.keys()),
        "sources": {
            key: [u for u in urns if u in made] for key, urns in resource.property_dependencies.items()
        },
        "protect": resource.protect,
        "retain": resource.retain_on_delete,
    }


def register_all(described: list[dict[str, Any]]) -> None:
    made: dict[str, pulumi.Resource] = {}
    for resource in described:
        made[resource["urn"]] = _register(resource, made)


def _register(resource: dict[str, Any], made: Mapping[str, pulumi.Resource]) -> pulumi.Resource:
    package = resource["type"].removeprefix(PROVIDER).partition(":")[0]
    options = pulumi.ResourceOptions(
        parent=made[resource["parent"]] if resource["parent"] else None,
        provider=made[resource["provider"]] if resource["provider"] else None,  # type: ignore[arg-type]
        depends_on=[made[urn] for urn in resource["dependencies"]],
        protect=resource["protect"] or None,
        retain_on_delete=resource["retain"] or None,
        version=version(f"pulumi-{package}") if resource["custom"] and package != OF_THE_ENGINE else None,
    )
    if not resource["custom"]:
        component = pulumi.ComponentResource(resource["type"], resource["name"], None, options)
        component.register_outputs(resource["outputs"])
        return component
    inputs = {
        key: _from([made[urn] for urn in resource["sources"].get(key, ())], value)
        for key, value in resource["inputs"].items()
    }
    if resource["type"].startswith(PROVIDER):
        return pulumi.ProviderResource(package, resource["name"], inputs, options)
    return pulumi.CustomResource(resource["type"], resource["name"], inputs, options)


def _from(sources: list[pulumi.Resource], value: Any) -> Any:
    """The value as an output of these resources, so that the engine knows where the value comes from."""
    return pulumi.Output.all(*(source.urn for source in sources)).apply(lambda _: value) if sources else value


if __name__ == "__main__":
    register_all(json.loads(Path(pulumi.Config("replay").require("resources")).read_text()))
