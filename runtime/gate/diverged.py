"""What a winning memory does not hold: set aside on the volume, then in the bucket; never dropped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from runtime.gate import durable
from runtime.gate.checkpoint import DIVERGED, Checkpoint, is_write_once
from runtime.gate.durable import sync_folder
from runtime.gate.memory import State, point
from runtime.gate.store import Store
from runtime.gate.volume import GATE, GRAPH, Stat, Volume, parses_graph

LIST = "checkpoint.json"
"""In a folder below `diverged/`: the whole memory that was there, file by file."""
ASIDE = "here"
COPIED = "copied"
"""Of a file: it is no more, or not whole, on the volume; the own bucket has it."""
WINNER = "winner"
COPIED_SUFFIX = ".copied"
"""What was copied lies beside what was found broken."""


@dataclass(frozen=True, kw_only=True)
class Replaced:
    """A memory that has been moved out of the way, in layers: what was there, then what appeared
    meanwhile."""

    folder: Path
    component: str
    region: str
    state: State
    """Of the memory that was there."""
    known: Checkpoint | None
    """An ancestor of the winner, whose files the winner may have dropped rightfully."""
    line: Checkpoint | None
    """The newest checkpoint made of that memory, when the winner does not descend from it."""
    winner: Checkpoint


def name_of(milliseconds: int) -> str:
    """A folder's name below `diverged/`: the time, in UTC."""
    at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    return f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}Z"


LAYERS = 100


def free_time(root: Path, milliseconds: int) -> int:
    """The first time from this one on of which, and of LAYERS milliseconds, nothing is set aside."""
    while any(True for _ in made(root, milliseconds)):
        milliseconds += LAYERS
    return milliseconds


def made(root: Path, milliseconds: int) -> Iterator[str]:
    """The folders, one a layer, that an exchange at that time has made."""
    names = (name_of(milliseconds + layer) for layer in range(LAYERS))
    return (name for name in names if (root / DIVERGED / name).exists())


def set_aside(root: Path, replaced: Replaced, milliseconds: int) -> list[str]:
    """Move what the winner does not hold to `diverged/<time>/`, a folder a layer; return the folders' names.

    A layer that differs from the ancestor's files in nothing is left: the winner knows it. A call that was
    killed goes on where it was.
    """
    names = []
    layers = (
        sorted(int(entry.name) for entry in replaced.folder.iterdir()) if replaced.folder.exists() else []
    )
    for layer in layers:
        target = root / DIVERGED / name_of(milliseconds + layer)
        if not (target / LIST).exists():
            told = _told(replaced, Volume(replaced.folder / str(layer), replaced.component), first=layer == 0)
            if told is None:
                continue
            durable.write_json(target / LIST, told)
            sync_folder(root / DIVERGED)
            sync_folder(root)
        _move(replaced.folder / str(layer), target)
        names.append(target.name)
    return names


def send(root: Path, name: str, store: Store) -> int:
    """Store a folder of `diverged/` in the bucket, its list last; return how many files.

    What only the bucket has is first brought into the folder, so that it outlives its checkpoint. Raises
    StoreError.
    """
    folder = root / DIVERGED / name
    if not (folder / LIST).exists():
        return 0
    listed = _files(folder)
    _bring(root, folder, listed, store)
    paths = [path for path, file in listed.items() if file["where"] != WINNER]
    files = {f"{DIVERGED}/{name}/{path}": folder / path for path in paths if (folder / path).exists()}
    if files:
        store.upload(files, root / GATE / "sending")
    store.put(f"{DIVERGED}/{name}/{LIST}", (folder / LIST).read_bytes())
    return len(files)


def _bring(root: Path, folder: Path, listed: Mapping[str, Any], store: Store) -> None:
    copied = {path: file for path, file in listed.items() if file["where"] == COPIED}
    wanted = {path: file for path, file in copied.items() if not (folder / path).exists()}
    if not wanted:
        return
    into = root / GATE / "brought"
    store.download(sorted({file["key"] for file in wanted.values()}), into)
    for path, file in wanted.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f".{target.name}.new")
        shutil.copyfile(into / file["key"], aside)
        durable.sync_file(aside)
        durable.move(aside, target)
    durable.remove(into)


def _told(replaced: Replaced, tree: Volume, first: bool) -> dict[str, Any] | None:
    """The list of a layer; None when the winner, or its ancestor, holds all of it."""
    scanned = tree.scan()
    beyond = {path for path, stat in scanned.items() if not _held(replaced.winner, tree, path, stat)}
    copied = _only_copied(replaced, tree, scanned) if first else {}
    known = replaced.known
    if not copied and not any(
        known is None or not _held(known, tree, path, scanned[path]) for path in beyond
    ):
        return None
    files = {path: _entry(replaced, tree, path, stat, path in beyond) for path, stat in scanned.items()}
    return {
        "region": replaced.region,
        "generation": replaced.state.generation,
        "base": replaced.state.base and replaced.state.base.told(),
        WINNER: point(replaced.winner).told(),
        "files": {**files, **copied},
    }


def _entry(replaced: Replaced, tree: Volume, path: str, stat: Stat, aside: bool) -> dict[str, Any]:
    digest = tree.sha256(path) if aside else replaced.winner.files[path].sha256
    return {"size": stat.size, "sha256": digest, "where": ASIDE if aside else WINNER}


def _only_copied(replaced: Replaced, tree: Volume, scanned: Mapping[str, Stat]) -> dict[str, Any]:
    """What was copied, and is neither in the winner nor on the volume any more, or is torn there."""
    copied = {}
    for path, file in (replaced.line.files if replaced.line else {}).items():
        winning = replaced.winner.files.get(path)
        if winning is not None and winning.sha256 == file.sha256:
            continue
        broken = path in scanned and path.endswith(f"/{GRAPH}") and not parses_graph(tree.root / path)
        if path not in scanned or broken:
            entry = {"size": file.size, "sha256": file.sha256, "where": COPIED, "key": file.key}
            copied[f"{path}{COPIED_SUFFIX}" if broken else path] = entry
    return copied


def _held(checkpoint: Checkpoint, tree: Volume, path: str, stat: Stat) -> bool:
    """Whether the checkpoint has this very file. Names in the write-once folders are never given twice."""
    file = checkpoint.files.get(path)
    if file is None or file.size != stat.size:
        return False
    return is_write_once(path) or tree.sha256(path) == file.sha256


def _move(layer: Path, target: Path) -> None:
    folders = {target}
    for path, file in _files(target).items():
        source = layer / path
        if file["where"] == ASIDE and source.exists():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            os.rename(source, target / path)
            folders |= {target / parent for parent in Path(path).parents}
    for folder in sorted(folders, reverse=True):
        sync_folder(folder)


def _files(folder: Path) -> dict[str, Any]:
    listed: dict[str, Any] = durable.read_json(folder / LIST)["files"]
    return listed
