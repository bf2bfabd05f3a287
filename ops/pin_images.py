"""`python -m ops pin-images`: write the digests of a stack's images into its stack file.

A registry may move a tag to another image. Each image of `images`, the program's defaults included, becomes
`name:tag@sha256:…` with the digest that its registry has now. Comments and layout of the file stay. Nothing
is written unless every image was found. Private registries: run `docker login` first.
"""

from __future__ import annotations

import argparse
from typing import Any

import yaml

from clients.registry import Reference, Registries, RegistryError, logins, parts
from ops.errors import DONE, OperatorError
from ops.stack import add_arguments as add_stack_arguments
from ops.stack import load
from ops.terminal import say
from plan.names import PROJECT
from settings.models import IMAGES, Images

BUILT_HERE = "localhost/"
"""Images with this prefix are built on a machine, and are in no registry."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    add_stack_arguments(command)


def run(arguments: argparse.Namespace) -> int:
    stack = load(arguments)
    found = pinned(stack.settings.images, Registries(logins=_logins()))
    text = stack.file.read_text(encoding="utf-8")
    changed = with_images(text, found)
    if _images_in(changed) != {**_images_in(text), **found}:
        raise OperatorError(
            f"{stack.file}: images cannot be replaced in place; set them by hand:\n" + _lines(found)
        )
    say(_lines(found))
    if changed == text:
        say(f"{stack.file} has these digests already")
    else:
        stack.file.write_text(changed, encoding="utf-8")
        say(f"wrote {stack.file}; with images.requireDigests: true other images are rejected")
    return DONE


def _logins() -> dict[str, str]:
    try:
        return logins()
    except RegistryError as error:
        raise OperatorError(str(error)) from error


def _lines(images: dict[str, str]) -> str:
    return "\n".join(f"images.{key}: {image}" for key, image in images.items())


def pinned(images: Images, registries: Registries) -> dict[str, str]:
    """Each image with its digest, by its key. An image with a digest alone stays. Raises OperatorError."""
    found = {}
    for key in IMAGES:
        image = getattr(images, key)
        if image is None or image.startswith(BUILT_HERE):
            continue
        name, tag, digest = parts(image)
        if not tag:
            if not digest:
                raise OperatorError(f"images.{key}: {image} has no tag to resolve")
            found[key] = image
            continue
        try:
            reference = Reference(name=name, tag=tag)
            found[key] = f"{reference}@{registries.digest(reference)}"
        except RegistryError as error:
            raise OperatorError(f"images.{key}: {error}") from error
    return found


def with_images(text: str, images: dict[str, str]) -> str:
    """A stack file's text with these images, by their keys, and otherwise as it is."""
    config = _entry(yaml.compose(text, Loader=yaml.SafeLoader), "config")
    assert config is not None and config[1].value, "the stack was loaded from it"
    entry = _entry(config[1], f"{PROJECT}:images", "images")
    if entry is None:
        first = config[1].value[0][0].start_mark
        lines = "".join(f"\n{' ' * (first.column + 2)}{key}: {image}" for key, image in images.items())
        return f"{text[: first.index]}{PROJECT}:images:{lines}\n{' ' * first.column}{text[first.index :]}"
    mapping = entry[1]
    missing = {key: image for key, image in images.items() if _entry(mapping, key) is None}
    edits = [_insertion(text, mapping, missing)] if missing else []
    for key in images.keys() - missing.keys():
        own = _entry(mapping, key)
        assert own is not None
        edits.append(_replacement(text, own[1], images[key]))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _entry(node: Any, *names: str) -> tuple[Any, Any] | None:
    """Key and value of an entry of a mapping."""
    entries = node.value if isinstance(node, yaml.MappingNode) else ()
    return next(((key, value) for key, value in entries if key.value in names), None)


def _replacement(text: str, node: Any, image: str) -> tuple[int, int, str]:
    """Start, end and new text of a value, whose anchor and quotes stay."""
    start, end = node.start_mark.index, node.end_mark.index
    place = text.rfind(node.value, start, end)
    return (place, place + len(node.value), image) if place >= 0 else (start, end, image)


def _insertion(text: str, mapping: Any, images: dict[str, str]) -> tuple[int, int, str]:
    """Start, end and text of entries behind a mapping's last one."""
    key, value = mapping.value[-1]
    end = value.end_mark.index
    if mapping.flow_style:
        return end, end, "".join(f", {key}: {image}" for key, image in images.items())
    end = text.find("\n", end) if "\n" in text[end:] else len(text)
    indent = "\n" + " " * key.start_mark.column
    return end, end, "".join(f"{indent}{name}: {image}" for name, image in images.items())


def _images_in(text: str) -> dict[str, Any]:
    config = yaml.safe_load(text)["config"]
    found: dict[str, Any] = config.get(f"{PROJECT}:images") or config.get("images") or {}
    return found
