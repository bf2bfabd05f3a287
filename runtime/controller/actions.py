"""What the leader does with decisions: flags in the system namespace, from there to the companies, and
Events.

The rounds wait for none of these actions. A failed action is decided again in a later round.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from runtime.controller import events, flags
from runtime.controller.acknowledgements import Acknowledgements
from runtime.controller.config import ControllerConfig
from runtime.controller.decide import Change, tenant_flags
from runtime.controller.events import Event
from runtime.controller.flags import InForce, SystemFlags, Transition
from runtime.controller.gate_events import GateEvents
from runtime.controller.kubernetes import Kubernetes
from runtime.controller.lease import SYSTEM_NAMESPACE, Lease
from runtime.controller.probes import Prober
from runtime.controller.tenants import Tenants
from runtime.flags import CONFIG_MAP
from runtime.logs import log
from runtime.metrics import Metrics

REMEMBERED_SECONDS = 60.0
"""How long a replica that does not lead remembers a transition: it posts the Event when the leader dies
first."""


class Actions:
    def __init__(
        self, api: Kubernetes, lease: Lease, prober: Prober, metrics: Metrics, mounted_flags: Path
    ) -> None:
        self._api, self._lease, self._metrics = api, lease, metrics
        self.system = SystemFlags(api=api, current=InForce(flags=flags.mounted(mounted_flags)))
        self.tenants = Tenants(api, lease.held, Acknowledgements(prober), metrics)
        self._gate_events = GateEvents(api, prober, metrics)
        self._changes: tuple[Change, ...] = ()
        self._unreported = list[Transition]()
        self._worker = ThreadPoolExecutor(1, "acting")
        self._reading: Future[None] = self._worker.submit(self.system.read)
        self._running: Future[None] | None = None
        self._reporter = ThreadPoolExecutor(1, "gate-steps")
        self._reporting: Future[None] | None = None

    def start_reading(self) -> None:
        """Read the flags in force, unless the last read still hangs."""
        if self._reading.done():
            self._reading = self._worker.submit(self.system.read, self._changes)

    def wait_for_reading(self, limit: float) -> None:
        """Until the read has ended, at most `limit` seconds."""
        wait([self._reading], limit)

    def act(self, config: ControllerConfig, changes: tuple[Change, ...], answering: Collection[str]) -> None:
        """Carry out a decision, unless an earlier one is still being carried out. `answering`: regions of
        this cluster that are flagged and answer again.
        """
        self._changes = changes
        if self._running is None or self._running.done():
            self._running = self._worker.submit(_logged, self._act, config, changes, answering)
        if self._lease.held() and (self._reporting is None or self._reporting.done()):
            changed = self.tenants.take_changed()
            self._reporting = self._reporter.submit(_logged, self._gate_events.ask, config, changed)

    def close(self) -> None:
        """Cancel what has not begun."""
        for pool in (self._worker, self._reporter):
            pool.shutdown(wait=False, cancel_futures=True)

    def _act(self, config: ControllerConfig, changes: tuple[Change, ...], answering: Collection[str]) -> None:
        if changes and self._lease.held():
            log("changing-flags", regions=[transition.region for transition in changes])
            self.system.carry_out(changes)
        now = self.system.current.flags
        self.tenants.want(
            {
                name: tenant_flags(config, name, now)
                for name, company in config.companies.items()
                if not set(config.regions).isdisjoint(company.regions)
            },
            local=config.regions,
            answering=answering,
        )
        self._report()

    def _report(self) -> None:
        """Post Events of the transitions since the last call, and those that the former leader may have
        left."""
        found = self.system.take_transitions()
        for transition in found:
            self._metrics.add(
                "agency_controller_transitions_total",
                1,
                "Flags set and cleared.",
                region=transition.change.region,
                to="failed" if transition.change.failed else "serving",
            )
        oldest = time.time() * 1000 - REMEMBERED_SECONDS * 1000
        self._unreported = [
            transition
            for transition in (*self._unreported, *found)
            if transition.at > oldest or self._lease.held()
        ]
        while self._unreported and self._lease.held() and events.post(self._api, _event(self._unreported[0])):
            del self._unreported[0]


def _event(transition: Transition) -> Event:
    change = transition.change
    of = f" for {change.scope}" if change.scope else ""
    return Event(
        kind="ConfigMap",
        namespace=SYSTEM_NAMESPACE,
        name=CONFIG_MAP,
        uid=transition.uid,
        reason="RegionFailed" if change.failed else "RegionCleared",
        message=f"{change.region}{of}: {change.reason}",
        warning=change.failed,
        at=transition.at,
        identity=f"{transition.version} {change.scope} {change.region} {change.failed}",
    )


def _logged(job: Callable[..., None], *arguments: object) -> None:
    """Run a job in another thread, where nobody would see its exception."""
    try:
        job(*arguments)
    except Exception:
        log("error", level="error", job=job.__qualname__, error=traceback.format_exc())
