"""The real rclone against the test service, with nothing but a sidecar's role."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from settings.models import Images
from tests.components.stacks import EU, US
from tests.s3 import SLOW_DOWN, S3Service
from tests.s3.asking import put, remote, run


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Three small files and one that rclone sends in parts when it is told to cut at 5 MiB."""
    folder = tmp_path / "files"
    (folder / "below").mkdir(parents=True)
    for name in ("one", "two", "below/three"):
        (folder / name).write_text(name)
    (folder / "big").write_bytes(os.urandom(11 * 1024 * 1024))
    return folder


def test_rclone_is_the_version_of_the_default_image(rclone: Path) -> None:
    version = subprocess.run([rclone, "version"], capture_output=True, text=True, check=True).stdout

    assert version.splitlines()[0] == f"rclone v{Images().rclone.rpartition(':')[2]}"


def test_rclone_copies_to_the_own_prefix_and_back_with_nothing_but_the_role(
    s3: S3Service, rclone: Path, files: Path, tmp_path: Path
) -> None:
    there, back = remote(s3, f"{US}/acme/brain/data/"), tmp_path / "back"
    parts = ("--s3-upload-cutoff=5Mi", "--s3-chunk-size=5Mi")

    assert run(s3, rclone, "copy", *parts, str(files), there).returncode == 0
    assert run(s3, rclone, "copy", there, str(back)).returncode == 0

    names = ("one", "two", "below/three", "big")
    assert s3.keys(US) == {f"{US}/acme/brain/data/{name}": (files / name).stat().st_size for name in names}
    for name in names:
        assert (back / name).read_bytes() == (files / name).read_bytes()
    done = {call.operation for call in s3.calls if call.status == 200}
    assert {"PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"} <= done
    assert {need.resource for call in s3.calls for need in call.needs if need.action == "s3:PutObject"} == {
        f"arn:aws:s3:::{s3.buckets[US]}/{US}/acme/brain/data/{name}" for name in names
    }
    assert s3.refused == []


@pytest.mark.parametrize("company", ["globex", "acme2", "brain", "ac"])
def test_rclone_reaches_nothing_of_another_company(
    s3: S3Service, rclone: Path, files: Path, tmp_path: Path, company: str
) -> None:
    theirs = f"{US}/{company}/brain/one"
    put(s3, theirs)
    before = len(s3.calls)
    there, folder = remote(s3, theirs), remote(s3, f"{US}/{company}/brain/")

    for arguments in (
        ("copy", str(files), folder),
        ("copy", folder, str(tmp_path / "back")),
        ("copyto", "--no-check-dest", str(files / "one"), there),
        ("deletefile", there),
        ("lsf", "-R", folder),
    ):
        assert run(s3, rclone, *arguments).returncode != 0, arguments
    assert not (tmp_path / "back" / "one").exists()
    assert s3.keys(US) == {theirs: 1}
    assert {call.status for call in s3.calls[before:]} == {403}


def test_another_region_s_bucket_is_read_and_not_written(
    s3: S3Service, rclone: Path, files: Path, tmp_path: Path
) -> None:
    put(s3, f"{EU}/acme/brain/one", region=EU, body=b"of eu")
    folder = remote(s3, f"{EU}/acme/brain/", EU)

    assert run(s3, rclone, "copy", folder, str(tmp_path / "back"), region=EU).returncode == 0
    assert (tmp_path / "back" / "one").read_bytes() == b"of eu"
    assert run(s3, rclone, "copy", str(files), folder, region=EU).returncode != 0
    assert s3.keys(EU) == {f"{EU}/acme/brain/one": 5}


def test_rclone_says_so_when_the_service_fails_or_cannot_be_reached(
    s3: S3Service, rclone: Path, files: Path
) -> None:
    arguments = ("copy", str(files / "below"), remote(s3, f"{US}/acme/brain/data/"))
    s3.fault = lambda call: SLOW_DOWN
    assert "SlowDown" in run(s3, rclone, *arguments).stderr
    s3.fault = None
    s3.cut(US)
    assert "EOF" in run(s3, rclone, *arguments).stderr
    assert s3.keys(US) == {}
    s3.heal(US)
    assert run(s3, rclone, *arguments).returncode == 0
