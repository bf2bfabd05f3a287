"""A platform that exists in virtual time only: what it does, and what of it can be sabotaged.

The drill's own parts run for real: checkers, records, clients, writers, the run itself.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field

from ops.drill.observe.clock import Task
from ops.drill.observe.http import Request, Response
from ops.drill.scenario import Scenario
from plan.accelerators import LEAVING_SECONDS
from runtime.controller.survey import most_fail
from tests.drill.scenarios import SYNC

NOON = 1_800_000_000.0
STEP_SECONDS = 0.05
INTERVAL, ROUNDS, TIMEOUT = 5.0, 3, 1.0
READINESS = 5.0
SWAP = 8.0
BOOT = 12.0


class SimulatedClock:
    """A Clock whose time passes when it is slept, and only then."""

    def __init__(self, platform: Platform | None = None) -> None:
        self.platform, self._now = platform, 0.0
        self._tasks: list[tuple[float, int, Task]] = []

    def now(self) -> float:
        return self._now

    def utc(self) -> float:
        return NOON + self._now

    def sleep(self, seconds: float) -> None:
        until = self._now + seconds
        while self._now < until - 1e-9:
            self._now = min(until, self._now + STEP_SECONDS)
            assert self.platform is not None
            self.platform.pass_time(self._now)
            for index, (at, number, task) in enumerate(self._tasks):
                if at <= self._now:
                    self._tasks[index] = (self._now + task.every, number, task)
                    task.turn()

    def start(self, task: Task) -> None:
        self._tasks.append((self._now, len(self._tasks), task))

    def submit(self, job: Callable[[], None]) -> None:
        job()

    def close(self) -> None:
        self._tasks = []


@dataclass(kw_only=True)
class Sabotage:
    readiness_ignores_the_flag: bool = False
    readiness_asks_the_application_alone: bool = False
    controller_cannot_patch: bool = False
    copies_nothing: bool = False
    brain_mixes_companies: bool = False
    memory_of_another_company: bool = False
    health_path_lies: bool = False
    flag_stays: bool = False
    memory_is_forgotten_on_return: bool = False
    pods_do_not_come_back: bool = False
    one_zone_fails_the_region: bool = False
    moves_nothing: bool = False
    restores_an_old_snapshot: bool = False
    slow_swap: float = 0.0
    slow_probes: float = 0.0


@dataclass
class Table:
    """What a company's memory in a region holds."""

    texts: list[str] = field(default_factory=list)


