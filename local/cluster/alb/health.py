"""Health checks of targets, and which targets get requests."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections.abc import Callable, Collection

from local.cluster.alb.elb_api import DRAINING, TargetGroup

HEALTHY, UNHEALTHY, INITIAL = "healthy", "unhealthy", "initial"
REASONS = {
    HEALTHY: "",
    UNHEALTHY: "Target.FailedHealthChecks",
    INITIAL: "Elb.InitialHealthChecking",
    DRAINING: "Target.DeregistrationInProgress",
}
SHARES = 10
"""A target's share of requests in full; a target in slow start has less."""


class Target(threading.Thread):
    """Checks a registered target at once, then at the group's interval until `stop`."""

    def __init__(self, address: str, group: TargetGroup, on_change: Callable[[], None]) -> None:
        super().__init__(name=f"check {address}", daemon=True)
        self.address, self.group, self.state, self.since = address, group, INITIAL, time.monotonic()
        self._on_change = on_change
        self._repeats, self._passed = 0, False
        self._stopped = threading.Event()

    def run(self) -> None:
        while True:
            began = time.monotonic()
            self.record(self._passes())
            if self._stopped.wait(max(0.0, began + self.group.interval - time.monotonic())):
                return

    def stop(self) -> None:
        self._stopped.set()

    def record(self, passed: bool) -> None:
        """Record the result of a check."""
        self._repeats = self._repeats + 1 if passed is self._passed else 1
        self._passed = passed
        state = HEALTHY if passed else UNHEALTHY
        if self._repeats >= (self.group.healthy if passed else self.group.unhealthy) and state != self.state:
            self.state, self.since = state, time.monotonic()
            self._on_change()

    @property
    def shares(self) -> int:
        """The target's share of requests, of SHARES."""
        if not self.group.slow_start:
            return SHARES
        return max(1, min(SHARES, int(SHARES * (time.monotonic() - self.since) / self.group.slow_start)))

    def _passes(self) -> bool:
        host, _, port = self.address.rpartition(":")
        at = host, self.group.port or int(port)
        connection = (
            http.client.HTTPSConnection(
                *at, timeout=self.group.timeout, context=ssl._create_unverified_context()
            )
            if self.group.tls
            else http.client.HTTPConnection(*at, timeout=self.group.timeout)
        )
        began = time.monotonic()
        try:
            connection.request(
                "GET", self.group.path, headers={"User-Agent": "ELB-HealthChecker/2.0", "Connection": "close"}
            )
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return self.group.matches(status) and time.monotonic() - began <= self.group.timeout


class Pool:
    """The targets of one group. Any thread may use it."""

    def __init__(self, group: TargetGroup, on_change: Callable[[], None]) -> None:
        self.group, self._on_change = group, on_change
        self._targets: dict[str, Target] = {}
        self._draining: dict[str, float] = {}
        self._lock = threading.Lock()

    def register(self, addresses: Collection[str], group: TargetGroup) -> None:
        """The group and all of its targets from now on."""
        now = time.monotonic()
        with self._lock:
            self.group = group
            self._draining = {
                address: until
                for address, until in self._draining.items()
                if until > now and address not in addresses
            }
            for address in self._targets.keys() - addresses:
                self._targets.pop(address).stop()
                self._draining[address] = now + group.deregistration_delay
                self._on_change()
            for address in addresses - self._targets.keys():
                self._targets[address] = target = Target(address, group, self._on_change)
                target.start()
                self._on_change()
            for target in self._targets.values():
                target.group = group

    def health(self) -> dict[str, tuple[str, str]]:
        """State and reason of each target, also of draining targets."""
        with self._lock:
            states = {address: target.state for address, target in self._targets.items()}
            states |= dict.fromkeys(self._draining, DRAINING)
        return {address: (state, REASONS[state]) for address, state in states.items()}

    def in_service(self) -> list[str]:
        """The targets that get requests, in turns: the healthy targets, or all if no target is healthy."""
        with self._lock:
            targets = [self._targets[address] for address in sorted(self._targets)]
        healthy = [target for target in targets if target.state == HEALTHY]
        if all(target.shares == SHARES for target in healthy):
            return [target.address for target in healthy or targets]
        return [target.address for share in range(SHARES) for target in healthy if share < target.shares]
