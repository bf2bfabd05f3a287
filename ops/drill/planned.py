"""Where clients of a company go, as its stack file says."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from plan.edges import edge_name
from plan.names import host_of
from plan.records import to_api
from plan.resolver import Client, resolve
from settings import Company, Settings
from settings.models import Manager
from settings.routes import check_of, record_plan


def region_of(answer: Mapping[str, Fraction], edges: Mapping[str, str], wanted: str) -> str:
    """The region that the drill's client follows in a DNS answer: `wanted` while the answer has it, else the
    likeliest, empty without any. A name that is no load balancer of the stack stands for itself."""
    regions: dict[str, Fraction] = {}
    for target, share in answer.items():
        name = edges.get(target, target)
        regions[name] = regions.get(name, Fraction(0)) + share
    return wanted if wanted in regions else max(sorted(regions), key=regions.__getitem__, default="")


def edges_of(settings: Settings) -> dict[str, str]:
    edges = {}
    for region in settings.regions:
        if region.endpoint:
            edges[region.endpoint.lower()] = region.name
        for edge in {company.edge for company in settings.companies}:
            edges[edge_name(region.name, edge, settings.domain).lower()] = region.name
    return edges


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The records that the stack file leads to."""

    settings: Settings
    records: Sequence[Mapping[str, Any]]
    """Health checks have their keys as ids."""

    @classmethod
    def of(cls, settings: Settings) -> Planned:
        plan = record_plan(settings)
        keys = {check.key: check.key for check in plan.checks}
        records = [to_api(record, keys, "Z") for record in plan.records]
        return cls(settings=settings, records=records)

    def answer(self, company: Company, client: Client, healthy: Collection[str], wanted: str) -> str:
        """The region that the company's name leads to while these regions are healthy."""
        if self.settings.load_balancing.manager is Manager.GLOBAL_ACCELERATOR:
            return next((name for name in client.nearest if name in healthy), wanted)
        fit = {check_of(self.settings, company, name).key for name in healthy}
        host = host_of(company.namespace, self.settings.domain)
        answer = resolve(self.records, host, client, fit.__contains__)
        return region_of(answer, edges_of(self.settings), wanted)
