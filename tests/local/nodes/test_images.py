"""Layers and archives, as containerd reads them."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from pathlib import Path

import pytest

from local.cluster.images import layers, local_images
from local.cluster.images.layers import Image
from local.machine.files import LocalError


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DIGITAL_AGENCY_CACHE", str(tmp_path / "cache"))


def written(folder: Path, name: str, text: str, mode: int) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_layer_is_readable_for_every_user_and_knows_no_owner_or_time(tmp_path: Path) -> None:
    source = tmp_path / "source"
    written(source, "program", "#!", 0o700)
    written(source, "data/one", "x", 0o600)
    written(source, "__pycache__/x.pyc", "x", 0o600)

    layers.tree({"/opt/it": source}, without="__pycache__")(tmp_path / "layer.tar")

    with tarfile.open(tmp_path / "layer.tar") as archive:
        entries = {entry.name: (oct(entry.mode & 0o777), entry.uid, entry.mtime) for entry in archive}
    assert entries["opt/it/program"] == ("0o755", 0, 0)
    assert entries["opt/it/data/one"] == ("0o644", 0, 0)
    assert not any("__pycache__" in name for name in entries)


def test_a_layer_is_made_once_for_each_key(tmp_path: Path) -> None:
    created: list[str] = []

    def make(key: str) -> Path:
        def write(target: Path) -> None:
            created.append(key)
            target.write_text(key)

        return layers.layer("it", key, write, print)

    first, again, other = make("a"), make("a"), make("b")

    assert first == again != other
    assert created == ["a", "b"] and (first.read_text(), other.read_text()) == ("a", "b")


def test_a_layer_whose_making_failed_is_not_there(tmp_path: Path) -> None:
    def fail(target: Path) -> None:
        target.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        layers.layer("it", "a", fail, print)

    assert (
        layers.layer("it", "a", lambda target: target.write_text("whole") and None, print).read_text()
        == "whole"
    )


def test_an_archive_names_each_image_with_its_layers_digests_and_holds_shared_layers_once(
    tmp_path: Path,
) -> None:
    shared, own = written(tmp_path, "shared.tar", "a", 0o600), written(tmp_path, "own.tar", "b", 0o600)
    each = Image(name="localhost/one:local", layers=[shared], command=["true"])
    two = Image(name="localhost/two:local", layers=[shared, own], command=["false"], environment={"A": "b"})

    layers.save([each, two], tmp_path / "images.tar")

    with tarfile.open(tmp_path / "images.tar") as archive:
        names = archive.getnames()
        contents = {name: stream.read() for name in names if (stream := archive.extractfile(name))}
    manifest = json.loads(contents["manifest.json"])
    digests = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in (shared, own)}
    assert [entry["RepoTags"] for entry in manifest] == [["localhost/one:local"], ["localhost/two:local"]]
    assert manifest[1]["Layers"] == [f"{digests[shared]}.tar", f"{digests[own]}.tar"]
    assert len(names) == len(set(names)) == 2 + 2 + 1
    config = json.loads(contents[manifest[1]["Config"]])
    assert config["rootfs"]["diff_ids"] == [f"sha256:{digests[shared]}", f"sha256:{digests[own]}"]
    assert config["config"] == {"Cmd": ["false"], "Env": ["A=b"]}


def test_a_changed_file_or_mode_has_another_digest(tmp_path: Path) -> None:
    file = written(tmp_path / "app", "node", "x", 0o644)
    first = layers.digest_of(tmp_path / "app")
    os.chmod(file, 0o755)
    second = layers.digest_of(tmp_path / "app")
    file.write_text("y")

    assert len({first, second, layers.digest_of(tmp_path / "app")}) == 3


def test_an_unknown_local_image_is_rejected_with_the_known_ones() -> None:
    with pytest.raises(LocalError, match=r"must be one of localhost/digital-agency.*; got localhost/mine:1"):
        local_images.make(["localhost/mine:1"], print)
