"""What the leader does: flags in the system namespace, from there to the companies, and Events of it all.

The rounds wait for none of it. What could not be done is found undone in a later round, and done then.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from runtime.controller import events, flags
from runtime.controller.decide import Change, tenant_flags
from runtime.controller.events import Event
from runtime.controller.flags import InForce, SystemFlags, Transition
from runtime.controller.gate_steps import GateSteps
from runtime.controller.hearing import Hearing
from runtime.controller.kubernetes import Kubernetes
from runtime.controller.lease import SYSTEM_NAMESPACE, Lease
from runtime.controller.probes import Prober
from runtime.controller.settings import ControllerSettings
from runtime.controller.tenants import Tenants
from runtime.flags import CONFIG_MAP
from runtime.logs import log
from runtime.metrics import Metrics

REMEMBERED_SECONDS = 60.0
"""How long a replica that does not lead remembers a transition: when the leader dies over it, it tells."""


class Acting:
    def __init__(
        self, api: Kubernetes, lease: Lease, prober: Prober, metrics: Metrics, mounted_flags: Path
    ) -> None:
        self._api, self._lease, self._metrics = api, lease, metrics
        self.system = SystemFlags(api=api, current=InForce(flags=flags.mounted(mounted_flags)))
        self.tenants = Tenants(api, lease.held, Hearing(prober), metrics)
        self._steps = GateSteps(api, prober, metrics)
        self._changes: tuple[Change, ...] = ()
        self._untold = list[Transition]()
        self._worker = ThreadPoolExecutor(1, "acting")
        self._reading: Future[None] = self._worker.submit(self.system.read)
        self._acting: Future[None] | None = None
        self._teller = ThreadPoolExecutor(1, "gate-steps")
        self._telling: Future[None] | None = None

    def start_reading(self) -> None:
        """Look what is in force, unless the last look still hangs."""
        if self._reading.done():
            self._reading = self._worker.submit(self.system.read, self._changes)

    def wait_for_reading(self, patience: float) -> None:
        """Until the look that was started has ended, or for `patience` seconds."""
        wait([self._reading], patience)

    def act(self, settings: ControllerSettings, changes: tuple[Change, ...], back: Collection[str]) -> None:
        """Carry out what was decided, unless what was handed over before is still being done. `back`: regions
        of this cluster that are flagged and answer again.
        """
        self._changes = changes
        if self._acting is None or self._acting.done():
            self._acting = self._worker.submit(_logged, self._act, settings, changes, back)
        if self._lease.held() and (self._telling is None or self._telling.done()):
            changed = self.tenants.take_changed()
            self._telling = self._teller.submit(_logged, self._steps.ask, settings, changed)

    def close(self) -> None:
        """Do nothing more."""
        for pool in (self._worker, self._teller):
            pool.shutdown(wait=False, cancel_futures=True)

    def _act(self, settings: ControllerSettings, changes: tuple[Change, ...], back: Collection[str]) -> None:
        if changes and self._lease.held():
            log("changing-flags", regions=[one.region for one in changes])
            self.system.carry_out(changes)
        now = self.system.current.flags
        self.tenants.want(
            {
                name: tenant_flags(settings, name, now)
                for name, company in settings.companies.items()
                if not set(settings.regions).isdisjoint(company.regions)
            },
            here=settings.regions,
            back=back,
        )
        self._tell()

    def _tell(self) -> None:
        """Events of the transitions since the last time, and those that the last leader may have left."""
        found = self.system.take_transitions()
        for one in found:
            self._metrics.add(
                "agency_controller_transitions_total",
                1,
                "Flags set and cleared.",
                region=one.change.region,
                to="failed" if one.change.failed else "serving",
            )
        oldest = time.time() * 1000 - REMEMBERED_SECONDS * 1000
        self._untold = [one for one in (*self._untold, *found) if one.at > oldest or self._lease.held()]
        while self._untold and self._lease.held() and events.post(self._api, _event(self._untold[0])):
            del self._untold[0]


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
    """Run a job of another thread; what it raises would be seen by nobody."""
    try:
        job(*arguments)
    except Exception:
        log("error", level="error", job=job.__qualname__, error=traceback.format_exc())
