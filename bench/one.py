"""One measured run, in a process of its own: `python -m bench.one program|bare STACK_FILE GRAPH_FILE`.

`program` runs the product and, where GRAPH_FILE is not there yet, leaves what it registered in it. `bare`
registers that graph from plain dictionaries: the same resources with the same inputs, parents, providers and
dependencies, through the same monitor, without settings, plans or components.
Prints `{"seconds": CPU seconds, "megabytes": peak memory, "resources": number}`.
"""

from __future__ import annotations

import json
import runpy
import sys
import time
from collections.abc import Callable, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

import pulumi
import pulumi_aws  # noqa: F401  # what any program of these providers imports
import pulumi_kubernetes  # noqa: F401

from engine.placeholders import Placeholders
from engine.program import run_program
from engine.recorder import Recorder
from engine.stack_file import load_stack_file
from ops.render import plain
from ops.stack_file import PROGRAM


def main() -> None:
    variant, stack_file, graph_file = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    config, _ = load_stack_file(stack_file)
    program = (
        bare(json.loads(graph_file.read_text()))
        if variant == "bare"
        else lambda: runpy.run_path(str(PROGRAM), run_name="__main__")
    )
    recorder = Placeholders()
    started = time.process_time()
    run_program(program, monitor=recorder, stack="dev", config=config)
    seconds = time.process_time() - started
    peak = getrusage(RUSAGE_SELF).ru_maxrss / 1024
    if variant == "program" and not graph_file.exists():
        graph_file.write_text(json.dumps(graph_of(recorder)))
    print(json.dumps({"seconds": seconds, "megabytes": peak, "resources": len(recorder.registrations)}))


def graph_of(recorder: Recorder) -> list[dict[str, Any]]:
    """What was registered, each resource behind those that it needs."""
    registered = {
        urn: resource for urn, resource in recorder.registrations.items() if urn != recorder.stack_urn
    }
    sorter = TopologicalSorter[str]()
    for urn, resource in registered.items():
        needed = [resource.parent, resource.provider.rpartition("::")[0], *resource.dependencies]
        sorter.add(urn, *(other for other in needed if other in registered))
    return [
        {
            "urn": urn,
            "type": resource.type,
            "name": resource.name,
            "inputs": plain(resource.inputs),
            "custom": resource.custom,
            "parent": resource.parent if resource.parent in registered else None,
            "provider": resource.provider.rpartition("::")[0] or None,
            "dependencies": sorted(other for other in resource.dependencies if other in registered),
            "keep": resource.retain_on_delete,
            "id": resource.id,
        }
        for urn, resource in ((urn, registered[urn]) for urn in sorter.static_order())
    ]


def bare(graph: list[dict[str, Any]], *, linked: bool = False) -> Callable[[], None]:
    """`linked`: inputs refer to resources, as a deployment needs; else they have the recorded ids."""

    def program() -> None:
        by_urn: dict[str | None, Any] = {None: None}
        ids: dict[str, pulumi.Output[str]] = {}
        for entry in graph:
            options = pulumi.ResourceOptions(
                parent=by_urn[entry["parent"]],
                provider=by_urn[entry["provider"]],
                depends_on=[by_urn[other] for other in entry["dependencies"]],
                retain_on_delete=entry["keep"] or None,
            )
            inputs = referring(entry["inputs"], ids) if linked else entry["inputs"]
            resource = by_urn[entry["urn"]] = register(entry, inputs, options)
            # Kubernetes objects refer to each other by name.
            if linked and isinstance(resource, pulumi.CustomResource) and entry["type"].startswith("aws:"):
                ids[entry["id"]] = resource.id

    return program


def referring(value: Any, ids: Mapping[str, pulumi.Output[str]]) -> Any:
    """Inputs with references to resources in place of their recorded ids."""
    if isinstance(value, dict):
        return {key: referring(part, ids) for key, part in value.items()}
    if isinstance(value, list):
        return [referring(part, ids) for part in value]
    return ids.get(value, value) if isinstance(value, str) else value


def register(
    entry: dict[str, Any], inputs: dict[str, Any], options: pulumi.ResourceOptions
) -> pulumi.Resource:
    if entry["type"].startswith("pulumi:providers:"):
        return pulumi.ProviderResource(entry["type"].rpartition(":")[2], entry["name"], inputs, options)
    if entry["custom"]:
        return pulumi.CustomResource(entry["type"], entry["name"], inputs, options)
    component = pulumi.ComponentResource(entry["type"], entry["name"], None, options)
    component.register_outputs({})
    return component


if __name__ == "__main__":
    main()
