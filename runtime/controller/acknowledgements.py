"""Acknowledgements: a flag stays until the gates of its company say that it has arrived.

A kubelet that was cut off from its API server mounts a flag late, and never when the flag is gone by then.
A gate that never learned that its region had failed would treat its stale files as current, though another
region continued meanwhile. So the pods are touched again as soon as the region answers, and the flag is
cleared when their gates have acknowledged it.
"""

from __future__ import annotations

import time
from collections.abc import Collection

from runtime.controller.gates import gates
from runtime.controller.probes import Prober, Reply
from runtime.documents import parse

WAIT_SECONDS = 60.0
"""At most: by then a kubelet has renewed its mounts by itself."""
TIMEOUT_SECONDS = 1.0
LARGEST = 64 * 1024


class Acknowledgements:
    """What is awaited, by namespace. Used by several threads, each with namespaces of its own."""

    def __init__(self, prober: Prober) -> None:
        self._prober = prober
        self._since: dict[str, float] = {}

    def must_wait(self, namespace: str, regions: Collection[str]) -> bool:
        """Whether the company's flags of these regions of this cluster must not be cleared yet."""
        since = self._since.setdefault(namespace, time.monotonic())
        waiting = time.monotonic() - since < WAIT_SECONDS and self.are_missing(namespace, regions)
        if not waiting:
            self.forget(namespace)
        return waiting

    @property
    def awaited(self) -> frozenset[str]:
        """The namespaces in which a flag stays."""
        return frozenset(self._since)

    def forget(self, namespace: str) -> None:
        """No flag is to be cleared there any more."""
        self._since.pop(namespace, None)

    def are_missing(self, namespace: str, regions: Collection[str]) -> bool:
        """Whether a gate in one of the regions answers and does not have the region's flag."""
        asked = {gate.target("/health"): region for region in regions for gate in gates(namespace, [region])}
        replies = self._prober.ask(asked, TIMEOUT_SECONDS, LARGEST)
        return any(_is_missing(reply, asked[target]) for target, reply in replies.items())


def _is_missing(reply: Reply, region: str) -> bool:
    """A gate that does not answer is dead, and reads the flags when it starts; an older one does not say."""
    try:
        return region not in parse(reply.body, "health", limit=LARGEST).texts("heard")
    except ValueError:
        return False
