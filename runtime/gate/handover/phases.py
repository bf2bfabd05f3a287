"""The state machine of a gate's region: phases, and the decisions within each phase. All functions are pure;
`coordinator.py` observes, asks them, and acts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from runtime.gate.handover.roles import Role

SWAP_SECONDS = 15 * 60.0
"""Between two swaps without a promotion: the kubelet forgets its restart back-off after ten minutes."""
BUCKET_SECONDS = 120.0
"""How long catching up waits while no other region's bucket can be read."""
CLAIM_SECONDS = 120.0
"""How long the region of higher priority waits, after it saw another region's newer snapshot, until it
claims that both were primary. Its own flag may be delayed: a kubelet that was cut off mounts it when it is
connected again and has synchronised its volumes, which it does each minute."""
RESUME_SECONDS = 180.0
"""How long after it was primary a region whose gate starts again still is. Within this time it would have
claimed, or had its own flag."""
HANDOVER_SECONDS = 60.0
"""How long catching up waits for the last upload of the former primary, or for space on the volume while the
region that wrote the newest snapshot is not flagged. Then the region serves what it has, before the
controllers send clients to it in any case (`reopening.LIMIT_SECONDS`)."""


class Phase(Enum):
    ACTIVE = "active"
    """The region follows nobody: its files are its own."""
    STANDBY = "standby"
    """Another region is primary; its snapshots are staged, and swapped in now and then."""
    CATCHING_UP = "catching up"
    """Promoted: the newest snapshot is searched and restored before clients are let in."""
    PRIMARY = "primary"
    """Clients are let in; what they write raises the generation."""
    DEMOTED = "demoted"
    """For one round after PRIMARY: the next primary waits for this region's last upload."""


def next_phase(phase: Phase, *, role: Role, follows: bool) -> Phase:
    """At the start of a round. `follows`: whether the region follows others."""
    if not follows:
        return Phase.ACTIVE
    if role is Role.PRIMARY:
        return Phase.PRIMARY if phase is Phase.PRIMARY else Phase.CATCHING_UP
    return Phase.DEMOTED if phase is Phase.PRIMARY else Phase.STANDBY


class CatchUpStep(Enum):
    KEEP = "become primary with the active files, whatever others have"
    AWAIT_HANDOVER = "wait for the last upload of the former primary"
    RESTORE = "restore the best snapshot, then scan again"
    SERVE = "become primary: no other snapshot wins"
    AWAIT_BUCKETS = "wait until another region's bucket can be read"
    GIVE_UP = "become primary without having read another region's bucket"


@dataclass(frozen=True, kw_only=True)
class CatchUpView:
    """What a region that catches up sees in one round."""

    waited: float
    """Seconds since its promotion."""
    state_known: bool = True
    """Whether the lineage of the active files is known; only a bucket may tell."""
    owned: bool = False
    """The active files are this region's alone, or clients may still be writing them; see `promotion.py`."""
    handover_pending: bool = False
    """The former primary is not flagged and has not made its last upload, or its snapshot is too large."""
    winner: bool = False
    """A snapshot wins over the active files and has not failed to download."""
    bucket_read: bool = False
    """Another region's bucket was read, or no other region is expected to answer."""


def catch_up_step(view: CatchUpView) -> CatchUpStep:
    if view.state_known and view.owned:
        return CatchUpStep.KEEP
    if view.handover_pending and view.waited < HANDOVER_SECONDS:
        return CatchUpStep.AWAIT_HANDOVER
    if view.state_known and view.winner:
        return CatchUpStep.RESTORE
    if view.state_known and view.bucket_read:
        return CatchUpStep.SERVE
    return CatchUpStep.AWAIT_BUCKETS if view.waited < BUCKET_SECONDS else CatchUpStep.GIVE_UP


class PrimaryStep(Enum):
    STAY = "nothing to do"
    CATCH_UP = "restore the other region's snapshot, which contains these files"
    AWAIT_SWAP = "the same, after SWAP_SECONDS"
    AWAIT_FLAG = "wait whether the own flag arrives"
    CLAIM = "raise the generation: the region of higher priority wins"
    YIELD = "report that these files will be set aside"


@dataclass(frozen=True, kw_only=True)
class PrimaryView:
    """What a primary sees in a scan of its own bucket."""

    outranked: bool
    """Another region's snapshot wins over the active files."""
    contained: bool = False
    """That snapshot contains them."""
    since_swap: float | None = None
    """Seconds since the last swap; None before the first."""
    higher_priority: bool = False
    """Than the other region's."""
    outranked_for: float = 0.0
    """Seconds."""


def primary_step(view: PrimaryView) -> PrimaryStep:
    if not view.outranked:
        return PrimaryStep.STAY
    if view.contained:
        due = view.since_swap is None or view.since_swap >= SWAP_SECONDS
        return PrimaryStep.CATCH_UP if due else PrimaryStep.AWAIT_SWAP
    if view.higher_priority:
        return PrimaryStep.CLAIM if view.outranked_for >= CLAIM_SECONDS else PrimaryStep.AWAIT_FLAG
    return PrimaryStep.YIELD


class StandbyStep(Enum):
    STAGE = "keep the snapshot beside the active files"
    SWAP = "make the snapshot active"


def standby_step(*, written: bool, since_swap: float | None) -> StandbyStep:
    """For a snapshot that wins. `written`: somebody wrote to a standby; its files are not replaced.
    `since_swap`: seconds since the last swap; negative when the clock was put back."""
    early = since_swap is not None and 0 <= since_swap < SWAP_SECONDS
    return StandbyStep.STAGE if written or early else StandbyStep.SWAP
