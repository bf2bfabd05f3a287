"""The health of Network Load Balancers, each before one Application Load Balancer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from local.cluster.alb.elb_api import TargetGroup
from local.cluster.alb.health import HEALTHY, INITIAL, Pool

Targets = Iterable[tuple[TargetGroup, Iterable[str]]]
"""Target groups of a Network Load Balancer, and `<ARN>:<port>` of each target, which is a load balancer."""


class Fronts:
    """The Network Load Balancers that are endpoints of accelerators. Any thread may read their health."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._pools: dict[str, Pool] = {}
        """By ARN of the target group."""
        self._targets: dict[str, dict[str, str]] = {}
        """By ARN of the target group: `<ARN>:<port>` by `<address>:<port>`."""
        self._endpoints: dict[str, list[str]] = {}
        """ARNs of target groups, by ARN of the Network Load Balancer."""

    def register(self, endpoints: Mapping[str, Targets], addresses: Mapping[str, str]) -> None:
        """All Network Load Balancers from now on, by ARN. `addresses`: of the targets, by ARN."""
        pools, targets, groups = dict[str, Pool](), dict[str, dict[str, str]](), dict[str, list[str]]()
        for endpoint, own in endpoints.items():
            for group, registered in own:
                targets[group.arn] = _by_address(registered, addresses)
                pools[group.arn] = self._pools.get(group.arn) or Pool(group, self._on_change)
                pools[group.arn].register(targets[group.arn].keys(), group)
                groups.setdefault(endpoint, []).append(group.arn)
        for arn in self._pools.keys() - pools.keys():
            self._pools[arn].register(set(), self._pools[arn].group)
        self._pools, self._targets, self._endpoints = pools, targets, groups

    def health(self) -> dict[str, dict[str, tuple[str, str]]]:
        """State and reason of each target of each target group."""
        return {
            arn: {self._targets[arn][at]: state for at, state in pool.health().items()}
            for arn, pool in self._pools.items()
        }

    def is_healthy(self, endpoint: str) -> bool | None:
        """Whether each of its target groups has a healthy target; None before the first judgement."""
        pools = [self._pools[arn] for arn in self._endpoints.get(endpoint, ())]
        states = [{state for state, _ in pool.health().values()} for pool in pools]
        if not states or any(each <= {INITIAL} for each in states):
            return None
        return all(HEALTHY in each for each in states)


def _by_address(targets: Iterable[str], addresses: Mapping[str, str]) -> dict[str, str]:
    split = ((target, *target.rpartition(":")[::2]) for target in targets)
    return {f"{addresses[arn]}:{port}": target for target, arn, port in split if arn in addresses}
