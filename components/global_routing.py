"""The aliases of the companies' record trees: they lead from a tree's root to the regions' leaves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

import pulumi
from pulumi import ComponentResource, ResourceOptions

from components.records import create_record, label_of
from plan.records import Alias, Record, Tree


@dataclass(frozen=True, kw_only=True)
class GlobalRoutingArgs:
    domain: str
    zone_id: str
    trees: Sequence[Tree]
    leaves: Mapping[str, Sequence[pulumi.Resource]]
    """The regions' leaf records, by their DNS name."""


class GlobalRouting(ComponentResource):
    """Every alias within a tree, each created after all records of its target's name.

    Route53 rejects an alias to a name that does not exist, and a company's name moves to a new tree only
    when that tree is complete.
    """

    TYPE = "agency:global_routing:GlobalRouting"

    def __init__(self, name: str, args: GlobalRoutingArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        self._records: defaultdict[str, list[pulumi.Resource]] = defaultdict(list)
        for label, leaves in args.leaves.items():
            self._records[label].extend(leaves)
        for record in _targets_first(args.trees):
            self._records[record.name].append(
                create_record(
                    f"{name}-alias@{label_of(record, args.domain)}",
                    record,
                    zone_id=args.zone_id,
                    checks={},
                    opts=ResourceOptions(parent=self, depends_on=self.records_of(record.target)),
                )
            )
        self.register_outputs({})

    def records_of(self, target: object) -> list[pulumi.Resource]:
        """All records of an alias's target."""
        return list(self._records[target.name]) if isinstance(target, Alias) else []


def _targets_first(trees: Sequence[Tree]) -> Iterator[Record]:
    """The aliases of all trees, targets before the aliases that lead to them."""
    branches: defaultdict[str, list[Record]] = defaultdict(list)
    graph = TopologicalSorter[str]()
    for record in (record for tree in trees for record in tree.records):
        if isinstance(record.target, Alias):
            branches[record.name].append(record)
            graph.add(record.name, record.target.name)
    for name in graph.static_order():
        yield from branches[name]
