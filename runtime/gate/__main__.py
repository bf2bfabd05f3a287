"""`python -m runtime.gate`, until SIGTERM. Ends with 1 when the last upload failed."""

from __future__ import annotations

import sys
import threading
import time

from runtime import http_server
from runtime.gate import mcp
from runtime.gate.api import Api
from runtime.gate.application import CONTAINERS, Application
from runtime.gate.config import INVALID, Environment, environment
from runtime.gate.events import Condition, EventLog
from runtime.gate.handover.coordinator import Coordinator
from runtime.gate.handover.parts import Parts
from runtime.gate.handover.roles import Role
from runtime.gate.live_config import LiveConfig
from runtime.gate.readiness import ApplicationHealth, Readiness
from runtime.gate.snapshot.ignored import IgnoredCheckpoints
from runtime.gate.snapshot.schedule import UploadSchedule
from runtime.gate.snapshot.uploaders import Uploaders
from runtime.gate.snapshot.volume import GATE_FOLDER, Volume
from runtime.gate.storage.stores import BucketStores
from runtime.gate.worker import Worker
from runtime.logs import log
from runtime.metrics import Metrics
from runtime.stop import Stop

WATCH_SECONDS = 1.0
"""Between two readings of config and flags."""


class Program:
    """All parts of one gate. The main thread watches config and flags; the worker's thread does the work."""

    def __init__(
        self, environment: Environment, live: LiveConfig, events: EventLog, metrics: Metrics
    ) -> None:
        self._environment = environment
        self._live = live
        self._events = events
        self._metrics = metrics
        self._mcp = Condition(events, bad="McpFailed", good="McpRecovered")
        self._role: Role | None = None
        interrupt = threading.Event()
        application = Application(CONTAINERS[live.config.component])
        schedule = UploadSchedule(environment.volume / GATE_FOLDER / "copied", events, metrics)
        coordinator = self._coordinator(application, interrupt)
        writer = coordinator.parts.writer
        self.worker = Worker(
            environment, live, coordinator, schedule, application, interrupt, events, metrics, writer
        )
        health = ApplicationHealth(environment.application)
        condition = Condition(events, bad="NotReady", good="Ready")
        readiness = Readiness(live, health, self.worker.why_not_ready, condition, metrics)
        self._api = Api(environment, live, self.worker, schedule, readiness, self._mcp, events, metrics)

    def run(self, stop: Stop) -> int:
        server = http_server.serve(self._environment.port, self._api.answer)
        log("serving", port=server.port)
        self._apply()
        self.worker.start()
        self._api.started = True
        while not stop.within(WATCH_SECONDS):
            self._live.refresh()
            self._apply()
        log("stopping")
        uploaded = self.worker.finish()
        server.close()
        return 0 if uploaded else 1

    def _coordinator(self, application: Application, interrupt: threading.Event) -> Coordinator:
        volume = Volume(self._environment.volume, self._live.config.component, interrupt)
        stores = BucketStores(self._environment.rclone, lambda: self._live.config, interrupt)
        parts = Parts(
            volume=volume,
            config=lambda: self._live.config,
            stores=stores,
            uploaders=Uploaders(volume, stores, IgnoredCheckpoints(self._events.record, self._metrics)),
            application=application,
            record=self._events.record,
            metrics=self._metrics,
            clock=time.time,
            monotonic=time.monotonic,
        )
        return Coordinator(parts)

    def _apply(self) -> None:
        """Act on the live config."""
        role = self._live.role
        if role is not self._role:
            for each in Role:
                self._metrics.set("agency_role", int(each is role), "1 for the region's role.", role=each)
            if self._role is not None:
                flags = ", ".join(sorted(self._live.flags)) or "none"
                self._events.record("RoleChanged", f"from {self._role} to {role}; flagged regions: {flags}")
                self.worker.interrupt()
            self._role = role
        self._write_mcp(role)

    def _write_mcp(self, role: Role) -> None:
        env = self._environment
        if env.work is None:
            return
        # One pod of a region runs the scheduled tasks, or each task would run once a replica.
        version = Role.STANDBY if env.ordinal else role
        try:
            if mcp.write(version, config=env.config, volume=env.volume, work=env.work):
                self._events.record("McpPlaced", f"mcp.json is that of a region that is {version}")
            self._mcp.clear("mcp.json can be written again")
        except INVALID as error:
            self._mcp.report(f"mcp.json cannot be written: {error!r}")


def main() -> int:
    env, stop = environment(), Stop()
    metrics = Metrics()
    events = EventLog(metrics)
    last_error = ""
    while True:
        try:
            live = LiveConfig(env, events, metrics)
            break
        except INVALID as error:
            if last_error != (last_error := f"no valid config in {env.config}: {error!r}"):
                log("waiting", level="error", error=last_error)
        if stop.within(WATCH_SECONDS):
            return 0
    return Program(env, live, events, metrics).run(stop)


if __name__ == "__main__":
    sys.exit(main())
