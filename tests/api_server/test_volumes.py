"""What the API server says to another size, class or access mode of a volume that holds data."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from tests.api_server.server import Manifest, Server
from tests.api_server.test_rendered import rendered
from tests.components.stacks import US, eks, stack
from tests.services import until


@pytest.fixture(scope="module")
def volume(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """A company's volume, bound: in a class that can grow, to a disk that was made by hand."""
    raw = stack(regions=[eks(US, storageClass="by-hand")], companies=["grows"])
    found = rendered(raw, tmp_path_factory.mktemp("volume"))
    claims = (manifest for manifest in found if manifest["kind"] == "PersistentVolumeClaim")
    claim = next(manifest for manifest in claims if manifest["metadata"]["name"] == f"brain-{US}")
    made_by_hand = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "by-hand"},
        "provisioner": "kubernetes.io/no-provisioner",
        "allowVolumeExpansion": True,
    }
    disk = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "by-hand"},
        "spec": {
            "capacity": claim["spec"]["resources"]["requests"],
            "accessModes": claim["spec"]["accessModes"],
            "storageClassName": "by-hand",
            "hostPath": {"path": "/nonexistent"},
            "claimRef": {key: claim["metadata"][key] for key in ("namespace", "name")},
        },
    }
    namespace = next(
        manifest
        for manifest in found
        if manifest["kind"] == "Namespace" and manifest["metadata"]["name"] == "grows"
    )
    for manifest in (namespace, made_by_hand, disk, claim):
        assert server.apply(manifest, dry_run=False) is None
    until(lambda: (server.get(claim) or {})["status"].get("phase") == "Bound", "the volume is bound")
    return claim


def resized(volume: Manifest, size: str) -> Manifest:
    other = copy.deepcopy(volume)
    other["spec"]["resources"]["requests"]["storage"] = size
    return other


def test_it_grows(server: Server, volume: Manifest) -> None:
    assert server.apply(resized(volume, "500Gi")) is None


def test_it_does_not_shrink(server: Server, volume: Manifest) -> None:
    assert "field can not be less than" in str(server.apply(resized(volume, "1Gi")))


@pytest.mark.parametrize("change", [{"storageClassName": "other"}, {"accessModes": ["ReadWriteMany"]}])
def test_its_class_and_its_access_mode_are_fixed(server: Server, volume: Manifest, change: Manifest) -> None:
    other = copy.deepcopy(volume)
    other["spec"] |= change
    assert "spec is immutable after creation" in str(server.apply(other))


def test_until_it_is_bound_its_size_is_fixed_too(server: Server, tmp_path: Path) -> None:
    """As in a cluster without nodes. It holds nothing: it can be deleted, and is made larger."""
    found = rendered(stack(companies=["waits"]), tmp_path)
    kinds = ("Namespace", "PersistentVolumeClaim")
    *_, claim = made = [manifest for kind in kinds for manifest in found if manifest["kind"] == kind]
    assert [server.apply(manifest, dry_run=False) for manifest in made] == [None] * len(made)
    assert "spec is immutable after creation" in str(server.apply(resized(claim, "500Gi")))
