"""The faults `node`, `zone` and `network`, on the local target: nodes are stopped, or the network is cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ops.drill.faults.kinds import NAMES, FaultKind, retried
from ops.drill.journal import Entry, Journal
from ops.errors import OperatorError
from ops.local_target import LocalNodes


class NodeFault:
    """`zone`: the only zone of the region whose node is stopped."""

    def __init__(
        self,
        kind: FaultKind,
        state: Path,
        region: str,
        journal: Journal,
        progress: Callable[[str], None],
        zone: str = "",
    ) -> None:
        self._entry: Entry = {"what": kind, "region": region, "zone": zone, "state": str(state.resolve())}
        self._kind, self._journal, self._progress = kind, journal, progress
        self.cut_off = kind is FaultKind.NETWORK

    def prepare(self) -> None:
        pass

    def inject(self) -> str:
        nodes = _nodes(self._entry)
        self._journal.add(self._entry)
        nodes.cut() if self.cut_off else nodes.stop()
        return f"{NAMES[self._kind]} in {nodes.region}{f': {nodes.zone}' if nodes.zone else ''}"

    def bring_back(self) -> str:
        return ""

    def remove(self) -> str:
        if self._entry not in self._journal.entries():
            return "no node was changed"
        done = mend_nodes(self._entry, self._progress)
        self._journal.remove(self._entry)
        return done


def mend_nodes(entry: Entry, progress: Callable[[str], None]) -> str:
    """Raises OperatorError."""
    nodes = _nodes(entry)
    if not nodes.state.exists():
        return f"{nodes.state} is gone, and {nodes} with it"
    if entry["what"] == FaultKind.NETWORK:
        problem, done = retried(nodes.reconnect), f"network of {nodes.region} mended"
    else:
        problem, done = retried(lambda: nodes.start(progress)), f"started {nodes}"
    if problem:
        raise OperatorError(f"{nodes} not put back ({problem}): repeat with --restore")
    return done


def _nodes(entry: Entry) -> LocalNodes:
    return LocalNodes(state=Path(entry["state"]), region=entry["region"], zone=entry.get("zone", ""))
