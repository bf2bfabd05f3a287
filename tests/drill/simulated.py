"""A platform that exists in virtual time only: what it does, and what of it can be sabotaged.

The drill's own parts run for real: checkers, records, clients, writers, the run itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ops.drill.observe.brains import BrainError
from ops.drill.observe.clock import Task
from ops.drill.observe.http import Request, Response
from ops.drill.observe.record import ANSWER, CLEAR, DEAD, FAIL, NONE, READY, SET, SYSTEM, Lane, State
from ops.drill.scenario import Scenario, Tenant
from ops.probing.containers import BRAIN
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
                texts = list(self.table(tenant.namespace, tenant.home).texts)
                self.copied[tenant.namespace] = (self.now, texts)

    def _memory(self) -> None:
        for tenant in self.scenario.moving:
            if not tenant.follows:
                continue
            name, away = tenant.namespace, tenant.away
            assert away is not None
            took = SWAP + self.sabotage.slow_swap
            if self.flag and self.now - self.flag_changed >= took and name not in self.swapped:
                self.swapped[name] = self.now
                self.table(name, away).texts = list(self.copied.get(name, (0, []))[1])
            if not self.flag and name in self.swapped and self.ready(name):
                del self.swapped[name]
                home, there = self.table(name, tenant.home), self.table(name, away)
                self.aside[name] = [text for text in home.texts if text not in there.texts]
                home.texts = list(there.texts)
                if self.sabotage.memory_is_forgotten_on_return:
                    home.texts, self.aside[name] = home.texts[:1], []

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


class Observer:
    every = 0.25

    def __init__(self, lane: Lane, observe: Callable[[], Mapping[str, State]]) -> None:
        self.lane, self.observe = lane, observe


def observers(platform: Platform) -> list[Observer]:
    names = list(platform.scenario.namespaces)
    [(host, path)] = platform.scenario.health

    def observer(lane: Lane, subjects: list[str], state: Callable[[str], str]) -> Observer:
        return Observer(lane, lambda: {each: State(state=state(each)) for each in subjects})

    def health(_: str) -> str:
        request = Request(host="", path=path, connect=1, answer=1)
        response = platform.send(host, request)
        return str(response.status) if response.status else DEAD

    return [
        observer(Lane.FLAG, [SYSTEM, *names], lambda _: SET if platform.flag else CLEAR),
        observer(Lane.PROBES, [SYSTEM], lambda _: FAIL if platform.probes_fail else ANSWER),
        observer(Lane.ENDPOINTS, names, lambda name: READY if platform.ready(name) else NONE),
        observer(Lane.WORKLOADS, names, lambda name: FAIL if name in platform.dead else ANSWER),
        observer(Lane.HEALTH, [f"{host}{path}"], health),
    ]


class SimulatedBrains:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def store(self, namespace: str, region: str, company: str, text: str) -> None:
        self._require(namespace, region)
        self._platform.table(namespace, region).texts.append(text)

    def query(self, namespace: str, region: str, company: str, text: str, limit: int) -> str:
        self._require(namespace, region)
        sabotage = self._platform.sabotage
        if company.endswith("-nobody") and not sabotage.brain_mixes_companies:
            return "No relevant memories found."
        found = list(self._platform.table(namespace, region).texts)
        if sabotage.memory_of_another_company:
            found += [one.replace(f".{namespace}.", ".initech.") for one in found[:1]]
        return "\n".join(found[:limit]) or "No relevant memories found."

    def not_serving(self, namespace: str, region: str) -> str:
        platform = self._platform
        home = next(tenant.home for tenant in platform.scenario.tenants if tenant.namespace == namespace)
        if region == home:
            return (
                ""
                if not platform.flag and namespace not in {*platform.swapped, *platform.dead}
                else "standby"
            )
        return "" if namespace in platform.swapped else "catching up"

    def diverged_markers(self, namespace: str, region: str, pattern: str) -> list[str]:
        return self._platform.aside.get(namespace, [])

    def _require(self, namespace: str, region: str) -> None:
        if region == self._platform.region and namespace in self._platform.dead:
            raise BrainError("no answer in 5 s")


class SimulatedSnapshots:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def newest(self, tenant: Tenant, region: str) -> float | None:
        made = self._platform.copied.get(tenant.namespace)
        return NOON + made[0] if made else None


@dataclass
class SimulatedFault:
    platform: Platform
    cut_off: bool = False
    injected: int = 0
    removed: int = 0

    def prepare(self) -> None:
        pass

    def inject(self) -> str:
        self.injected += 1
        scenario, self.platform.down_at = self.platform.scenario, self.platform.now
        self.platform.dead = frozenset(scenario.lost or scenario.namespaces)
        return "6 StatefulSets scaled to 0"

    def bring_back(self) -> str:
        """Of a lost zone: its volumes are gone, and what was copied is restored."""
        platform = self.platform
        if not platform.scenario.loss or platform.sabotage.moves_nothing:
            return ""
        kept = slice(1 if platform.sabotage.restores_an_old_snapshot else None)
        for tenant in platform.scenario.moving:
            if platform.scenario.loses(tenant.namespace, BRAIN):
                texts = platform.copied[tenant.namespace][1]
                platform.table(tenant.namespace, tenant.home).texts = texts[kept]
        platform.up_at = platform.now + BOOT
        return "moved"

    def remove(self) -> str:
        self.removed += 1
        if self.platform.dead and self.platform.up_at is None and not self.platform.sabotage.moves_nothing:
            self.platform.up_at = self.platform.now + BOOT
        return "6 StatefulSets scaled back"
