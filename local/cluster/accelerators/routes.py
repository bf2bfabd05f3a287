"""Where new connections to accelerators go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from local.cluster.accelerators.api import Listener
from plan.accelerator_resolver import answers
from plan.accelerators import PROPAGATION_SECONDS

Route = tuple[str, int, int]
"""An accelerator's address, the first and the last port."""


class Propagation:
    """Health as the accelerator knows it: a change counts when it has lasted for PROPAGATION_SECONDS.

    That is the longest time that AWS states, so that what is measured here is not too good for AWS.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        """`now`: seconds of a clock."""
        self._now = now
        self._known: dict[str, bool] = {}
        self._contrary: dict[str, float] = {}
        """Since when the health differs from what is known."""

    def is_healthy(self, endpoint: str, health: bool | None) -> bool:
        """The health that is known now, when `health` is how the endpoint is. None: not judged yet."""
        known = self._known.get(endpoint, health)
        if known is None:
            return False
        if health in (None, known):
            self._contrary.pop(endpoint, None)
        elif self._now() - self._contrary.setdefault(endpoint, self._now()) >= PROPAGATION_SECONDS:
            del self._contrary[endpoint]
            known = not known
        self._known[endpoint] = known
        return known


def routes(
    listeners: Sequence[Listener], healthy: Callable[[str], bool], balancers: Mapping[str, str]
) -> dict[Route, str]:
    """The address of the load balancer to which each address and range of ports leads.

    `balancers`: addresses of the Application Load Balancers by the ARN of the endpoint before them. An
    accelerator whose load balancer has no address yet leads nowhere.
    """
    found = {}
    for listener in listeners:
        nearest = sorted(group["EndpointGroupRegion"] for group in listener.groups)
        chosen = answers(listener.groups, nearest, healthy)[0] if listener.groups else {}
        endpoint = max(chosen, key=chosen.__getitem__, default="")
        if target := balancers.get(endpoint):
            for address in listener.addresses:
                found.update(dict.fromkeys(((address, *ports) for ports in listener.ports), target))
    return found
