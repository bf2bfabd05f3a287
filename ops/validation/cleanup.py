"""Removes what a run stored."""

from __future__ import annotations

from collections.abc import Collection

from ops.probing.containers import AGENT, BRAIN
from ops.probing.test_data import Removal
from ops.validation.pod_target import PodTarget
from ops.validation.run import Run
from ops.validation.target import Target

STANDBY = "the standby's next swap for the primary's files removes it"


def remove(run: Run, target: Target) -> str:
    """Remove the run's files, and say what was removed. Raises Failure naming what is left."""
    if not isinstance(target, PodTarget):
        target.close()
        return "the processes are ended, their folders are removed"
    done = []
    if queried := run.queried.get(target):
        done.append(_remove_from_brain(target, run.marker(target).folder, queried))
    if target.proposals:
        _remove(target, AGENT, sorted(target.proposals))
        done.append("proposal removed")
    return "; ".join(done) or "nothing was stored"


def _remove_from_brain(target: PodTarget, folder: str, queried: Collection[str]) -> str:
    """The run's folder, and empty folders that queries about other companies left."""
    # The company's own folder stays even if it is empty: its Brain may be about to write there.
    prune = sorted({*queried, folder} - {target.company})
    if not target.brain.run("volume", {"prune": prune})["files"][folder]:
        return "nothing is left on the Brain's volume"
    if target.standby_reason():
        return STANDBY
    _remove(target, BRAIN, [folder])
    return f"{folder} removed from the Brain's volume; its gate goes on uploading"


def _remove(target: PodTarget, component: str, paths: Collection[str]) -> None:
    Removal(
        stack=target.stack,
        pod=target.pods[component],
        store=target.store(component),
        paths=paths,
        upload_seconds=target.limits.upload_slack,
    ).run()
