"""What an interrupted run created in the cluster without recording it in Pulumi's state.

The engine records neither an object whose provider ended first, nor one whose creation was cancelled. So the
creations that a preview announces are noted before the run, and looked for by the next run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from components.base import ADOPT
from local.kubernetes_api import ApiError, KubernetesApi, Object
from local.machine.files import Progress, write_atomically
from local.pulumi.display import Step

TYPES: Final = "kubernetes:"
"""Prefix of the types of Kubernetes objects; the type of a provider has another."""
CREATING: Final = ("create", "replace")
MANAGER: Final = "pulumi-kubernetes-"
"""Prefix of the Kubernetes provider's field managers; each creation has one of its own."""
GONE_SECONDS: Final = 120.0


def note(file: Path, planned: Iterable[Step]) -> None:
    """Write down the Kubernetes objects that a run is going to create.

    Adopted objects (namespaces, volumes) are left out: their field manager is always the same.
    """
    created = [step.new for step in planned if step.op in CREATING and step.type.startswith(TYPES)]
    own = [_reference(each) for each in created if not _is_adopted(each)]
    write_atomically(file, json.dumps(own))


def delete_unrecorded(
    file: Path, recorded: Iterable[Mapping[str, Any]], api: KubernetesApi, progress: Progress
) -> None:
    """Delete the noted objects that exist and are not among the `recorded` resources of the state.

    The next run creates them again. An object of two field managers would reject every later change of the
    second. Raises LocalError when an object does not go away.
    """
    objects = [each for each in recorded if each["type"].startswith(TYPES)]
    known = [_reference(each["inputs"]) for each in objects if not each.get("pendingReplacement")]
    for manifest in json.loads(file.read_text()):
        if manifest in known or not _is_of_a_run(api.get(manifest)):
            continue
        metadata = manifest["metadata"]
        name = f"{manifest['kind']} {metadata.get('namespace', '')}/{metadata['name']}"
        progress(f"deleting {name}: the interrupted run created it and did not record it")
        try:
            api.call("DELETE", api.path(manifest))
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
        api.wait(manifest, None, "deleted", GONE_SECONDS)


def _reference(inputs: Mapping[str, Any]) -> Object:
    metadata = {key: inputs["metadata"][key] for key in ("name", "namespace") if key in inputs["metadata"]}
    return {"apiVersion": inputs["apiVersion"], "kind": inputs["kind"], "metadata": metadata}


def _is_adopted(inputs: Mapping[str, Any]) -> bool:
    return ADOPT.items() <= (inputs["metadata"].get("annotations") or {}).items()


def _is_of_a_run(live: Object | None) -> bool:
    managed = live["metadata"].get("managedFields", []) if live else []
    return any(entry["manager"].startswith(MANAGER) for entry in managed)
