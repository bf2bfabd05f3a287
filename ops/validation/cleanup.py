"""Removes what a run stored, in a way that the gates' loss guards accept.

The run's folder in a Brain is a table, and a table that vanishes looks like a loss: the gate would stop its
uploads. So the suite sends the gate a request first, as `python -m ops accept-shrink` does, and only when
nothing but the run's own files goes: the request counts for the newest checkpoint alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from ops.validation.pod_target import PodTarget
from ops.validation.run import Run
from ops.validation.target import AGENT, BRAIN, Target, wait_until
from ops.vault import Vault
from runtime.gate.snapshot import loss_guard
from runtime.gate.snapshot.checkpoint import Checkpoint

POLL_SECONDS = 1.0
STANDBY = "what the standby has of it goes with its next swap for the primary's files"
_REMOVE = 'folder="$1"; shift; for file in "$@"; do rm -f "$folder/$file"; done'

IsMarker = Callable[[str], bool]
"""Whether a path of a volume belongs to the run."""


def remove(run: Run, target: Target) -> str:
    """Remove the run's files, and say what was removed. Raises Failure naming what is left."""
    if not isinstance(target, PodTarget):
        target.close()
        return "the processes are ended, their folders are removed"
    done = []
    if queried := run.queried.get(target):
        done.append(_remove_from_brain(target, run.marker(target).folder, queried))
    if target.proposals:
        files = sorted(target.proposals)
        is_marker = target.proposals.__contains__
        _remove_accepted(target, AGENT, is_marker, lambda: target.run_in_agent(_REMOVE, *files))
        done.append("proposal removed")
    return "; ".join(done) or "nothing was stored"


def _remove_from_brain(target: PodTarget, folder: str, queried: Collection[str]) -> str:
    """The run's folder, and empty folders that queries about other companies left."""
    # The company's own folder stays even if it is empty: its Brain may be about to write there.
    prune = sorted({*queried, folder} - {target.company})
    if not target.run_in_gate(BRAIN, "volume", {"prune": prune})[folder]:
        return "nothing is left on the Brain's volume"
    if target.standby_reason():
        return STANDBY

    def act() -> None:
        if target.run_in_gate(BRAIN, "volume", {"remove": [folder]})[folder]:
            raise target.gate_failure(
                BRAIN,
                f"{folder} is still on the Brain's volume of {target.name}: remove it from .agent/brain by"
                " hand",
            )

    _remove_accepted(target, BRAIN, lambda path: path.startswith(f"{folder}/"), act)
    return f"{folder} removed from the Brain's volume; its gate goes on uploading"


def _remove_accepted(
    target: PodTarget, component: str, is_marker: IsMarker, act: Callable[[], object]
) -> None:
    """Do what removes the run's files, after a request to the gate where it would see a loss.

    Raises Failure when the gate does not go on uploading.
    """
    vault = target.vault(component)
    newest = target.newest_checkpoint(vault) if vault else None
    if vault is None or newest is None or not _looks_like_loss(newest, is_marker):
        act()
        return
    require_calm(target, component)
    _accept_shrink(vault, newest)
    act()
    accepted = newest.id

    def is_uploaded() -> bool:
        nonlocal accepted
        now = target.newest_checkpoint(vault)
        if now is None or not any(map(is_marker, now.files)):
            return True
        if now.id != accepted:
            # An upload just before the files went: the request was for an older checkpoint.
            _accept_shrink(vault, now)
            accepted = now.id
        return False

    limit = 2 * target.stack.settings.replication.sync_interval + target.limits.upload_slack
    what = f"the gate of the {component} of {target.name} uploads without the run's files"
    if wait_until(is_uploaded, limit, what, POLL_SECONDS) is None:
        raise target.gate_failure(
            component,
            f"the run's files are gone from the {component}'s volume of {target.name}, and {limit:.0f} s"
            f" later there is no checkpoint without them: {target.gate_report(component)}",
        )


def _looks_like_loss(checkpoint: Checkpoint, is_marker: IsMarker) -> bool:
    """Whether the gate would take a volume without the run's files for a damaged volume."""
    rest = {path: file for path, file in checkpoint.files.items() if not is_marker(path)}
    if len(rest) == len(checkpoint.files):
        return False
    return loss_guard.loss(checkpoint, rest, lambda path: b"") is not None


def require_calm(target: PodTarget, component: str) -> None:
    """Raises Failure while the loss guard holds already: the request would accept that loss, too."""
    holds = target.metric(component, "agency_loss_guard")
    if holds != 0:
        state = "is not known" if holds is None else "holds already"
        raise target.gate_failure(
            component,
            f"the loss guard of the {component} of {target.name} {state}, so what the run stored stays there:"
            f" {target.gate_report(component)}",
        )


def _accept_shrink(vault: Vault, checkpoint: Checkpoint) -> None:
    vault.order(loss_guard.ACCEPT_SHRINK, {"checkpoint": str(checkpoint.id)})
