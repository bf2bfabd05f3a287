"""`python -m runtime.gate`: until it is told to stop. Ends with 1 when the last copy could not be made."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading

from runtime import http_server
from runtime.gate import mcp
from runtime.gate.application import CONTAINERS, Application
from runtime.gate.copier import Copiers
from runtime.gate.copies import Copies
from runtime.gate.follow import Follower
from runtime.gate.ready import ApplicationHealth, Readiness
from runtime.gate.roles import Role
from runtime.gate.routes import Gate
from runtime.gate.settings import Environment, environment
from runtime.gate.steps import Condition, Steps
from runtime.gate.stores import BucketStores
from runtime.gate.told import WRONG, Told
from runtime.gate.volume import GATE, Volume
from runtime.gate.worker import Worker
from runtime.logs import log
from runtime.metrics import Metrics

WATCH_SECONDS = 1.0
"""Between two looks at settings and flags."""


class Stop:
    """SIGTERM or SIGINT, as something to wait for.

    A pipe, because a handler that sets an Event may find its lock held by the very thread it interrupts.
    """

    def __init__(self) -> None:
        self._read, write = os.pipe()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: os.write(write, b"."))

    def within(self, seconds: float) -> bool:
        return bool(select.select([self._read], [], [], seconds)[0])


class Program:
    """All parts of one gate. Its thread, the main one, watches what is told; the worker does the work."""

    def __init__(self, environment: Environment, told: Told, steps: Steps, metrics: Metrics) -> None:
        self._environment = environment
        self._told = told
        self._steps = steps
        self._metrics = metrics
        self._mcp = Condition(steps, bad="McpFailed", good="McpRecovered")
        self._role: Role | None = None
        component, interrupt = told.settings.component, threading.Event()
        application = Application(CONTAINERS[component])
        volume = Volume(environment.volume, component)
        stores = BucketStores(environment.rclone, lambda: told.settings, interrupt)
        follower = Follower(
            volume=volume,
            settings=lambda: told.settings,
            stores=stores,
            copiers=Copiers(volume, stores),
            application=application,
            record=steps.record,
            metrics=metrics,
        )
        copies = Copies(environment.volume / GATE / "copied", steps, metrics)
        self.worker = Worker(environment, told, follower, copies, application, interrupt, steps, metrics)
        readiness = Readiness(
            told,
            ApplicationHealth(environment.application),
            self.worker.unfit,
            Condition(steps, bad="NotReady", good="Ready"),
            metrics,
        )
        self._gate = Gate(environment, told, self.worker, copies, readiness, self._mcp, steps, metrics)

    def run(self, stop: Stop) -> int:
        server = http_server.serve(self._environment.port, self._gate.answer)
        log("serving", port=server.port)
        self._watch()
        self.worker.start()
        self._gate.begun = True
        while not stop.within(WATCH_SECONDS):
            self._told.refresh()
            self._watch()
        log("stopping")
        copied = self.worker.finish()
        server.close()
        return 0 if copied else 1

    def _watch(self) -> None:
        """Act on what is told now."""
        role = self._told.role
        if role is not self._role:
            for each in Role:
                self._metrics.set("agency_role", int(each is role), "1 for the region's role.", role=each)
            if self._role is not None:
                flags = ", ".join(sorted(self._told.flags)) or "none"
                self._steps.record("RoleChanged", f"from {self._role} to {role}; flagged regions: {flags}")
                self.worker.interrupt()
            self._role = role
        self._place_mcp(role)

    def _place_mcp(self, role: Role) -> None:
        where = self._environment
        if where.work is None:
            return
        # One pod of a region runs the scheduled tasks, or each would run once a replica.
        form = Role.STANDBY if where.ordinal else role
        try:
            if mcp.place(form, settings=where.settings, volume=where.volume, work=where.work):
                self._steps.record("McpPlaced", f"mcp.json is that of a region that is {form}")
            self._mcp.is_good("mcp.json can be written again")
        except WRONG as error:
            self._mcp.is_bad(f"mcp.json cannot be written: {error!r}")


def main() -> int:
    where, stop = environment(), Stop()
    metrics = Metrics()
    steps = Steps(metrics)
    complaint = ""
    while True:
        try:
            told = Told(where, steps, metrics)
            break
        except WRONG as error:
            if complaint != (complaint := f"no settings in {where.settings}: {error!r}"):
                log("waiting", level="error", error=complaint)
        if stop.within(WATCH_SECONDS):
            return 0
    return Program(where, told, steps, metrics).run(stop)


if __name__ == "__main__":
    sys.exit(main())
