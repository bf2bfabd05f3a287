"""Attempts of a pod to connect: destinations and results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ops.probing.pods import Container

SECONDS = 2.0
"""For an answer: two of TCP's packets, the second after one second."""
AT_ONCE = 200
"""Attempts that `in_pod/connect.py` makes at a time."""
OVERHEAD_SECONDS = 180.0
"""For the start of Python with a fifth of a core, and for lookups of names that are not answered."""


class State(StrEnum):
    """As `in_pod/connect.py` prints it."""

    CONNECTED = "connected"
    REFUSED = "refused"
    DROPPED = "dropped"
    UNTRIED = "untried"


class Kind(StrEnum):
    """Of a destination, as reports name it."""

    POD = "pods of other companies"
    LINK_LOCAL = "IPv6 link-local addresses"
    SERVICE = "Services of other companies"
    NODE = "nodes"
    METADATA = "the instance metadata service"
    API = "the API server"
    ALLOWED = "required connections"


@dataclass(frozen=True, kw_only=True)
class Destination:
    kind: Kind
    host: str
    """A name or an address. A pod tries an IPv6 link-local address at each interface that has one."""
    port: int
    protocol: str = "TCP"
    owner: str
    """Who has this address, for reports."""
    required: bool = False
    """Whether the check fails when a pod could not try this destination."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    source: Container
    destination: Destination
    state: State
    why: str

    def __str__(self) -> str:
        to = self.destination
        host = f"[{to.host}]" if ":" in to.host else to.host
        udp = " (UDP)" if to.protocol == "UDP" else ""
        return f"{self.source} connects to {host}:{to.port}{udp} of {to.owner}"


def attempts(source: Container, destinations: Iterable[Destination]) -> list[Attempt]:
    """All in one command. Raises Failure and OperatorError when the pod cannot run it."""
    grouped: dict[tuple[str, str], list[Destination]] = {}
    for destination in dict.fromkeys(destinations):
        grouped.setdefault((destination.protocol, destination.host), []).append(destination)
    request = [[protocol, host, [each.port for each in group]] for (protocol, host), group in grouped.items()]
    ordered = [destination for group in grouped.values() for destination in group]
    limit = OVERHEAD_SECONDS + 2 * SECONDS * (1 + len(ordered) / AT_ONCE)
    results: Sequence[tuple[str, str]] = source.run(
        "connect", {"attempts": request, "seconds": SECONDS}, limit
    )
    return [
        Attempt(source=source, destination=destination, state=State(state), why=why)
        for destination, (state, why) in zip(ordered, results, strict=True)
    ]
