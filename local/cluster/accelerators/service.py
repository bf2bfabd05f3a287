"""The accelerators of the emulator: read, their endpoints checked, and connections passed on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from local.cluster import jobs
from local.cluster.accelerators.api import AcceleratorApi, Listener, addresses_by_name
from local.cluster.accelerators.fronts import Fronts
from local.cluster.accelerators.routes import Propagation, Route, routes
from runtime.logs import log

READ_SECONDS = 2.0
ROUTE_SECONDS = 0.2

Addresses = Mapping[str, Sequence[str]]


class Service:
    def __init__(
        self,
        api: AcceleratorApi,
        balancers: Callable[[], Mapping[str, str]],
        publish: Callable[[Addresses], None],
        apply: Callable[[Mapping[Route, str]], None],
        report: jobs.Report,
    ) -> None:
        """`balancers`: addresses of Application Load Balancers by DNS name. `publish` stores the addresses of
        accelerators by DNS name, `apply` passes connections on, `report` takes the health of targets.
        """
        self._api, self._balancers = api, balancers
        self._publish, self._apply, self._send_report = publish, apply, report
        self._changed = threading.Event()
        self._fronts = Fronts(self._changed.set)
        self._listeners: list[Listener] = []
        self._behind: dict[str, str] = {}
        """Address of the Application Load Balancer by the ARN of the endpoint before it."""

    def run(self) -> NoReturn:
        """Run until a job fails; raises its error."""
        jobs.run(self._follow, self._route, self._report)

    def _follow(self) -> NoReturn:
        jobs.follow(self._update, READ_SECONDS)

    def _update(self) -> None:
        accelerators = self._api.accelerators()
        listeners = self._api.listeners(accelerators)
        endpoints = {arn: self._api.targets(arn) for each in listeners for arn in each.endpoints}
        serving = self._balancers()
        names = self._api.names() if endpoints else {}
        addresses = {arn: serving[name] for arn, name in names.items() if name in serving}
        self._fronts.register(endpoints, addresses)
        self._behind = {
            endpoint: addresses[arn]
            for endpoint, groups in endpoints.items()
            for _, targets in groups
            for target in targets
            if (arn := target.rpartition(":")[0]) in addresses
        }
        self._listeners = listeners
        self._publish(addresses_by_name(accelerators))

    def _route(self) -> NoReturn:
        propagation, current = Propagation(time.monotonic), dict[Route, str]()
        while True:
            listeners, behind = self._listeners, self._behind
            health = {
                arn: propagation.is_healthy(arn, self._fronts.is_healthy(arn))
                for listener in listeners
                for arn in listener.endpoints
            }
            found = routes(listeners, health.__getitem__, behind)
            if found != current:
                self._apply(found)
                log("routed", routes={f"{at}:{first}": to for (at, first, _), to in found.items()})
                current = found
            time.sleep(ROUTE_SECONDS)

    def _report(self) -> NoReturn:
        jobs.report(self._fronts.health, self._changed, self._send_report)
