"""Checkpoints that are stored as what changed since another one of the same writer, which lists all files."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from runtime import documents
from runtime.documents import Document, InvalidDocument
from runtime.gate.snapshot.checkpoint import (
    LARGEST,
    UPLOADED,
    Checkpoint,
    entries,
    load_checkpoint,
    parse_checkpoint,
    parse_files,
    parse_head,
    remember,
    remembered,
    save_checkpoint,
    save_stored,
)
from runtime.gate.storage import durable
from runtime.gate.storage.files import remove
from runtime.gate.storage.keys import CheckpointId, CheckpointName

CHANGES = "line.changes.json"
"""Beside UPLOADED on the volume: what changed since the checkpoint there, if anything did."""


def dump_changes(checkpoint: Checkpoint, since: CheckpointId, paths: Collection[str]) -> str:
    """What became of `paths`: of all that changed since that whole list, and perhaps of others.

    It has no `files`, without which a gate that knows only whole lists takes it for damaged. Raises
    CheckpointTooLarge.
    """
    files = checkpoint.files
    return checkpoint.dump_with(
        {
            "since": json.dumps(str(since)),
            "count": str(len(files)),
            "changed": entries({path: files[path] for path in paths if path in files}),
            "removed": json.dumps({path: True for path in sorted(paths) if path not in files}),
        }
    )


def read_checkpoint(
    name: CheckpointName, read: Callable[[str], bytes], known: Checkpoint | None = None
) -> Checkpoint:
    """`read` gives an object below the writer's prefix; `known` is an older checkpoint of the same writer.

    Raises ValueError for anything but a checkpoint of this name, and the errors of `read`.
    """
    if name.since is None:
        return parse_checkpoint(read(name.key), name.id)
    changes = _parse(read(name.key), name)
    if known is not None and known.id < name.id and name.since in (known.id, known.since):
        with suppress(InvalidDocument):  # Else it is not what the writer had then.
            # All that changed until then is among the changes until now.
            return _changed(known, changes, name)
    return _changed(parse_checkpoint(read(name.since.key), name.since), changes, name)


def named_keys(data: bytes, name: CheckpointName) -> set[str]:
    """The keys in this document. Raises ValueError as `read_checkpoint` does."""
    if name.since is None:
        files = parse_checkpoint(data, name.id).files
    else:
        changes = _parse(data, name)
        parse_head(changes, name.id)
        files = parse_files(changes.object("changed"))
    return {file.key for file in files.values()}


def save_uploaded(folder: Path, checkpoint: Checkpoint, name: CheckpointName, content: bytes) -> None:
    """`content`: of the checkpoint, as it is stored in the bucket under that name."""
    whole, changes = folder / UPLOADED, folder / CHANGES
    if name.since is None:
        save_stored(whole, str(name), content)
        remember(whole, checkpoint)
        remove(changes)
    elif (known := load_checkpoint(whole)) is not None and known.id == name.since:
        save_stored(changes, str(name), content)
        remember(changes, checkpoint)
    else:
        save_checkpoint(whole, checkpoint)


def load_uploaded(folder: Path) -> Checkpoint | None:
    """What `save_uploaded` wrote; None without it. Raises ValueError for anything else."""
    whole = load_checkpoint(folder / UPLOADED)
    if whole is None:
        return None
    if (known := remembered(folder / CHANGES)) is not None:
        return known if known.since == whole.id else whole
    content = durable.read_document(folder / CHANGES)
    if content is None:
        return whole
    name = CheckpointName.parse(content.text("id"))
    if name.since != whole.id:
        return whole  # It belongs to files that were replaced.
    checkpoint = _changed(whole, content.object("checkpoint"), name)
    remember(folder / CHANGES, checkpoint)
    return checkpoint


def _parse(data: bytes, name: CheckpointName) -> Document:
    return documents.parse(data, f"checkpoint {name}", limit=LARGEST)


def _changed(earlier: Checkpoint, changes: Document, name: CheckpointName) -> Checkpoint:
    """The checkpoint that has these changes since an earlier one."""
    files = {**earlier.files, **parse_files(changes.object("changed"))}
    for path in changes.object("removed").names():
        files.pop(path, None)
    if changes.text("since") != str(name.since) or changes.number("count") != len(files):
        raise InvalidDocument(f"checkpoint {name}: are not the changes since {name.since}")
    return Checkpoint(**parse_head(changes, name.id), files=files, since=name.since)
