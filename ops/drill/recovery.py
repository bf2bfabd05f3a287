"""Puts back what a drill has left: by its journal alone."""

from __future__ import annotations

from ops.drill.forgetting import MEMORIES
from ops.drill.journal import Entry
from ops.drill.outages import mend, scale_back
from ops.drill.signals import Signals
from ops.drill.ways import Way
from ops.drill.world import Target
from ops.errors import OperatorError


def recover(target: Target, signals: Signals) -> None:
    """All of it, the newest first. Raises OperatorError with what is left."""
    left = []
    signals.hold()
    for entry in reversed(target.journal.entries()):
        try:
            target.progress(_put_back(target, entry))
            target.journal.remove(entry)
        except OperatorError as error:
            left.append(str(error))
    signals.release()
    if left:
        raise OperatorError("\n".join(left))


def _put_back(target: Target, entry: Entry) -> str:
    """What was done. Raises OperatorError."""
    match entry["what"]:
        case Way.SCALE:
            cluster = target.cluster(entry["cluster"])
            if cluster.api.uid() != entry["uid"]:
                return f"{cluster.name} is another cluster than the one where a drill scaled workloads away"
            return scale_back(cluster, entry)
        case Way.NODE | Way.NETWORK:
            return mend(entry, target.progress)
        case _ if entry["what"] == MEMORIES:
            target.forgetting.forget(entry)
            return f"what a drill had stored for {entry['namespace']} is removed"
    raise OperatorError(f"{target.journal.path}: an entry of another version: {dict(entry)}")
