"""Attempts to connect, made by a pod: what it tries, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ops.cluster_access import Cluster
from ops.validation import pods

SECONDS = 2.0
"""For an answer: two of TCP's packets, the second after one second."""
AT_ONCE = 200
"""Attempts that `inside/connect.py` makes at a time."""
OVERHEAD_SECONDS = 180.0
"""For the start of Python with a fifth of a core, and for lookups of names that are not answered."""


class State(StrEnum):
    """As `inside/connect.py` prints it."""

    CONNECTED = "connected"
    REFUSED = "refused"
    DROPPED = "dropped"
    UNTRIED = "untried"


class Kind(StrEnum):
    """Of what must not be reached, as reports name it."""

    POD = "pods of other companies"
    LINK_LOCAL = "IPv6 link-local addresses"
    SERVICE = "Services of other companies"
    NODE = "nodes"
    METADATA = "the instance metadata service"
    API = "the API server"
    OPEN = "what must be open"


@dataclass(frozen=True, kw_only=True)
class Target:
    kind: Kind
    host: str
    """A name or an address. An IPv6 link-local one is tried at every interface of the pod that has one."""
    port: int
    protocol: str = "TCP"
    owner: str
    """Whose it is, for reports."""
    required: bool = False
    """Whether the check fails when this target could not be tried."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A container with Python."""

    cluster: Cluster
    namespace: str
    pod: str
    container: str = pods.GATE

    def __str__(self) -> str:
        return f"{self.namespace}/{self.pod}"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    source: Source
    target: Target
    state: State
    why: str

    def __str__(self) -> str:
        one = self.target
        host = f"[{one.host}]" if ":" in one.host else one.host
        udp = " (UDP)" if one.protocol == "UDP" else ""
        return f"{self.source} connects to {host}:{one.port}{udp} of {one.owner}"


def attempts(source: Source, targets: Iterable[Target]) -> list[Attempt]:
    """All in one command. Raises Failure and OperatorError when the pod cannot run it."""
    grouped: dict[tuple[str, str], list[Target]] = {}
    for target in dict.fromkeys(targets):
        grouped.setdefault((target.protocol, target.host), []).append(target)
    asked = [[protocol, host, [one.port for one in ports]] for (protocol, host), ports in grouped.items()]
    flat = [target for ports in grouped.values() for target in ports]
    limit = OVERHEAD_SECONDS + 2 * SECONDS * (1 + len(flat) / AT_ONCE)
    told: Sequence[tuple[str, str]] = pods.inside(
        source.cluster,
        source.namespace,
        source.pod,
        "connect",
        {"attempts": asked, "seconds": SECONDS},
        limit,
        source.container,
    )
    return [
        Attempt(source=source, target=target, state=State(state), why=why)
        for target, (state, why) in zip(flat, told, strict=True)
    ]


def attempt(source: Source, target: Target) -> Attempt:
    (found,) = attempts(source, [target])
    return found