class Platform:
    """Two regions in one cluster; `region` is the one that fails."""

    def __init__(self, scenario: Scenario, sabotage: Sabotage, hold_down: int = 1) -> None:
        self.scenario, self.sabotage, self.hold_down = scenario, sabotage, hold_down
        self.region = scenario.region
        self.now = 0.0
        self.down_at: float | None = None
        self.up_at: float | None = None
        self.dead = frozenset[str]()
        """Companies whose workloads in the region do not answer."""
        self.bad = self.good = 0
        self.next_round = INTERVAL / 3
        self.probes_fail = False
        self.flag = False
        self.flag_changed = float("-inf")
        self.gated = False
        self.memories: dict[tuple[str, str], Table] = {}
        self.copied: dict[str, tuple[float, list[str]]] = {}
        self.next_copy = 1.0
        self.swapped: dict[str, float] = {}
        self.aside: dict[str, list[str]] = {}
        self.left, self.differs_since = False, float("inf")
        """Whether the accelerator has left the region."""

    # What happens by itself.

    def pass_time(self, now: float) -> None:
        self.now = now
        if self.up_at is not None and now >= self.up_at and not self.sabotage.pods_do_not_come_back:
            self.dead, self.down_at, self.up_at = frozenset(), None, None
        if now >= self.next_round:
            self.next_round += INTERVAL
            self._round()
        if now >= self.next_copy:
            self.next_copy = now + SYNC
            self._copy()
        self._readiness()
        self._memory()
        self._accelerate()

    def _round(self) -> None:
        slow = self.down_at is not None and self.now - self.down_at < self.sabotage.slow_probes
        self.probes_fail = bool(self.dead) and not slow
        answers = [name not in self.dead for name in self.scenario.namespaces]
        failing = self.probes_fail and (most_fail(answers) or self.sabotage.one_zone_fails_the_region)
        self.bad = self.bad + 1 if failing else 0
        self.good = 0 if failing else self.good + 1
        if self.sabotage.controller_cannot_patch:
            return
        if not self.flag and self.bad >= ROUNDS:
            self.flag, self.flag_changed, self.good = True, self.now, 0
        elif self.flag and self.good >= ROUNDS * self.hold_down and not self.sabotage.flag_stays:
            self.flag, self.flag_changed = False, self.now

    def _readiness(self) -> None:
        flagged = self.flag if self.now - self.flag_changed >= READINESS else not self.flag
        flagged = flagged and self.flag_changed != float("-inf")
        self.gated = flagged and not self.sabotage.readiness_asks_the_application_alone

    def ready(self, namespace: str) -> bool:
        answers = namespace not in self.dead and not self.gated
        return answers or self.sabotage.readiness_ignores_the_flag

    def _copy(self) -> None:
        if self.sabotage.copies_nothing:
            return
        for tenant in self.scenario.moving:
            if tenant.namespace not in self.dead:
                texts = list(self.table(tenant.namespace, tenant.usual_region).texts)
                self.copied[tenant.namespace] = (self.now, texts)

    def _memory(self) -> None:
        for tenant in self.scenario.moving:
            if not tenant.follows:
                continue
            name, failover = tenant.namespace, tenant.failover_region
            assert failover is not None
            took = SWAP + self.sabotage.slow_swap
            if self.flag and self.now - self.flag_changed >= took and name not in self.swapped:
                self.swapped[name] = self.now
                self.table(name, failover).texts = list(self.copied.get(name, (0, []))[1])
            if not self.flag and name in self.swapped and self.ready(name):
                del self.swapped[name]
                usual, there = self.table(name, tenant.usual_region), self.table(name, failover)
                self.aside[name] = [text for text in usual.texts if text not in there.texts]
                usual.texts = list(there.texts)
                if self.sabotage.memory_is_forgotten_on_return:
                    usual.texts, self.aside[name] = usual.texts[:1], []

    # What can be done to it.

    def table(self, namespace: str, region: str) -> Table:
        return self.memories.setdefault((namespace, region), Table())

    def send(self, name: str, request: Request) -> Response:
        """A load balancer's answer."""
        region = name.split(".")[0]
        if request.path.startswith("/healthz/"):
            failed = region == self.region and self.flag and not self.sabotage.health_path_lies
            return Response(status=503 if failed else 200, detail="503" if failed else "200")
        asked = [each.namespace for each in self.scenario.tenants if each.host == request.host]
        served = all(self.ready(each) and each not in self.dead for each in asked)
        if region == self.region and not served:
            return Response(status=503, detail="503")
        return Response(status=200, detail="200")

    def talk(self, name: str, requests: Iterable[Request]) -> Generator[Response]:
        """An accelerator's answers: from the region's load balancer, or the other region's."""
        [other] = {
            tenant.usual_region for tenant in self.scenario.tenants if tenant.usual_region != self.region
        } or {tenant.failover_region for tenant in self.scenario.tenants}
        assert other is not None
        for request in requests:
            region = other if self.left else self.region
            known = request.path in ("/health", f"/healthz/{region}")
            yield self.send(f"{region}.local.test", request) if known else Response(status=404, detail="404")

    def _accelerate(self) -> None:
        """The accelerator follows the health path as late as it may."""
        if self.left is not self.flag:
            self.differs_since = min(self.differs_since, self.now)
            if self.now - self.differs_since >= LEAVING_SECONDS:
                self.left = self.flag
        if self.left is self.flag:
            self.differs_since = float("inf")
