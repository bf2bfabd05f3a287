"""The faults `node` and `network`, on the local target: the region's node is stopped, or its network cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ops.drill.faults.kinds import NAMES, FaultKind, retried
from ops.drill.journal import Entry, Journal
from ops.errors import OperatorError
from ops.local_target import LocalNode


class NodeFault:
    def __init__(
        self, kind: FaultKind, state: Path, region: str, journal: Journal, progress: Callable[[str], None]
    ) -> None:
        self._entry: Entry = {"what": kind, "region": region, "state": str(state.resolve())}
        self._kind, self._journal, self._progress = kind, journal, progress
        self.cut_off = kind is FaultKind.NETWORK

    def prepare(self) -> None:
        pass

    def inject(self) -> str:
        node = _node(self._entry)
        self._journal.add(self._entry)
        node.cut() if self.cut_off else node.stop()
        return f"{NAMES[self._kind]} in {node.region}"

    def remove(self) -> str:
        if self._entry not in self._journal.entries():
            return "no node was changed"
        done = mend_node(self._entry, self._progress)
        self._journal.remove(self._entry)
        return done


def mend_node(entry: Entry, progress: Callable[[str], None]) -> str:
    """Raises OperatorError."""
    node = _node(entry)
    if not node.state.exists():
        return f"{node.state} is gone, and the node of {node.region} with it"
    if entry["what"] == FaultKind.NODE:
        problem, done = retried(lambda: node.start(progress)), f"node of {node.region} started"
    else:
        problem, done = retried(node.reconnect), f"network of {node.region} mended"
    if problem:
        raise OperatorError(f"the node of {node.region} is not put back ({problem}): repeat with --restore")
    return done


def _node(entry: Entry) -> LocalNode:
    return LocalNode(state=Path(entry["state"]), region=entry["region"])
