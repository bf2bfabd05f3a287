"""The health of Network Load Balancers, each before one Application Load Balancer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from local.cluster.alb.elb_api import TargetGroup
from local.cluster.alb.health import HEALTHY, INITIAL, Pool

Targets = Iterable[tuple[TargetGroup, Iterable[str]]]
"""Target groups of a Network Load Balancer, and `<ARN>:<port>` of each target, which is a load balancer."""


@dataclass(frozen=True)
class _Group:
    pool: Pool
    targets: Mapping[str, str]
    """`<ARN>:<port>` by `<address>:<port>`."""

    def health(self) -> dict[str, tuple[str, str]]:
        """State and reason of each target, by ARN and port."""
        states = self.pool.health()
        return {target: states[at] for at, target in self.targets.items() if at in states}


class Fronts:
    """The Network Load Balancers that are endpoints of accelerators. Any thread may read their health."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._groups: dict[str, dict[str, _Group]] = {}
        """By ARN of the Network Load Balancer and of the target group."""

    def register(self, endpoints: Mapping[str, Targets], addresses: Mapping[str, str]) -> None:
        """All Network Load Balancers from now on, by ARN. `addresses`: of the targets, by ARN."""
        before = {arn: group for own in self._groups.values() for arn, group in own.items()}
        now: dict[str, dict[str, _Group]] = {}
        for endpoint, own in endpoints.items():
            now[endpoint] = {}
            for group, registered in own:
                known = before.pop(group.arn, None)
                pool = known.pool if known else Pool(group, self._on_change)
                targets = _by_address(registered, addresses)
                pool.register(targets.keys(), group)
                now[endpoint][group.arn] = _Group(pool, targets)
        for gone in before.values():
            gone.pool.register(set(), gone.pool.group)
        self._groups = now

    def health(self) -> dict[str, dict[str, tuple[str, str]]]:
        """State and reason of each target of each target group."""
        return {arn: group.health() for own in self._groups.values() for arn, group in own.items()}

    def is_healthy(self, endpoint: str) -> bool | None:
        """Whether each of its target groups has a healthy target; None before the first judgement."""
        groups = self._groups.get(endpoint, {}).values()
        states = [{state for state, _ in group.health().values()} for group in groups]
        if not states or any(each <= {INITIAL} for each in states):
            return None
        return all(HEALTHY in each for each in states)


def _by_address(targets: Iterable[str], addresses: Mapping[str, str]) -> dict[str, str]:
    split = ((target, *target.rpartition(":")[::2]) for target in targets)
    return {f"{addresses[arn]}:{port}": target for target, arn, port in split if arn in addresses}
