"""The load balancers of one region: read from the emulator, checked and served."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Mapping
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from local.aws.emulator import EmulatorError
from local.cluster import jobs
from local.cluster.alb.addresses import Addresses
from local.cluster.alb.caddy import Caddy
from local.cluster.alb.caddy_config import Sign, configuration
from local.cluster.alb.elb_api import ElbApi, LoadBalancer, TargetGroup
from local.cluster.alb.health import Pool
from runtime.logs import log

TARGETS_SECONDS = 1.0
BALANCERS_SECONDS = 5.0
REPEAT_SECONDS = 10.0
"""Health that has not changed is reported again: a restarted emulator does not know it."""
SLOW_START_SECONDS = 1.0
"""How often the share of a target in slow start is raised."""
REPORT_SECONDS = 0.2
"""The shortest interval between two reports."""

Report = Callable[[Mapping[str, Mapping[str, tuple[str, str]]]], None]


class Service:
    def __init__(self, api: ElbApi, caddy: Caddy, addresses: Addresses, sign: Sign, report: Report) -> None:
        self._api, self._caddy, self._addresses = api, caddy, addresses
        self._sign, self._send_report = sign, report
        self._pools: dict[str, Pool] = {}
        self._groups: list[TargetGroup] = []
        self._balancers: list[LoadBalancer] | None = None
        self._targets_changed, self._health_changed = threading.Event(), threading.Event()

    def run(self) -> NoReturn:
        """Run until a job fails; raises its error, CaddyError when Caddy has ended."""
        jobs.run(self._follow, self._route, self._report)

    def _follow(self) -> NoReturn:
        """Read the emulator. While the emulator does not answer, the last answer counts."""
        read, last_error = float("-inf"), ""
        while True:
            try:
                if time.monotonic() - read >= BALANCERS_SECONDS:
                    self._update(self._api.balancers())
                    read = time.monotonic()
                for group in self._groups:
                    self._pools[group.arn].register(self._api.targets(group), group)
                last_error = ""
            except (BotoCoreError, ClientError, ValueError) as error:
                if str(error) != last_error:
                    log("not-followed", level="warning", error=str(error))
                last_error = str(error)
            time.sleep(TARGETS_SECONDS)

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
        while True:
            self._health_changed.clear()
            health = {arn: pool.health() for arn, pool in self._pools.items()}
            try:
                self._send_report(health)
            except (OSError, http.client.HTTPException, EmulatorError) as error:
                log("health-not-reported", level="warning", error=str(error))
            time.sleep(REPORT_SECONDS)
            self._health_changed.wait(REPEAT_SECONDS)
