"""What an interrupted run created and did not record is deleted; everything else stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.base import ADOPT
from local.kubernetes_api import KubernetesApi
from local.pulumi.display import Step
from local.pulumi.interrupted import delete_unrecorded, note

OF_A_RUN, BY_HAND = "pulumi-kubernetes-0123abcd", "kubectl"


class FakeApi(KubernetesApi):
    """Objects by name, each with its field manager."""

    def __init__(self, **managers: str) -> None:
        self.managers, self.deleted = managers, list[str]()

    def get(self, manifest: Any) -> Any:
        manager = self.managers.get(manifest["metadata"]["name"])
        return manager and {"metadata": {"managedFields": [{"manager": manager}]}}

    def path(self, manifest: Any) -> str:
        return str(manifest["metadata"]["name"])

    def call(self, method: str, path: str, body: Any = None, content: str = "") -> Any:
        assert method == "DELETE"
        del self.managers[path]
        self.deleted.append(path)


def inputs(name: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "acme"} | metadata}


def planned(name: str, type: str = "kubernetes:core/v1:Service", op: str = "create", **metadata: Any) -> Step:
    return Step(op=op, urn=f"urn::{name}", type=type, new=inputs(name, **metadata))


def recorded(name: str) -> dict[str, Any]:
    return {"type": "kubernetes:core/v1:Service", "inputs": inputs(name, labels={"app": "agent"})}


def test_objects_that_the_run_created_and_did_not_record_are_deleted(tmp_path: Path) -> None:
    others = [planned("bucket", "aws:s3/bucket:Bucket"), planned("updated", op="update")]
    replaced = planned("replaced", op="replace")
    note(tmp_path / "creating", [*map(planned, ("a", "known", "never", "hand")), replaced, *others])
    objects = dict.fromkeys(("a", "replaced", "known", "bucket", "updated"), OF_A_RUN)
    api, lines = FakeApi(**objects, hand=BY_HAND), list[str]()
    state = [recorded("known"), recorded("replaced") | {"pendingReplacement": True}, {"type": "aws:iam"}]
    delete_unrecorded(tmp_path / "creating", state, api, lines.append)
    assert api.deleted == ["a", "replaced"]
    started = [line.partition(":")[0] for line in lines]
    assert started == ["deleting Service acme/a", "deleting Service acme/replaced"]


def test_adopted_objects_stay(tmp_path: Path) -> None:
    note(tmp_path / "creating", [planned("a", annotations={**ADOPT, "other": "1"})])
    api = FakeApi(a=OF_A_RUN)
    delete_unrecorded(tmp_path / "creating", [], api, print)
    assert api.deleted == []
