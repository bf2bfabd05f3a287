"""The suite: every check, in the order in which one region after the other is checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ops.validation import (
    application,
    copies,
    isolation,
    losses,
    network,
    persistence,
    pillars,
    prefixes,
    proposals,
    sidecars,
)
from ops.validation.verdicts import Area, Verdict


@dataclass(frozen=True, kw_only=True)
class Check:
    """`judge` takes the run and a site; with `needs_cluster`, a PodSite. It returns a Verdict, or raises as
    sites do."""

    area: Area
    name: str
    judge: Callable[[Any, Any], Verdict]
    needs_cluster: bool = False
    destructive: bool = False
    """Whether it disturbs what runs on a cluster: it ends or restarts something, or deletes a volume."""
    stores: bool = False
    """Whether it is about what the run stores, so that a Brain that only follows another has none of it."""


CHECKS = (
    Check(area=Area.APPLICATION, name="answers", judge=application.answers),
    Check(area=Area.APPLICATION, name="stores and finds", judge=application.stores, stores=True),
    Check(area=Area.TENANCY, name="memory", judge=isolation.judge, stores=True),
    Check(area=Area.TENANCY, name="network", judge=network.judge, needs_cluster=True),
    Check(area=Area.SIDECARS, name="agent to health monitor", judge=sidecars.served),
    Check(area=Area.SIDECARS, name="health monitor to agent", judge=sidecars.tracked),
    Check(area=Area.PILLARS, name="SOP execution", judge=pillars.recalled, stores=True),
    Check(area=Area.PILLARS, name="HR proposal", judge=proposals.judge, needs_cluster=True),
    Check(area=Area.PERSISTENCE, name="copy in the bucket", judge=copies.copied, needs_cluster=True),
    # Now that there are copies to read.
    Check(area=Area.TENANCY, name="bucket prefix", judge=prefixes.judge, needs_cluster=True),
    Check(
        area=Area.PERSISTENCE,
        name="copy in the standby",
        judge=copies.followed,
        needs_cluster=True,
        stores=True,
    ),
    Check(
        area=Area.PERSISTENCE,
        name="restart",
        judge=persistence.restarted,
        destructive=True,
        stores=True,
    ),
    Check(
        area=Area.PERSISTENCE,
        name="node restart",
        judge=losses.node_restarted,
        needs_cluster=True,
        destructive=True,
        stores=True,
    ),
    Check(
        area=Area.PERSISTENCE,
        name="volume lost",
        judge=losses.volume_lost,
        needs_cluster=True,
        destructive=True,
        stores=True,
    ),
)
