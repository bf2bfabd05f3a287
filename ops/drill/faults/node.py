"""The faults `node` and `network`, on the local target: the region's node is stopped, or its network cut."""

from __future__ import annotations

from pathlib import Path

from local.machine.files import LocalError, Progress
from ops.drill.faults.kinds import NAMES, FaultKind, retried
from ops.drill.journal import Entry, Journal
from ops.errors import OperatorError


class NodeFault:
    def __init__(
        self, kind: FaultKind, state: Path, region: str, journal: Journal, progress: Progress
    ) -> None:
        self._entry: Entry = {"what": kind, "region": region, "state": str(state.resolve())}
        self._kind, self._journal, self._progress = kind, journal, progress
        self.cut_off = kind is FaultKind.NETWORK

    def prepare(self) -> None:
        pass

    def inject(self) -> str:
        from local.cluster.nodes import faults

        state, region = Path(self._entry["state"]), self._entry["region"]
        self._journal.add(self._entry)
        try:
            faults.cut(state, region) if self.cut_off else faults.stop(state, region)
        except (LocalError, OSError) as error:
            raise OperatorError(f"{region}: {NAMES[self._kind]}: {error}") from error
        return f"{NAMES[self._kind]} in {region}"

    def remove(self) -> str:
        if self._entry not in self._journal.entries():
            return "no node was changed"
        done = mend_node(self._entry, self._progress)
        self._journal.remove(self._entry)
        return done


def mend_node(entry: Entry, progress: Progress) -> str:
    """Raises OperatorError."""
    from local.cluster.nodes import faults

    state, region = Path(entry["state"]), entry["region"]
    if not state.exists():
        return f"{state} is gone, and the node of {region} with it"
    if entry["what"] == FaultKind.NODE:
        problem, done = retried(lambda: faults.start(state, region, progress)), f"node of {region} started"
    else:
        problem, done = retried(lambda: faults.reconnect(state, region)), f"network of {region} mended"
    if problem:
        raise OperatorError(f"the node of {region} is not put back ({problem}): repeat with --restore")
    return done
