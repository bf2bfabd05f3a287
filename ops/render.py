"""`python -m ops render`: the resources of a stack file as files, without touching anything."""

from __future__ import annotations

import argparse
import base64
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from engine.recorder import Recorder, Registration
from engine.values import Secret
from ops.stack_file import record, stack_of
from ops.terminal import complain

KUBERNETES, AWS = "kubernetes:", "aws:"
CLUSTER_SCOPED = "_cluster"
MASK = "[secret]"

_Dumper: type = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, help="a stack file, such as Pulumi.prod.yaml")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the files")
    parser.add_argument("--stack", help="default: <stack> of Pulumi.<stack>.yaml, else dev")


def run(arguments: argparse.Namespace) -> int:
    stack = stack_of(arguments.config, arguments.stack)
    print(f"rendering {arguments.config} as stack {stack} …", flush=True)
    recorder = record(arguments.config, stack)
    for severity, text, _ in recorder.messages:
        complain(f"{severity}: {text}")
    objects, resources = render(recorder, arguments.out)
    print(f"{objects} Kubernetes objects and {resources} AWS resources in {arguments.out}")
    return 0


def render(recorder: Recorder, out: Path) -> tuple[int, int]:
    """Write the registered resources; returns the numbers of Kubernetes objects and AWS resources.

    `out/kubernetes/<cluster>/<namespace or _cluster>/<kind>-<name>.yaml` and `out/aws.json`; an earlier
    render there is deleted first. Secret values are masked.
    """
    shutil.rmtree(out / "kubernetes", ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    clusters = {
        f"{each.urn}::{each.id}": each.inputs["clusterIdentifier"]
        for each in recorder.registrations.values()
        if each.type == "pulumi:providers:kubernetes"
    }
    objects = [each for each in recorder.registrations.values() if each.type.startswith(KUBERNETES)]
    for each in objects:
        _write_object(each, out / "kubernetes" / clusters[each.provider])
    resources = [each for each in recorder.registrations.values() if each.type.startswith(AWS)]
    listed = [
        {
            "type": each.type,
            "name": each.name,
            "urn": each.urn,
            "id": each.id,
            "inputs": plain(each.inputs),
        }
        for each in sorted(resources, key=lambda each: each.urn)
    ]
    (out / "aws.json").write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    return len(objects), len(resources)


def _write_object(registration: Registration, folder: Path) -> None:
    manifest = manifest_of(registration)
    metadata = manifest["metadata"]
    path = (
        folder
        / metadata.get("namespace", CLUSTER_SCOPED)
        / f"{manifest['kind'].lower()}-{metadata['name']}.yaml"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.dump(manifest, Dumper=_Dumper, sort_keys=False), encoding="utf-8")


def manifest_of(registration: Registration) -> dict[str, Any]:
    """A Kubernetes object, for `kubectl apply`."""
    inputs = registration.inputs
    if inputs["kind"] == "Secret":
        masked = base64.b64encode(MASK.encode()).decode()
        inputs = {**inputs, "data": dict.fromkeys(_revealed(inputs.get("data", {})), masked)}
    rest = {key: value for key, value in inputs.items() if key not in ("apiVersion", "kind")}
    return {"apiVersion": inputs["apiVersion"], "kind": inputs["kind"], **plain(rest)}


def _revealed(value: Any) -> Any:
    return value.value if isinstance(value, Secret) else value


def plain(value: Any) -> Any:
    """A registered value with its secrets masked and its keys in order, so that renders can be compared."""
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
