"""One measured run, in a process of its own: `python -m bench.one program|bare STACK_FILE GRAPH_FILE`.

`program` runs the product and, where GRAPH_FILE is not there yet, leaves what it registered in it. `bare`
registers that graph from plain dictionaries: the same resources with the same inputs, parents, providers and
dependencies, through the same monitor, without settings, plans or components.
Prints `{"seconds": CPU seconds, "megabytes": peak memory, "resources": number}`.
"""

from __future__ import annotations

import json
import resource
import runpy
import sys
import time
from collections.abc import Callable, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
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
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if variant == "program" and not graph_file.exists():
        graph_file.write_text(json.dumps(graph_of(recorder)))
    print(json.dumps({"seconds": seconds, "megabytes": peak, "resources": len(recorder.registrations)}))


def graph_of(recorder: Recorder) -> list[dict[str, Any]]:
    """What was registered, each resource behind those that it needs."""
    made = {urn: one for urn, one in recorder.registrations.items() if urn != recorder.stack_urn}
    sorter = TopologicalSorter[str]()
    for urn, one in made.items():
        needed = [one.parent, one.provider.rpartition("::")[0], *one.dependencies]
        sorter.add(urn, *(other for other in needed if other in made))
    return [
        {
            "urn": urn,
            "type": one.type,
            "name": one.name,
            "inputs": plain(one.inputs),
            "custom": one.custom,
            "parent": one.parent if one.parent in made else None,
            "provider": one.provider.rpartition("::")[0] or None,
            "dependencies": sorted(other for other in one.dependencies if other in made),
            "keep": one.retain_on_delete,
            "id": one.id,
        }
        for urn, one in ((urn, made[urn]) for urn in sorter.static_order())
    ]


def bare(graph: list[dict[str, Any]], *, linked: bool = False) -> Callable[[], None]:
    """`linked`: inputs refer to resources, as a deployment needs; else they have the recorded ids."""

    def program() -> None:
        made: dict[str | None, Any] = {None: None}
        ids: dict[str, pulumi.Output[str]] = {}
        for one in graph:
            options = pulumi.ResourceOptions(
                parent=made[one["parent"]],
                provider=made[one["provider"]],
                depends_on=[made[other] for other in one["dependencies"]],
                retain_on_delete=one["keep"] or None,
            )
            inputs = referring(one["inputs"], ids) if linked else one["inputs"]
            resource = made[one["urn"]] = register(one, inputs, options)
            # Kubernetes objects refer to each other by name.
            if linked and isinstance(resource, pulumi.CustomResource) and one["type"].startswith("aws:"):
                ids[one["id"]] = resource.id

    return program


def referring(value: Any, ids: Mapping[str, pulumi.Output[str]]) -> Any:
    """Inputs with references to resources in place of their recorded ids."""
    if isinstance(value, dict):
        return {key: referring(part, ids) for key, part in value.items()}
    if isinstance(value, list):
        return [referring(part, ids) for part in value]
    return ids.get(value, value) if isinstance(value, str) else value


def register(one: dict[str, Any], inputs: dict[str, Any], options: pulumi.ResourceOptions) -> pulumi.Resource:
    if one["type"].startswith("pulumi:providers:"):
        return pulumi.ProviderResource(one["type"].rpartition(":")[2], one["name"], inputs, options)
    if one["custom"]:
        return pulumi.CustomResource(one["type"], one["name"], inputs, options)
    component = pulumi.ComponentResource(one["type"], one["name"], None, options)
    component.register_outputs({})
    return component


if __name__ == "__main__":
    main()
