"""`python -m runtime.controller`: one replica of a cluster's failover controller."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

from runtime.controller.actions import Actions
from runtime.controller.addresses import Addresses, by_file, by_system
from runtime.controller.kubernetes import Access, Kubernetes
from runtime.controller.lease import Lease
from runtime.controller.probes import Prober
from runtime.controller.rounds import LiveConfig, Rounds
from runtime.controller.server import Pages
from runtime.http_server import serve, serve_requests
from runtime.logs import log
from runtime.metrics import Metrics
from runtime.stop import Stop

EDGE_PORT, INSIDE_PORT = 8080, 8081
DEFAULT_INTERVAL_SECONDS = 5.0


def main() -> None:
    started, stopping = time.monotonic(), Stop().event()
    variables = os.environ
    config = LiveConfig(
        Path(variables.get("CONTROLLER_SETTINGS", "/etc/agency/controller")),
        Path(variables.get("CONTROLLER_SECRET_PATH", "/etc/agency/controller-secret")),
    )
    hosts = variables.get("CONTROLLER_HOSTS")
    prober = Prober(Addresses(by_file(Path(hosts)) if hosts else by_system))
    api = Kubernetes(Access.from_environment(), stopping)
    lease = Lease(api, variables.get("POD_NAME") or socket.gethostname())
    metrics = Metrics()
    mounted = Path(variables.get("CONTROLLER_FLAGS", "/etc/agency/failed-regions"))
    actions = Actions(api, lease, prober, metrics, mounted)
    rounds = Rounds(prober=prober, actions=actions, metrics=metrics)
    config.read()
    pages = Pages(
        rounds=rounds, actions=actions, lease=lease, config=config, metrics=metrics, started=started
    )
    servers = [
        serve_requests(int(variables.get("CONTROLLER_HTTP_PORT", EDGE_PORT)), pages.edge),
        serve(int(variables.get("CONTROLLER_METRICS_PORT", INSIDE_PORT)), pages.inside),
    ]
    lease.start()
    log("started", ports=[server.port for server in servers])
    run(rounds, config, stopping)
    for server in servers:
        server.close()
    actions.close()
    lease.release()
    log("stopped")


def run(rounds: Rounds, config: LiveConfig, stopping: threading.Event) -> None:
    """Rounds, from start to start `intervalSeconds` apart, until it is to stop."""
    while not stopping.is_set():
        began = time.monotonic()
        now = config.read()
        if now is not None:
            rounds.run(now)
        interval = now.interval_seconds if now else DEFAULT_INTERVAL_SECONDS
        stopping.wait(max(began + interval - time.monotonic(), 0))


if __name__ == "__main__":
    main()
