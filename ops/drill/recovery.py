"""Puts back what an earlier drill has left, by its journal alone."""

from __future__ import annotations

from ops.drill.cleanup import MEMORIES
from ops.drill.faults.kinds import LOCAL_FAULTS, FaultKind
from ops.drill.faults.node import mend_nodes
from ops.drill.faults.scaling import scale_all_back
from ops.drill.faults.zone import VOLUME, put_claim_back
from ops.drill.journal import Entry
from ops.drill.target import Target
from ops.errors import OperatorError
from ops.probing.signals import Signals


def recover(target: Target, signals: Signals) -> None:
    """First the faults, which no signal interrupts; then the markers.

    Raises OperatorError with what is still down. Markers that are still stored are only reported.
    """
    entries = target.journal.entries()
    faults = [each for each in reversed(entries) if each["what"] != MEMORIES]
    signals.hold()
    problems = [problem for entry in faults if (problem := _try(target, entry))]
    signals.release()
    if problems:
        raise OperatorError("\n".join(problems))
    for entry in entries:
        if entry["what"] == MEMORIES and (problem := _try(target, entry)):
            target.progress(f"the next drill tries again: {problem}")


def _try(target: Target, entry: Entry) -> str:
    """Returns what is left, empty when everything is put back."""
    try:
        target.progress(_put_back(target, entry))
    except OperatorError as error:
        return str(error)
    target.journal.remove(entry)
    return ""


def _put_back(target: Target, entry: Entry) -> str:
    """Returns what was done. Raises OperatorError."""
    kind = entry["what"]
    if kind in (FaultKind.SCALE, VOLUME):
        cluster = target.cluster(entry["cluster"])
        if cluster.api.uid() != entry["uid"]:
            return f"{cluster.name} is another cluster than the one where a drill scaled workloads away"
        return (scale_all_back if kind == FaultKind.SCALE else put_claim_back)(cluster, entry)
    if kind in LOCAL_FAULTS:
        return mend_nodes(entry, target.progress)
    if kind == MEMORIES:
        namespace = entry["namespace"]
        if namespace not in {company.namespace for company in target.stack.settings.companies}:
            return f"{namespace}, for which a drill had stored markers, is no company any more"
        target.cleanup.remove_markers(entry)
        return f"the markers that a drill had stored for {namespace} are removed"
    raise OperatorError(f"{target.journal.path}: an entry of another version: {dict(entry)}")
