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
    """What is down, come what may; then what was stored, until it is told to stop.

    Raises OperatorError with what is still down. What is still stored is said, and harms nobody.
    """
    entries = target.journal.entries()
    signals.hold()
    left = [problem for one in reversed(entries) if one["what"] != MEMORIES if (problem := _try(target, one))]
    signals.release()
    if left:
        raise OperatorError("\n".join(left))
    for entry in entries:
        if entry["what"] == MEMORIES and (problem := _try(target, entry)):
            target.progress(f"the next drill tries again: {problem}")


def _try(target: Target, entry: Entry) -> str:
    """What is left of it; empty when it is put back."""
    try:
        target.progress(_put_back(target, entry))
    except OperatorError as error:
        return str(error)
    target.journal.remove(entry)
    return ""


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
            namespace = entry["namespace"]
            if namespace not in {company.namespace for company in target.stack.settings.companies}:
                return f"{namespace}, for which a drill had stored something, is no company any more"
            target.forgetting.forget(entry)
            return f"what a drill had stored for {namespace} is removed"
    raise OperatorError(f"{target.journal.path}: an entry of another version: {dict(entry)}")
