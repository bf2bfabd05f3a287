"""What this volume's memory is: on which checkpoint it stands, and what happened to it since."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from runtime.gate import durable
from runtime.gate.checkpoint import Base, Checkpoint, CheckpointId, parse
from runtime.gate.volume import GATE

STATE = "state.json"
TAKEN = "taken.json"
LINE = "line.json"


@dataclass(frozen=True, kw_only=True)
class State:
    """What is remembered of the memory in `.gate/state.json`."""

    generation: int = 0
    base: Base | None = None
    """The point in a region's line of checkpoints on which this memory stands."""
    raised: bool = False
    """Whether `generation` was raised here, for what was written here after `base`."""
    served: bool = False
    """Whether this region has served, caught up, since it took this memory: what was written is rightful."""
    serving: bool = False
    """Whether it served, caught up, when last seen."""
    announced: bool = False
    """Whether the own bucket may say that this region serves (SERVING)."""
    ranked: bool = False
    """Whether memories ranked by generation when last seen."""
    seen: int = 0
    """The highest generation seen anywhere."""
    swapped_at: float | None = None
    """When the memory was last exchanged for another: seconds, this machine's clock."""
    last_order: str | None = None
    """The operator's order that was carried out last."""
    unsent: tuple[str, ...] = ()
    """Folders below `diverged/` that are not in the bucket yet."""

    @property
    def highest(self) -> int:
        return max(self.generation, self.seen, self.base.checkpoint.generation if self.base else 0)

    def raise_generation(self) -> State:
        return replace(self, generation=self.highest + 1, seen=self.highest + 1, raised=True, served=True)


class Memory:
    """The files in which a volume's state is remembered. Each is replaced whole and synced."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / GATE

    def load(self, name: str = STATE) -> State | None:
        """None on a volume that no gate has had. Raises ValueError when the file is damaged."""
        told = durable.read_json(self.folder / name)
        if told is None:
            return None
        try:
            base = told.pop("base")
            return State(
                **{**told, "unsent": tuple(told["unsent"])},
                base=base and Base.parse(base),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{self.folder / name} is damaged: {error!r}") from error

    def save(self, state: State, name: str = STATE) -> None:
        told = {**asdict(state), "base": state.base and state.base.told()}
        durable.write_json(self.folder / name, told)

    def taken(self) -> Checkpoint | None:
        """The checkpoint that this memory was filled from."""
        return read_checkpoint(self.folder / TAKEN)

    def line(self) -> Checkpoint | None:
        """The newest checkpoint that was made of this memory here, since it was taken."""
        return read_checkpoint(self.folder / LINE)


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    durable.write_json(path, {"id": str(checkpoint.id), "checkpoint": json.loads(checkpoint.dump())})


def read_checkpoint(path: Path) -> Checkpoint | None:
    """What `write_checkpoint` wrote; None when there is nothing. Raises ValueError for anything else."""
    told = durable.read_json(path)
    if told is None:
        return None
    return parse(json.dumps(told["checkpoint"]), CheckpointId.parse(told["id"]))


def point(checkpoint: Checkpoint) -> Base:
    return Base(region=checkpoint.region, checkpoint=checkpoint.id)


def standing(checkpoint: Checkpoint) -> Base:
    """The point that a checkpoint's memory stands for.

    One that was written without raising the generation is a copy of the memory that it was taken from; it
    stands where that one does, or each copy would outrank what the serving region writes after it.
    """
    base = checkpoint.base
    if base is not None and base.checkpoint.generation == checkpoint.id.generation:
        return base
    return point(checkpoint)


def outranks(one: Base, other: Base, order: Sequence[str]) -> bool:
    """Whether the memory at `one` wins over that at `other`: by generation, then by its region's place in the
    order (a region that has left comes last), within one region's generation by time.

    Times of two regions are never compared.
    """
    if one.checkpoint.generation != other.checkpoint.generation:
        return one.checkpoint.generation > other.checkpoint.generation
    if one.region == other.region:
        return one.checkpoint.at > other.checkpoint.at
    return place(one.region, order) < place(other.region, order)


def place(region: str, order: Sequence[str]) -> int:
    return order.index(region) if region in order else len(order)
