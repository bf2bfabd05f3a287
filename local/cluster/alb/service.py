"""The load balancers of one region: followed in the emulator, checked, answered for."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from local.aws.emulator import EmulatorError
from local.cluster.alb.addresses import Addresses
from local.cluster.alb.caddy import Proxy
from local.cluster.alb.caddy_config import Sign, configuration
from local.cluster.alb.elb_api import Balancer, Group, Reading
from local.cluster.alb.health import Pool
from runtime.logs import log

TARGETS_SECONDS = 1.0
BALANCERS_SECONDS = 5.0
TELL_SECONDS = 10.0
"""How often health is told that has not changed: a new emulator does not know it."""
TICK_SECONDS = 1.0
"""How often a slow start goes on."""

REPORT_SECONDS = 0.2
"""The least between two reports."""

Tell = Callable[[Mapping[str, Mapping[str, tuple[str, str]]]], None]


class Service:
    def __init__(self, reading: Reading, proxy: Proxy, addresses: Addresses, sign: Sign, tell: Tell) -> None:
        self._reading, self._proxy, self._addresses = reading, proxy, addresses
        self._sign, self._tell = sign, tell
        self._pools: dict[str, Pool] = {}
        self._groups: list[Group] = []
        self._balancers: list[Balancer] | None = None
        self._changed, self._told = threading.Event(), threading.Event()

    def run(self) -> NoReturn:
        """Until one of the jobs fails: raises what it raised, ProxyError when Caddy is gone."""
        failed = SimpleQueue[BaseException]()

        def do(job: Callable[[], NoReturn]) -> None:
            try:
                job()
            except BaseException as error:
                failed.put(error)

        for job in (self._follow, self._direct, self._report):
            threading.Thread(target=do, args=(job,), daemon=True).start()
        raise failed.get()

    def _follow(self) -> NoReturn:
        """What the emulator says; while it says nothing, what was known stays."""
        read, problem = float("-inf"), ""
        while True:
            try:
                if time.monotonic() - read >= BALANCERS_SECONDS:
                    self._take(self._reading.balancers())
                    read = time.monotonic()
                for group in self._groups:
                    self._pools[group.arn].register(self._reading.targets(group), group)
                problem = ""
            except (BotoCoreError, ClientError, ValueError) as error:
                if str(error) != problem:
                    log("not-followed", level="warning", error=str(error))
                problem = str(error)
            time.sleep(TARGETS_SECONDS)

    def _take(self, balancers: list[Balancer]) -> None:
        self._groups = self._reading.groups(balancers)
        for group in self._groups:
            pool = self._pools.get(group.arn) or Pool(group, self._on_change)
            pool.register(self._reading.targets(group), group)
            self._pools = {**self._pools, group.arn: pool}
        kept = {group.arn for group in self._groups}
        for arn in self._pools.keys() - kept:
            self._pools[arn].register(set(), self._pools[arn].group)
        self._pools = {arn: pool for arn, pool in self._pools.items() if arn in kept}
        if balancers != self._balancers:
            addresses = self._addresses.of([one.name for one in balancers])
            self._proxy.configure(configuration(balancers, addresses, self._proxy.admin, self._sign))
            self._balancers = balancers
            log("configured", addresses=addresses)

    def _on_change(self) -> None:
        self._changed.set()
        self._told.set()

    def _direct(self) -> NoReturn:
        told: dict[str, list[str]] = {}
        while True:
            self._changed.clear()
            wanted = {arn: pool.open() for arn, pool in self._pools.items()}
            if wanted != told:
                self._proxy.target(wanted)
                told = wanted
            self._changed.wait(TICK_SECONDS)

    def _report(self) -> NoReturn:
        while True:
            self._told.clear()
            health = {arn: pool.health() for arn, pool in self._pools.items()}
            try:
                self._tell(health)
            except (OSError, http.client.HTTPException, EmulatorError) as error:
                log("health-not-told", level="warning", error=str(error))
            time.sleep(REPORT_SECONDS)
            self._told.wait(TELL_SECONDS)
