"""What a killed run has created and not recorded is deleted; everything else stays."""

from __future__ import annotations

from typing import Any

from components.base import ADOPT
from local.kubernetes_api import KubernetesApi
from local.pulumi.interrupted import delete_unrecorded


class FakeApi(KubernetesApi):
    def __init__(self, *live: str) -> None:
        self.live, self.deleted = set(live), list[str]()

    def get(self, manifest: Any) -> Any:
        name = manifest["metadata"]["name"]
        return manifest if name in self.live else None

    def path(self, manifest: Any) -> str:
        return str(manifest["metadata"]["name"])

    def call(self, method: str, path: str, body: Any = None, content: str = "") -> Any:
        assert method == "DELETE"
        self.live.discard(path)
        self.deleted.append(path)


def operation(name: str, type: str = "kubernetes:core/v1:Service", doing: str = "creating") -> dict[str, Any]:
    manifest = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "acme"}}
    return {"type": doing, "resource": {"type": type, "inputs": manifest}}


def test_objects_that_the_killed_run_created_are_deleted() -> None:
    api, lines = FakeApi("a", "b", "updated", "bucket"), list[str]()
    pending = [operation("a"), operation("b"), operation("never-created")]
    others = [operation("updated", doing="updating"), operation("bucket", "aws:s3/bucket:Bucket")]
    delete_unrecorded([*pending, *others], api, lines.append)
    assert api.deleted == ["a", "b"]
    started = [line.partition(":")[0] for line in lines]
    assert started == ["deleting Service acme/a", "deleting Service acme/b"]


def test_adopted_objects_stay() -> None:
    api, adopted = FakeApi("a"), operation("a")
    adopted["resource"]["inputs"]["metadata"]["annotations"] = {**ADOPT, "other": "1"}
    delete_unrecorded([adopted], api, print)
    assert api.deleted == []
