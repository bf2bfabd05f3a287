"""The images that this machine makes: the default images of the stack `local`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from local.cluster.images import layers
from local.cluster.images.layers import Image, ImageError
from local.machine.files import REPOSITORY, Progress
from local.programs import catalog
from settings.models import REFERENCE_IMAGE

LOCAL_REGISTRY = "localhost/"
PYTHON_IMAGE = f"{LOCAL_REGISTRY}digital-agency/python:local"
RCLONE_IMAGE = f"{LOCAL_REGISTRY}digital-agency/rclone:local"
PAUSE_IMAGE = f"{LOCAL_REGISTRY}digital-agency/pause:local"
"""containerd runs it in every pod, to hold the namespaces."""
APPLICATION = REPOSITORY / "local" / "reference_app"
LIBRARIES = "/opt/python"


def make(names: Iterable[str], progress: Progress) -> Path:
    """An archive with the images of `names` that are local, the pause image and the Python image.

    Raises ImageError for an unknown local image.
    """
    wanted = sorted({name for name in names if name.startswith(LOCAL_REGISTRY)} | {PAUSE_IMAGE, PYTHON_IMAGE})
    if unknown := [name for name in wanted if name not in _MAKERS]:
        raise ImageError(
            f"unknown local image: must be one of {', '.join(sorted(_MAKERS))}; got {unknown[0]}"
        )
    images = [_MAKERS[name](progress) for name in wanted]
    key = "".join(f"{image}" for image in images)
    return layers.layer("images", key, lambda target: layers.save(images, target), progress)


def _pause(progress: Progress) -> Image:
    return Image(name=PAUSE_IMAGE, layers=[layers.base(progress)], command=["/usr/bin/catatonit", "-P"])


def _python(progress: Progress) -> Image:
    return Image(name=PYTHON_IMAGE, layers=[layers.base(progress)], command=["python3"])


def _rclone(progress: Progress) -> Image:
    binary = catalog.binary("rclone", progress)
    program = layers.layer("rclone", str(binary), layers.tree({"/usr/local/bin/rclone": binary}), progress)
    return Image(name=RCLONE_IMAGE, layers=[layers.base(progress), program], command=["rclone"])


def _reference(progress: Progress) -> Image:
    base = layers.base(progress)
    libraries = layers.wheels(APPLICATION / "requirements.txt", base, LIBRARIES, progress)
    files = {"/app/reference_app": APPLICATION, "/usr/local/bin/node": APPLICATION / "node"}
    write = layers.tree(files, without="__pycache__")
    program = layers.layer("reference-app", layers.digest_of(APPLICATION), write, progress)
    return Image(
        name=REFERENCE_IMAGE,
        layers=[base, libraries, program],
        command=["node", "dist/daemon.js"],
        environment={"PYTHONPATH": f"/app:{LIBRARIES}", "PYTHONDONTWRITEBYTECODE": "1"},
    )


_MAKERS: Mapping[str, Callable[[Progress], Image]] = {
    PAUSE_IMAGE: _pause,
    PYTHON_IMAGE: _python,
    RCLONE_IMAGE: _rclone,
    REFERENCE_IMAGE: _reference,
}
