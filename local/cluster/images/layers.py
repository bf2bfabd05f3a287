"""Layers and archives of container images, made from Debian packages, wheels and programs of this project.

A layer is a tar file in the cache, named by a hash of everything it depends on. An archive has images, each a
configuration and its layers, in the format of `docker save`.
"""

from __future__ import annotations

import compileall
import hashlib
import io
import json
import py_compile
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local.machine.files import LocalError, Progress, locked, tail
from local.programs import build

PACKAGES = ("ca-certificates", "catatonit", "coreutils", "dash", "libstdc++6", "python3")
"""The base layer's. catatonit is the pause program of pods, dash the shell of the volume provisioner."""
PYTHON = re.compile(r"usr/lib/python(3\.\d+)$")
LINKS = {"bin/sh": "dash"}
"""Links that the packages' scripts would create; the scripts are not run."""


class ImageError(LocalError):
    """An image could not be made; the message names what is missing or quotes the failed command."""


@dataclass(frozen=True, kw_only=True)
class Image:
    name: str
    layers: Sequence[Path]
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


def base(progress: Progress) -> Path:
    """The layer with Python from the Debian release of this machine."""
    suite = _release()
    key = json.dumps([suite, PACKAGES, LINKS])
    return layer("base", key, lambda target: _base(suite, target, progress), progress)


def layer(name: str, key: str, make: Callable[[Path], None], progress: Progress) -> Path:
    """The tar file that `make` writes, or the cached file. `key` has everything that the file depends on."""
    folder = build.cache() / "layers" / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    file = folder / "layer.tar"
    if not file.exists():
        with locked(folder / "lock", progress, f"it creates the image layer {name}"):
            if not file.exists():
                unfinished = folder / "unfinished.tar"
                make(unfinished)
                unfinished.replace(file)
    return file


def wheels(requirements: Path, base: Path, target: str, progress: Progress) -> Path:
    """The layer with the wheels of a pinned list in the folder `target`, for the Python of `base`."""
    version = python_version(base)
    key = json.dumps([requirements.read_text(), version, target])

    def make(layer: Path) -> None:
        progress(f"downloading the wheels of {requirements.parent.name} (half a minute, once)")
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            command += [
                "--target",
                folder,
                "--python-version",
                version,
                "--only-binary=:all:",
                "--no-compile",
            ]
            answer = subprocess.run([*command, "-r", str(requirements)], capture_output=True, text=True)
            if answer.returncode != 0:
                raise ImageError(
                    f"pip could not download the wheels of {requirements}:\n{tail(answer.stderr)}"
                )
            if version == f"{sys.version_info.major}.{sys.version_info.minor}":
                # Compiled now: a container's root file system is read-only.
                mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
                compileall.compile_dir(folder, quiet=2, invalidation_mode=mode, stripdir=folder)
            tree({target: Path(folder)})(layer)

    return layer("wheels", key, make, progress)


def python_version(base: Path) -> str:
    with tarfile.open(base) as archive:
        matches = [PYTHON.search(entry.name) for entry in archive if entry.isdir()]
    return next(match[1] for match in matches if match)


def tree(files: Mapping[str, Path], *, without: str = "") -> Callable[[Path], None]:
    """Returns a function that writes a layer. `files` maps a path in the image to a file or folder of this
    machine; files named `without` are left out.
    """

    def write(target: Path) -> None:
        with tarfile.open(target, "w") as archive:
            for path, source in sorted(files.items()):
                archive.add(source, path.lstrip("/"), filter=lambda entry: _plain(entry, without))

    return write


def digest_of(*sources: Path) -> str:
    """A digest of the contents and modes of files and folders."""
    digest = hashlib.sha256()
    for source in sources:
        for file in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(source)} {file.stat().st_mode}\0".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def save(images: Sequence[Image], target: Path) -> None:
    """Write the images as one archive for `ctr images import`, with shared layers once."""
    manifest = []
    with tarfile.open(target, "w") as archive:
        stored: dict[Path, str] = {}
        for image in images:
            for path in image.layers:
                if path not in stored:
                    stored[path] = _digest(path)
                    archive.add(path, f"{stored[path]}.tar")
            digests = [stored[path] for path in image.layers]
            config = json.dumps(_configuration(image, digests)).encode()
            name = f"{hashlib.sha256(config).hexdigest()}.json"
            _add(archive, name, config)
            manifest.append(
                {
                    "Config": name,
                    "RepoTags": [image.name],
                    "Layers": [f"{digest}.tar" for digest in digests],
                }
            )
        _add(archive, "manifest.json", json.dumps(manifest).encode())


def _configuration(image: Image, digests: Sequence[str]) -> dict[str, object]:
    return {
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Cmd": list(image.command),
            "Env": [f"{key}={value}" for key, value in image.environment.items()],
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
    }


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def _plain(entry: tarfile.TarInfo, without: str) -> tarfile.TarInfo | None:
    """Without owner and time, and readable for every user: containers run as any user."""
    if Path(entry.name).name == without:
        return None
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode |= 0o555 if entry.isdir() or entry.mode & 0o100 else 0o444
    return entry


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _release() -> str:
    lines = (line.partition("=") for line in Path("/etc/os-release").read_text().splitlines())
    values = {key: value.strip('"') for key, _, value in lines}
    return values.get("VERSION_CODENAME", "")


def _base(suite: str, target: Path, progress: Progress) -> None:
    if shutil.which("mmdebstrap") is None:
        raise ImageError("no `mmdebstrap` on PATH, needed for images: run `apt-get install mmdebstrap`")
    progress(f"making the base layer of images from Debian packages of {suite} (half a minute, once)")
    target.unlink(missing_ok=True)
    links = [f"ln -s {points_to} $1/{link}" for link, points_to in LINKS.items()]
    command = ["mmdebstrap", "--variant=extract", "--format=tar", f"--include={','.join(PACKAGES)}"]
    command += [f"--customize-hook={link}" for link in links]
    answer = subprocess.run([*command, suite, str(target)], capture_output=True, text=True)
    if answer.returncode != 0:
        raise ImageError(f"mmdebstrap failed:\n{tail(answer.stderr)}")
