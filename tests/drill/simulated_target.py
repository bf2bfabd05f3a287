"""What a drill connects to on the simulated platform: observers, Brains, snapshots, and the fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ops.drill.observe.brains import BrainError
from ops.drill.observe.http import Request
from ops.drill.observe.record import ANSWER, CLEAR, DEAD, FAIL, NONE, READY, SET, SYSTEM, Indicator, State
from ops.drill.scenario import Tenant
from ops.probing.containers import BRAIN
from tests.drill.simulated import BOOT, NOON, Platform


class Observer:
    every = 0.25

    def __init__(self, indicator: Indicator, observe: Callable[[], Mapping[str, State]]) -> None:
        self.indicator, self.observe = indicator, observe


def observers(platform: Platform) -> list[Observer]:
    names = list(platform.scenario.namespaces)
    [(host, path)] = platform.scenario.health

    def observer(indicator: Indicator, subjects: list[str], state: Callable[[str], str]) -> Observer:
        return Observer(indicator, lambda: {each: State(state=state(each)) for each in subjects})

    def health(_: str) -> str:
        request = Request(host="", path=path, connect=1, answer=1)
        response = platform.send(host, request)
        return str(response.status) if response.status else DEAD

    return [
        observer(Indicator.FLAG, [SYSTEM, *names], lambda _: SET if platform.flag else CLEAR),
        observer(Indicator.PROBES, [SYSTEM], lambda _: FAIL if platform.probes_fail else ANSWER),
        observer(Indicator.ENDPOINTS, names, lambda name: READY if platform.ready(name) else NONE),
        observer(Indicator.WORKLOADS, names, lambda name: FAIL if name in platform.dead else ANSWER),
        observer(Indicator.HEALTH, [f"{host}{path}"], health),
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
        usual = next(
            tenant.usual_region for tenant in platform.scenario.tenants if tenant.namespace == namespace
        )
        if region == usual:
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
                platform.table(tenant.namespace, tenant.usual_region).texts = texts[kept]
        platform.up_at = platform.now + BOOT
        return "moved"

    def remove(self) -> str:
        self.removed += 1
        if self.platform.dead and self.platform.up_at is None and not self.platform.sabotage.moves_nothing:
            self.platform.up_at = self.platform.now + BOOT
        return "6 StatefulSets scaled back"
