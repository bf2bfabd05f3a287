"""Takes what a run stored off a company's volumes, in a way that their gates' loss guards know of.

The Brain's folder of the run is a table: a table that vanishes looks like a loss, and stops the copying. So
the gate is told beforehand, as `python -m ops accept-shrink` does, and only when nothing but the run's own
files goes: the order counts for the newest checkpoint alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from ops.memory import AGENT, BRAIN
from ops.terminal import rounds
from ops.validation.checkpoints import newest
from ops.validation.run import who
from ops.validation.verdicts import Failure
from ops.vault import Vault
from runtime.gate.snapshot import loss_guard
from runtime.gate.snapshot.checkpoint import Checkpoint

if TYPE_CHECKING:
    from ops.validation.pod_sites import PodSite

POLL_SECONDS = 1.0
STANDBY = "what the standby holds of it goes when it next takes over the serving memory"
_REMOVE = 'folder="$1"; shift; for file in "$@"; do rm -f "$folder/$file"; done'

Ours = Callable[[str], bool]
"""Whether a path of a volume is of this run."""


def forget(site: PodSite, spaces: Collection[str], asked: Collection[str]) -> str:
    """Remove the run's spaces from the Brain's volume, what questions left empty, the Agent's proposals."""
    done = []
    if asked:
        done.append(_forget_brain(site, spaces, asked))
    if site.proposals:
        _forget_proposals(site)
        done.append("proposal removed")
    return "; ".join(done) or "nothing was stored"


def _forget_brain(site: PodSite, spaces: Collection[str], asked: Collection[str]) -> str:
    # The company's own folder stays even if it is empty: its Brain may be about to write there.
    found = site.in_gate(BRAIN, "volume", {"prune": sorted({*asked, *spaces} - {site.company})})
    if not any(found[space] for space in spaces):
        return "nothing is left on the Brain's volume"
    if site.standby():
        return STANDBY

    def remove() -> None:
        left = site.in_gate(BRAIN, "volume", {"remove": sorted(spaces)})
        if remaining := [name for name, files in left.items() if files]:
            raise Failure(
                f"{', '.join(remaining)} is still on the Brain's volume of {who(site)}: remove it from"
                " .agent/brain by hand",
                site.look("gate"),
            )

    names = tuple(f"{space}/" for space in spaces)
    _remove(site, BRAIN, lambda path: path.startswith(names), remove)
    return f"{', '.join(sorted(spaces))} removed from the Brain's volume; its gate goes on copying"


def _forget_proposals(site: PodSite) -> None:
    files = sorted(site.proposals)
    _remove(site, AGENT, site.proposals.__contains__, lambda: site.in_agent("agent", _REMOVE, *files))


def _remove(site: PodSite, component: str, ours: Ours, act: Callable[[], object]) -> None:
    """Do what removes our files, with the leave of the volume's gate where it would take it for a loss.

    Raises Failure when the gate does not go on copying.
    """
    vault = site.vault(component)
    told = newest(site, vault) if vault else None
    if vault is None or told is None or not _is_loss(told, ours):
        act()
        return
    _require_calm(site, component)
    _order(vault, told)
    act()
    limit = 2 * site.stack.settings.replication.sync_interval + site.limits.copy_slack
    for _ in rounds(POLL_SECONDS, limit):
        now = newest(site, vault)
        if now is None or not any(map(ours, now.files)):
            return
        if now.id != told.id:
            # A copy that was made just before the files went: the order was for another.
            _order(vault, now)
            told = now
    raise Failure(
        f"the run's files are gone from the {component}'s volume of {who(site)}, and {limit:.0f} s later"
        f" there is no copy without them: {site.gate_says(component)}",
        site.look("gate"),
    )


def _is_loss(told: Checkpoint, ours: Ours) -> bool:
    """Whether the gate would take a volume without our files for one that was damaged."""
    left = {path: file for path, file in told.files.items() if not ours(path)}
    return len(left) < len(told.files) and loss_guard.loss(told, left, lambda path: b"") is not None


def _require_calm(site: PodSite, component: str) -> None:
    """Raises Failure while the guard holds for another reason: an order would let that loss through, too."""
    if (guarded := site.metric(component, "agency_loss_guard")) != 0:
        state = "is not known" if guarded is None else "holds already"
        raise Failure(
            f"the loss guard of the {component} of {who(site)} {state}, so what the run stored stays"
            f" there: {site.gate_says(component)}",
            site.look("gate"),
        )


def _order(vault: Vault, told: Checkpoint) -> None:
    vault.order(loss_guard.ACCEPT_SHRINK, {"checkpoint": str(told.id)})
