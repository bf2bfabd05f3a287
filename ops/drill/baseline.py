"""Whether what is seen before an outage is as it should be: pure functions of a View."""

from __future__ import annotations

from collections.abc import Iterator

from ops.drill.record import ANSWER, CLEAR, OK, READY, SYSTEM, UNKNOWN, Lane, View
from ops.drill.scene import Keeping, Scene, Tenant

RECENT_SECONDS = 2.0
"""In which a client's last answers have to be good ones."""


def missing_at_first(scene: Scene, view: View, now: float) -> list[str]:
    """What is wrong, or was not seen yet, in words."""
    return [*_lanes(scene, view), *_names(scene, view), *_clients(scene, view, now)]


def copied_since(view: View, tenant: Tenant) -> bool:
    """Whether the next region's bucket has a copy made after the drill's first memory was stored."""
    if tenant.keeping is Keeping.STAYS or tenant.away is None:
        return True
    stored = [one.at for one in view.stored if one.company == tenant.namespace]
    made = [one.made for one in view.copies if one.company == tenant.namespace]
    return bool(stored and made) and max(made) > min(stored)


def _lanes(scene: Scene, view: View) -> Iterator[str]:
    paths = [f"{host}{path}" for host, path in scene.health]
    for lane, subjects, wanted, told in (
        (Lane.FLAG, [SYSTEM, *scene.namespaces], CLEAR, f"{scene.region} is flagged as failed"),
        (Lane.PROBES, [SYSTEM], ANSWER, f"the controller's probes of {scene.region} fail"),
        (Lane.WORKLOADS, scene.namespaces, ANSWER, f"workloads in {scene.region} do not answer"),
        (Lane.ENDPOINTS, scene.namespaces, READY, f"no endpoint of agent-{scene.region} is ready"),
        (Lane.HEALTH, paths, OK, "the health path fails"),
    ):
        for subject in subjects:
            seen = view.state(lane, subject)
            where = f"{subject}: " if subject else ""
            if seen is None:
                yield f"{where}{lane} not seen yet"
            elif seen.state == UNKNOWN:
                yield f"{where}{lane} cannot be told: {seen.detail}"
            elif seen.state != wanted:
                yield f"{where}{told}" + (f" ({seen.detail})" if seen.detail else "")


def _names(scene: Scene, view: View) -> Iterator[str]:
    for tenant in scene.tenants:
        seen = view.state(Lane.DNS, tenant.namespace)
        if seen is None:
            yield f"{tenant.namespace}: its name was not resolved yet"
        elif seen.state != tenant.home:
            yield f"{tenant.host} leads to {seen.state} {seen.detail}: it should lead to {tenant.home}"


def _clients(scene: Scene, view: View, now: float) -> Iterator[str]:
    for tenant in scene.tenants:
        recent = [
            one for one in view.answers if one.company == tenant.namespace and one.came > now - RECENT_SECONDS
        ]
        bad = [one for one in recent if not one.ok]
        if bad:
            yield f"{tenant.namespace}: a client got no answer from {bad[-1].region}: {bad[-1].detail}"
        elif not recent:
            yield f"{tenant.namespace}: no client has got an answer yet"
