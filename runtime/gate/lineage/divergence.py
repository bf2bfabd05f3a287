"""Diverged files: those that a winning snapshot does not contain. They are moved to `diverged/` on the
volume and uploaded from there; they are never dropped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from runtime.documents import Document, InvalidDocument
from runtime.gate.lineage.ancestry import Ancestry
from runtime.gate.lineage.state import LineageState
from runtime.gate.snapshot.checkpoint import Checkpoint, path_below
from runtime.gate.snapshot.hashes import Hashes, Stat
from runtime.gate.snapshot.lance import is_write_once
from runtime.gate.snapshot.volume import GATE_FOLDER, GRAPH, Volume, parses_graph
from runtime.gate.storage import durable
from runtime.gate.storage.bucket import Store
from runtime.gate.storage.files import remove
from runtime.gate.storage.keys import DIVERGED, is_collectable

LIST = "checkpoint.json"
"""In a folder below `diverged/`: all files of the replaced snapshot. Its JSON values:"""
HERE = "here"
"""The file is in this folder."""
COPIED = "copied"
"""The file is missing or damaged on the volume; the own bucket has it."""
WINNER = "winner"
"""The winning snapshot contains the file."""
COPIED_SUFFIX = ".copied"
"""Of an uploaded file that is kept beside its damaged version."""
UNCOPIED_SUFFIX = ".uncopied"
"""Of a folder below `diverged/`: links, special files and unreadable files that a swap moved out."""
LAYERS = 100


@dataclass(frozen=True, kw_only=True)
class ReplacedFiles:
    """The files that a swap moved out, in layers: first the active files, then what appeared meanwhile."""

    folder: Path
    component: str
    region: str
    state: LineageState
    """Of the replaced files."""
    ancestry: Ancestry
    winner: Checkpoint
    hashes: Hashes
    """Of the active files before they were moved out."""


def folder_name(milliseconds: int) -> str:
    """Below `diverged/`: the time, in UTC."""
    at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    return f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}Z"


def free_time(root: Path, milliseconds: int) -> int:
    """The first time from this one on that has LAYERS unused folder names."""
    while any(True for _ in folders_of(root, milliseconds)):
        milliseconds += LAYERS
    return milliseconds


def folders_of(root: Path, milliseconds: int) -> Iterator[str]:
    """The folders, one a layer, that the swap of that time has made."""
    names = (folder_name(milliseconds + layer) for layer in range(LAYERS))
    return (name for name in names if (root / DIVERGED / name).exists())


def set_aside(root: Path, replaced: ReplacedFiles, milliseconds: int) -> list[str]:
    """Move what the winner does not contain to `diverged/<time>/`, a folder a layer; return the folders'
    names.

    A layer whose files the ancestor contains is dropped: the winner knows it. A call that was killed can be
    repeated.
    """
    names = []
    layers = (
        sorted(int(entry.name) for entry in replaced.folder.iterdir()) if replaced.folder.exists() else []
    )
    for layer in layers:
        target = root / DIVERGED / folder_name(milliseconds + layer)
        files = Volume(replaced.folder / str(layer), replaced.component, hashes=replaced.hashes)
        if not (target / LIST).exists():
            content = _list(replaced, files, first=layer == 0)
            if content is not None:
                durable.write_json(target / LIST, content)
                durable.sync_folder(root / DIVERGED)
                durable.sync_folder(root)
        if (target / LIST).exists():
            _move(replaced.folder / str(layer), target)
            names.append(target.name)
        _move_uncopied(files, root / DIVERGED / f"{target.name}{UNCOPIED_SUFFIX}")
    return names


def _move_uncopied(files: Volume, target: Path) -> None:
    """What no snapshot holds is in no bucket either: it is kept on the volume."""
    for path in files.uncopied():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        os.rename(files.root / path, target / path)
    if target.exists():
        durable.sync_folder(target)


def upload_diverged(root: Path, name: str, store: Store) -> int:
    """Upload a folder of `diverged/`, its list last; return how many files.

    Files that only the bucket has are downloaded into the folder first, so that they outlive their
    checkpoint. Raises StoreError.
    """
    folder = root / DIVERGED / name
    if not (folder / LIST).exists():
        return 0
    listed = _files(folder)
    _download(root, folder, listed, store)
    paths = [path for path, file in listed.items() if file["where"] != WINNER]
    files = {f"{DIVERGED}/{name}/{path}": folder / path for path in paths if (folder / path).exists()}
    if files:
        store.upload_anew(files, root / GATE_FOLDER / "sending", root=root)
    store.upload_anew({f"{DIVERGED}/{name}/{LIST}": folder / LIST}, root / GATE_FOLDER / "sending", root=root)
    return len(files)


def _download(root: Path, folder: Path, listed: Mapping[str, Any], store: Store) -> None:
    copied = {path: file for path, file in listed.items() if file["where"] == COPIED}
    wanted = {path: file for path, file in copied.items() if not (folder / path).exists()}
    if not wanted:
        return
    into = root / GATE_FOLDER / "brought"
    store.download(sorted({file["key"] for file in wanted.values()}), into)
    for path, file in wanted.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.new")
        shutil.copyfile(into / file["key"], temporary)
        durable.sync_file(temporary)
        durable.move(temporary, target)
    remove(into)


def _list(replaced: ReplacedFiles, files: Volume, *, first: bool) -> dict[str, Any] | None:
    """The list of a layer; None when the winner, or its ancestor, contains all of it."""
    scanned = {path: stat for path, stat in files.scan().items() if files.is_readable(path)}
    beyond = {path for path, stat in scanned.items() if not _contains(replaced.winner, files, path, stat)}
    copied = _only_uploaded(replaced, files, scanned) if first else {}
    known = replaced.ancestry.known
    if not copied and not any(
        known is None or not _contains(known, files, path, scanned[path]) for path in beyond
    ):
        return None
    entries = {path: _entry(replaced, files, path, stat, path in beyond) for path, stat in scanned.items()}
    return {
        "region": replaced.region,
        "generation": replaced.state.generation,
        "base": replaced.state.base and replaced.state.base.to_json(),
        WINNER: replaced.winner.ref.to_json(),
        "files": {**entries, **copied},
    }


def _entry(replaced: ReplacedFiles, files: Volume, path: str, stat: Stat, beyond: bool) -> dict[str, Any]:
    digest = files.sha256(path) if beyond else replaced.winner.files[path].sha256
    return {"size": stat.size, "sha256": digest, "where": HERE if beyond else WINNER}


def _only_uploaded(replaced: ReplacedFiles, files: Volume, scanned: Mapping[str, Stat]) -> dict[str, Any]:
    """Uploaded files that the winner does not contain and that are missing or damaged on the volume."""
    entries = {}
    diverged = replaced.ancestry.diverged
    for path, file in (diverged.files if diverged else {}).items():
        winning = replaced.winner.files.get(path)
        if winning is not None and winning.sha256 == file.sha256:
            continue
        damaged = path in scanned and path.endswith(f"/{GRAPH}") and not parses_graph(files.root / path)
        if path not in scanned or damaged:
            entry = {"size": file.size, "sha256": file.sha256, "where": COPIED, "key": file.key}
            entries[f"{path}{COPIED_SUFFIX}" if damaged else path] = entry
    return entries


def _contains(checkpoint: Checkpoint, files: Volume, path: str, stat: Stat) -> bool:
    """Names in write-once folders are never reused, so their hashes need not be compared."""
    file = checkpoint.files.get(path)
    if file is None or file.size != stat.size:
        return False
    return is_write_once(path) or files.sha256(path) == file.sha256


def _move(layer: Path, target: Path) -> None:
    folders = {target}
    for path, file in _files(target).items():
        source = layer / path
        if file["where"] == HERE and source.exists():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            os.rename(source, target / path)
            folders |= {target / parent for parent in Path(path).parents}
    for folder in sorted(folders, reverse=True):
        durable.sync_folder(folder)


def _files(folder: Path) -> dict[str, Any]:
    listed = durable.read_document(folder / LIST)
    if listed is None:
        return {}
    files = listed.object("files")
    return {path_below(path): _listed(files.object(path)) for path in files.names()}


def _listed(content: Document) -> dict[str, Any]:
    key = {"key": _key(content.text("key"))} if content.has("key") else {}
    return {"where": content.text("where"), **key}


def _key(key: str) -> str:
    if not is_collectable(path_below(key)):
        raise InvalidDocument(f"not a key of a file: {key!a}")
    return key
