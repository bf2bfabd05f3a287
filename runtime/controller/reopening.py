"""Regions that return: their health path answers 503 until clients would find them ready.

A flag is cleared by probes that no flag gates. Clients need more: pods get the new flags, catch up with the
former primary, pass their readiness probes, and the load balancer finds them healthy. Clients that DNS sends
back earlier would find no ready pod.

This is no evidence, and moves no flag: it only delays when DNS learns of a cleared flag.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from runtime.controller.config import ControllerConfig
from runtime.controller.views import probed_view
from runtime.controller.votes import REGION_WIDE, Answers, Flags

READY_SECONDS = 20.0
"""How long the gates must have been ready: a readiness probe's period of 5 s, then the endpoints and the
registration with a load balancer, which asks a target twice, 5 s apart, before it sends requests there."""
LIMIT_SECONDS = 180.0
"""After this the region reopens even if some pods are still not ready: catching up ends after 120 s, and
some 503 are better than a region that never reopens."""


@dataclass(frozen=True, kw_only=True)
class Return:
    """By the monotonic clock."""

    cleared: float | None = None
    """When the flag was first seen gone; None while it stands."""
    ready: float | None = None
    """Since when the gates are ready; None when they are not."""


Closed = Mapping[tuple[str, str], Return]
"""By scope and region: those of this cluster that are flagged, or were and are not ready yet."""


def returning(closed: Closed) -> frozenset[str]:
    """Regions whose gates are to be asked."""
    return frozenset(region for (_, region), entry in closed.items() if entry.cleared is not None)


def regions_of(closed: Closed, scope: str) -> frozenset[str]:
    """Those that are closed to a scope's clients."""
    return frozenset(region for of, region in closed if of == scope)


def reopen(config: ControllerConfig, closed: Closed, flags: Flags, ready: Answers, now: float) -> Closed:
    """One round. `ready`: for the regions asked, whether the companies' gates let clients in.
    `now`: seconds, by a monotonic clock.
    """
    flagged = {
        (scope, region): Return()
        for scope, regions in flags.items()
        for region in regions
        if region in config.regions
    }
    seen = {
        (scope, region): _seen(entry, _is_ready(config, scope, region, ready), now)
        for (scope, region), entry in closed.items()
        if (scope, region) not in flagged and region in config.regions
    }
    return flagged | {key: entry for key, entry in seen.items() if not _is_over(entry, now)}


def _is_ready(config: ControllerConfig, scope: str, region: str, ready: Answers) -> bool:
    if region not in ready:
        return False
    view = probed_view(ready[region], config.samples[region], reached=None, flagged=False)
    return view.serving if scope == REGION_WIDE else view.companies.get(scope, True)


def _seen(entry: Return, ready: bool, now: float) -> Return:
    cleared = now if entry.cleared is None else entry.cleared
    since = now if entry.ready is None else entry.ready
    return replace(entry, cleared=cleared, ready=since if ready else None)


def _is_over(entry: Return, now: float) -> bool:
    assert entry.cleared is not None
    return now - entry.cleared >= LIMIT_SECONDS or (
        entry.ready is not None and now - entry.ready >= READY_SECONDS
    )
