"""The lineage of the active files: which checkpoint they were restored from, and what happened since."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from runtime.documents import Document
from runtime.gate.snapshot.checkpoint import (
    REQUEST,
    RESTORED,
    Checkpoint,
    CheckpointRef,
    load_checkpoint,
)
from runtime.gate.snapshot.checkpoint_changes import load_uploaded
from runtime.gate.snapshot.volume import GATE_FOLDER
from runtime.gate.storage import durable, reserve

STATE = "state.json"
UNSENT = re.compile(r"(?!\.)[^/]+")
"""The name of a folder below `diverged/`."""


@dataclass(frozen=True, kw_only=True)
class LineageState:
    """The file `.gate/state.json`; its keys are these names."""

    generation: int = 0
    base: CheckpointRef | None = None
    """The checkpoint from which the active files were restored (its `origin`)."""
    raised: bool = False
    """Whether this region raised `generation`, for files that it wrote after `base`."""
    served: bool = False
    """Whether this region has been primary with these files: what was written since is legitimate."""
    serving: bool = False
    """Whether this region was primary in the last round."""
    primary_at: float | None = None
    """When this region last looked whether it is still the only primary: seconds, by this machine's clock."""
    announced: bool = False
    """Whether the own bucket may say that this region is primary."""
    ranked: bool = False
    """Whether snapshots ranked by generation in the last round."""
    seen: int = 0
    """The highest generation seen in any bucket."""
    swapped_at: float | None = None
    """Time of the last swap: seconds, by this machine's clock."""
    last_order: str | None = None
    """The restore request that was carried out last."""
    unsent: tuple[str, ...] = ()
    """Folders below `diverged/` that are not in the bucket yet."""

    @classmethod
    def parse(cls, content: Document) -> LineageState:
        """Absent keys, which an older version did not know, have their default. Raises ValueError."""
        return cls(
            generation=content.number("generation", default=0),
            raised=content.flag("raised", default=False),
            served=content.flag("served", default=False),
            serving=content.flag("serving", default=False),
            announced=content.flag("announced", default=False),
            ranked=content.flag("ranked", default=False),
            seen=content.number("seen", default=0),
            base=CheckpointRef.parse(content.object("base")) if content.has("base") else None,
            swapped_at=content.seconds("swapped_at") if content.has("swapped_at") else None,
            last_order=content.text("last_order", pattern=REQUEST) if content.has("last_order") else None,
            primary_at=content.seconds("primary_at") if content.has("primary_at") else None,
            unsent=content.texts("unsent", pattern=UNSENT) if content.has("unsent") else (),
        )

    @property
    def highest(self) -> int:
        return max(self.generation, self.seen, self.base.checkpoint.generation if self.base else 0)

    def raise_generation(self) -> LineageState:
        return replace(self, generation=self.highest + 1, seen=self.highest + 1, raised=True, served=True)

    def after_request(self, checkpoint: Checkpoint | None) -> LineageState:
        """The request that was carried out last, by this region's newest checkpoint if this volume forgot."""
        requests = [self.last_order, checkpoint.request if checkpoint else None]
        return replace(self, last_order=max((each for each in requests if each), key=int, default=None))

    def as_primary(self, *, ranked: bool) -> LineageState:
        return replace(self, serving=True, served=True, ranked=ranked)

    def restored_from(self, checkpoint: Checkpoint, *, ranked: bool, now: float) -> LineageState:
        """After the swap for this snapshot. `now`: seconds since the epoch."""
        generation = checkpoint.id.generation
        return replace(
            self,
            generation=generation if ranked else max(self.generation, generation),
            base=checkpoint.origin,
            raised=False,
            served=False,
            ranked=ranked,
            seen=max(self.highest, generation),
            swapped_at=now,
        )

    def restored_by_request(
        self, checkpoint: Checkpoint, request: str, *, ranked: bool, now: float
    ) -> LineageState:
        """After an operator's restore request: the snapshot outranks all others."""
        raised = replace(self, seen=max(self.highest, checkpoint.id.generation)).raise_generation()
        return replace(raised, base=checkpoint.ref, ranked=ranked, last_order=request, swapped_at=now)


class StateFiles:
    """The records of a lineage in the gate's folder. Each file is replaced atomically and synced."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / GATE_FOLDER

    def load(self, name: str = STATE) -> LineageState | None:
        """None on a new volume. Raises ValueError when the file is damaged."""
        content = durable.read_document(self.folder / name)
        return None if content is None else LineageState.parse(content)

    def save(self, state: LineageState, name: str = STATE) -> None:
        """Keys of a newer version stay as they are, for the day on which it returns."""
        current = durable.read_document(self.folder / STATE)
        newer = current.others({field.name for field in fields(LineageState)}) if current else {}
        content = {**newer, **asdict(state), "base": state.base and state.base.to_json()}
        reserve.with_reserve(self.root, lambda: durable.write_json(self.folder / name, content))

    def restored(self) -> Checkpoint | None:
        """The checkpoint from which the active files were restored."""
        return load_checkpoint(self.folder / RESTORED)

    def uploaded(self) -> Checkpoint | None:
        """The newest checkpoint of the active files that was uploaded since."""
        return load_uploaded(self.folder)
