"""The load balancers of one region: read from the emulator, checked and served."""

from __future__ import annotations

import threading
import time
from typing import NoReturn

from local.cluster import jobs
from local.cluster.alb.addresses import Addresses
from local.cluster.alb.caddy import Caddy
from local.cluster.alb.caddy_config import Sign, configuration
from local.cluster.alb.elb_api import ElbApi, LoadBalancer, TargetGroup
from local.cluster.alb.health import Pool
from runtime.logs import log

TARGETS_SECONDS = 1.0
BALANCERS_SECONDS = 5.0
SLOW_START_SECONDS = 1.0
"""How often the share of a target in slow start is raised."""


class Service:
    def __init__(
        self, api: ElbApi, caddy: Caddy, addresses: Addresses, sign: Sign, report: jobs.Report
    ) -> None:
        self._api, self._caddy, self._addresses = api, caddy, addresses
        self._sign, self._send_report = sign, report
        self._pools: dict[str, Pool] = {}
        self._groups: list[TargetGroup] = []
        self._balancers: list[LoadBalancer] | None = None
        self._read_at = float("-inf")
        """When the load balancers were read."""
        self._targets_changed, self._health_changed = threading.Event(), threading.Event()

    def run(self) -> NoReturn:
        """Run until a job fails; raises its error, CaddyError when Caddy has ended."""
        jobs.run(self._follow, self._route, self._report)

    def _follow(self) -> NoReturn:
        jobs.follow(self._read, TARGETS_SECONDS)

    def _read(self) -> None:
        if time.monotonic() - self._read_at >= BALANCERS_SECONDS:
            self._update(self._api.balancers())
            self._read_at = time.monotonic()
        for group in self._groups:
            self._pools[group.arn].register(self._api.targets(group), group)

    def _update(self, balancers: list[LoadBalancer]) -> None:
        self._groups = self._api.groups(balancers)
        for group in self._groups:
            pool = self._pools.get(group.arn) or Pool(group, self._on_change)
            pool.register(self._api.targets(group), group)
            self._pools = {**self._pools, group.arn: pool}
        current = {group.arn for group in self._groups}
        for arn in self._pools.keys() - current:
            self._pools[arn].register(set(), self._pools[arn].group)
        self._pools = {arn: pool for arn, pool in self._pools.items() if arn in current}
        if balancers != self._balancers:
            addresses = self._addresses.assign([balancer.name for balancer in balancers])
            self._caddy.configure(configuration(balancers, addresses, self._caddy.admin, self._sign))
            self._balancers = balancers
            log("configured", addresses=addresses)

    def _on_change(self) -> None:
        self._targets_changed.set()
        self._health_changed.set()

    def _route(self) -> NoReturn:
        current: dict[str, list[str]] = {}
        while True:
            self._targets_changed.clear()
            targets = {arn: pool.in_service() for arn, pool in self._pools.items()}
            if targets != current:
                self._caddy.set_targets(targets)
                current = targets
            self._targets_changed.wait(SLOW_START_SECONDS)

    def _report(self) -> NoReturn:
        jobs.report(self._health, self._health_changed, self._send_report)

    def _health(self) -> jobs.Health:
        return {arn: pool.health() for arn, pool in self._pools.items()}
