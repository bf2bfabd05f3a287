"""Leader election: the replica that holds the Lease acts."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime

from runtime.controller.kubernetes import Kubernetes, Object, Refused, Unavailable
from runtime.logs import log

SYSTEM_NAMESPACE = "digital-agency-system"
NAME = "failover-controller"
PATH = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM_NAMESPACE}/leases/{NAME}"

LEASE_SECONDS = 10
"""How long a holder keeps the Lease without renewing it."""
RENEW_SECONDS = 3.0
HELD_SECONDS = 8.0
"""How long a holder trusts a renewal: less than LEASE_SECONDS, so that two never act at once."""


class Lease:
    """Renewed, or waited for, by a thread of its own.

    Clocks are never compared: another's Lease is over when this replica has seen it unchanged for as long as
    it was given.
    """

    def __init__(self, api: Kubernetes, identity: str) -> None:
        self._api, self._identity = api, identity
        self._renewed = float("-inf")
        self._seen: tuple[object, float] = (None, time.monotonic())
        self._problem = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)
        self.holder = ""
        """Who held it when it was last read."""

    def start(self) -> None:
        self._thread.start()

    def held(self) -> bool:
        """Whether this replica may act now."""
        return time.monotonic() - self._renewed < HELD_SECONDS

    def release(self) -> None:
        """Stop renewing and let another replica have it at once."""
        self._stop.set()
        self._thread.join()
        if self.held():
            self._renewed = float("-inf")
            with suppress(Refused, Unavailable):
                self._take(self._api.call("GET", PATH), holder="", seconds=1)

    def _run(self) -> None:
        while True:
            held = self.held()
            problem = self._try()
            if problem != self._problem:
                log("lease-problem" if problem else "lease-works", level="warning", problem=problem)
                self._problem = problem
            if self.held() != held:
                log("leading" if self.held() else "not-leading", holder=self.holder)
            if self._stop.wait(RENEW_SECONDS):
                return

    def _try(self) -> str:
        """Renew the Lease, or take it when it is free; returns the problem, if any."""
        began = time.monotonic()
        try:
            lease = self._api.call("GET", PATH)
            spec = lease.get("spec") or {}
            self.holder = spec.get("holderIdentity") or ""
            if self.holder in ("", self._identity) or self._is_over(lease, spec):
                self._take(lease, holder=self._identity, seconds=LEASE_SECONDS)
                self.holder, self._renewed = self._identity, began
        except (Refused, Unavailable, KeyError, TypeError) as error:
            return f"{type(error).__name__}: {error}"
        return ""

    def _is_over(self, lease: Object, spec: Object) -> bool:
        version, now = lease["metadata"]["resourceVersion"], time.monotonic()
        if version != self._seen[0]:
            self._seen = version, now
        return now - self._seen[1] > (spec.get("leaseDurationSeconds") or LEASE_SECONDS)

    def _take(self, lease: Object, *, holder: str, seconds: int) -> None:
        """Raises Refused when another was faster: the resource version that was read goes along."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = lease.get("spec") or {}
        changed = spec.get("holderIdentity") != holder
        lease["spec"] = {
            **spec,
            "holderIdentity": holder,
            "leaseDurationSeconds": seconds,
            "renewTime": now,
            "acquireTime": now if changed else spec.get("acquireTime"),
            "leaseTransitions": (spec.get("leaseTransitions") or 0) + int(changed and bool(holder)),
        }
        self._api.call("PUT", PATH, lease)
