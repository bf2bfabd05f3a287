"""What a killed run created in the cluster without recording it in Pulumi's state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from components.base import ADOPT
from local.kubernetes_api import ApiError, KubernetesApi
from local.machine.files import Progress

CREATING: Final = "creating"
GONE_SECONDS: Final = 120.0


def delete_unrecorded(pending: Iterable[Mapping[str, Any]], api: KubernetesApi, progress: Progress) -> None:
    """Delete the Kubernetes objects among the pending operations of a state; the next run creates them again.

    Each run applies objects as a field manager of its own. An object of both would reject every later change
    of the second. Adopted objects (namespaces, volumes) stay: their manager is always the same. Raises
    LocalError when an object does not go away.
    """
    for operation in pending:
        resource = operation["resource"]
        manifest = resource.get("inputs") or {}
        if operation["type"] != CREATING or not resource["type"].startswith("kubernetes:"):
            continue
        if ADOPT.items() <= (manifest["metadata"].get("annotations") or {}).items():
            continue
        if api.get(manifest) is None:
            continue
        metadata = manifest["metadata"]
        name = f"{manifest['kind']} {metadata.get('namespace', '')}/{metadata['name']}"
        progress(f"deleting {name}: the killed run created it and did not record it")
        try:
            api.call("DELETE", api.path(manifest))
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
        api.wait(manifest, None, "deleted", GONE_SECONDS)
