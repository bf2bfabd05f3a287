"""Whether the gates of a company have heard of a flag: until then it stays.

A kubelet that was cut off from its API server brings a pod its flag late, and never when the flag is gone by
then. A gate that did not hear that its region had failed would take its own memory for the company's, though
another region went on with it meanwhile. So the pods are touched again as soon as the region answers, and the
flag goes when they have heard.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection

from runtime.controller.gates import gates
from runtime.controller.probes import Prober, Reply

HELD_SECONDS = 60.0
"""At most: by then a kubelet has renewed what it mounts by itself."""
TIMEOUT_SECONDS = 1.0
LARGEST = 64 * 1024


class Hearing:
    """What is held, by namespace. Used by several threads, each with namespaces of its own."""

    def __init__(self, prober: Prober) -> None:
        self._prober = prober
        self._since: dict[str, float] = {}

    def holds(self, namespace: str, regions: Collection[str]) -> bool:
        """Whether the flags of these regions of this cluster have to stay with the company for now."""
        since = self._since.setdefault(namespace, time.monotonic())
        held = time.monotonic() - since < HELD_SECONDS and self.lacks(namespace, regions)
        if not held:
            self.forget(namespace)
        return held

    @property
    def held(self) -> frozenset[str]:
        """The namespaces in which a flag stays."""
        return frozenset(self._since)

    def forget(self, namespace: str) -> None:
        """No flag is to go there any more."""
        self._since.pop(namespace, None)

    def lacks(self, namespace: str, regions: Collection[str]) -> bool:
        """Whether a gate of theirs answers and does not go by their flags."""
        asked = {gate.target("/health"): region for region in regions for gate in gates(namespace, [region])}
        replies = self._prober.ask(asked, TIMEOUT_SECONDS, LARGEST)
        return any(_lacks(reply, asked[target]) for target, reply in replies.items())


def _lacks(reply: Reply, region: str) -> bool:
    """One that does not answer is dead, and will read the flags when it starts; an older one does not say."""
    try:
        heard = json.loads(reply.body)["heard"]
        return region not in heard
    except (ValueError, KeyError, TypeError):
        return False
