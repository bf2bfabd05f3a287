"""A tree of DNS records: its shape, the digest of its shape, its records. `plan.dns` explains trees."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from plan.edges import edge_name, health_check
from plan.geo import DEFAULT, continent_of
from plan.records import (
    Alias,
    CompanyRoute,
    Failover,
    Geolocation,
    Latency,
    Leaf,
    Record,
    RegionRoute,
    Routing,
    RoutingPolicy,
    Tree,
    Weighted,
)

_DIGEST_LENGTH = 12  # hex digits: 48 bits, where a zone holds thousands of trees at most

Order = tuple[str, ...]


def serving_order(
    policy: RoutingPolicy, company: CompanyRoute, regions: Mapping[str, RegionRoute]
) -> tuple[RegionRoute, ...]:
    """The company's regions: for `failover` in its order, active regions first; else by name."""
    own = [regions[name] for name in company.regions]
    if policy is RoutingPolicy.FAILOVER:
        return tuple(sorted(own, key=lambda region: not region.active))
    return tuple(sorted(own, key=lambda region: region.name))


def geo_orders(members: Sequence[RegionRoute]) -> dict[str, Order]:
    """For each geo code of the members, and always for `default`: the regions in serving order.

    First the code's region, then the region of a country's continent, then the default region, then the
    others by name; but all active regions before all passive regions. A company without the code `default`
    takes its first active region by name as the default. `members` are sorted by name.
    """
    owner = {code: region.name for region in members for code in region.geo}
    owner.setdefault(DEFAULT, next(region.name for region in members if region.active))
    passive = {region.name for region in members if not region.active}
    orders: dict[str, Order] = {}
    for code in sorted(owner):
        nearest = [owner[place] for place in (code, continent_of(code), DEFAULT) if place in owner]
        preferred = dict.fromkeys([*nearest, *(region.name for region in members)])
        orders[code] = tuple(sorted(preferred, key=lambda name: name in passive))
    return orders


@dataclass(frozen=True, kw_only=True)
class TreePlanner:
    """Plans the tree of all companies with one shape. `members` come from `serving_order`."""

    domain: str
    policy: RoutingPolicy
    company: CompanyRoute
    members: tuple[RegionRoute, ...]
    endpoints: Mapping[str, str]

    @cached_property
    def digest(self) -> str:
        """A digest of everything that determines names, set identifiers and alias targets of the records.

        It excludes the values of records (weights, endpoints, health checks), which change in place.
        """
        shape = {
            "policy": self.policy,
            "edge": self.company.edge,
            "dedicated": self.company.namespace if self.company.dedicated else None,
            "regions": [[region.name, "active" if region.active else "passive"] for region in self.members],
            "geo": self._geo_orders,
        }
        canonical = json.dumps(shape, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:_DIGEST_LENGTH]

    def tree(self) -> Tree:
        match self.policy:
            case RoutingPolicy.LATENCY | RoutingPolicy.WEIGHTED:
                records = self._groups()
            case RoutingPolicy.FAILOVER:
                records = self._chains({tuple(region.name for region in self.members): self._root})
            case RoutingPolicy.GEO:
                records = self._geo()
        ordered = sorted(records, key=lambda record: (record.name, record.set_identifier or ""))
        return Tree(digest=self.digest, name=self._root, records=tuple(ordered))

    @property
    def _root(self) -> str:
        # No namespace and no edge contains an underscore, so no other record has a name below the root.
        return f"{self.digest}._tree.{self.domain}"

    @cached_property
    def _geo_orders(self) -> dict[str, Order]:
        return geo_orders(self.members) if self.policy is RoutingPolicy.GEO else {}

    def _groups(self) -> Iterator[Record]:
        active = [region for region in self.members if region.active]
        passive = [region for region in self.members if not region.active]
        if not passive:
            yield from self._group(self._root, active)
            return
        yield self._failover(self._root, "PRIMARY", Alias(f"active.{self._root}"))
        yield self._failover(self._root, "SECONDARY", Alias(f"passive.{self._root}"))
        yield from self._group(f"active.{self._root}", active)
        yield from self._group(f"passive.{self._root}", passive)

    def _group(self, name: str, regions: Sequence[RegionRoute]) -> Iterator[Record]:
        for region in regions:
            routing: Routing = (
                Weighted(region.weight) if self.policy is RoutingPolicy.WEIGHTED else Latency(region.name)
            )
            yield self._leaf(name, region.name, routing, region.name)

    def _geo(self) -> Iterator[Record]:
        distinct = sorted(set(self._geo_orders.values()))
        heads = {order: f"chain-{number}.{self._root}" for number, order in enumerate(distinct, start=1)}
        for code, order in self._geo_orders.items():
            yield Record(
                name=self._root,
                set_identifier=code,
                routing=Geolocation(code),
                target=Alias(heads[order]),
                check=None,
            )
        yield from self._chains(heads)

    def _chains(self, heads: Mapping[Order, str]) -> Iterator[Record]:
        """Failover chains that begin at `heads`. Chains with the same end share its nodes."""
        names = dict(heads)
        for order in heads:
            for start in range(1, len(order) - 1):
                names.setdefault(order[start:], f"chain-{len(names) + 1}.{self._root}")
        for order, name in names.items():
            yield self._leaf(name, "primary", Failover("PRIMARY"), order[0])
            if len(order) == 2:
                yield self._leaf(name, "secondary", Failover("SECONDARY"), order[1])
            elif len(order) > 2:
                yield self._failover(name, "SECONDARY", Alias(names[order[1:]]))

    def _failover(self, name: str, role: Literal["PRIMARY", "SECONDARY"], target: Alias) -> Record:
        return Record(
            name=name, set_identifier=role.lower(), routing=Failover(role), target=target, check=None
        )

    def _leaf(self, name: str, set_identifier: str, routing: Routing, region: str) -> Record:
        check = health_check(
            domain=self.domain, company=self.company, region=region, endpoints=self.endpoints
        )
        value = self.endpoints.get(region) or edge_name(region, self.company.edge, self.domain)
        return Record(
            name=name, set_identifier=set_identifier, routing=routing, target=Leaf(value), check=check.key
        )
