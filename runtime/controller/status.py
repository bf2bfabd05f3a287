"""The status of a controller: as metrics and, in full, as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from runtime.controller import views
from runtime.controller.actions import Actions
from runtime.controller.lease import Lease
from runtime.controller.rounds import Observed
from runtime.controller.views import Page
from runtime.metrics import Metrics

PREFIX = "agency_controller"


@dataclass(frozen=True, kw_only=True)
class StatusReport:
    observed: Observed | None
    actions: Actions
    lease: Lease
    config_problem: str

    def status(self) -> dict[str, Any]:
        system, tenants = self.actions.system, self.actions.tenants
        return {
            "leading": self.lease.held(),
            "leader": self.lease.holder,
            "flags": {scope: sorted(regions) for scope, regions in sorted(system.current.flags.items())},
            "problems": {
                "api": system.problem,
                "settings": self.config_problem,
                "namespaces": tenants.problems(),
            },
            "pending": tenants.pending(),
            "round": _round(self.observed) if self.observed else None,
        }

    def gauges(self) -> Metrics:
        """Made anew for each scrape, so that what is gone is gone here too."""
        gauges, tenants = Metrics(), self.actions.tenants
        gauges.set(f"{PREFIX}_leading", float(self.lease.held()), "Whether this replica acts.")
        gauges.set(f"{PREFIX}_pending_namespaces", tenants.pending(), "Not known to have their flags.")
        gauges.set(f"{PREFIX}_failing_namespaces", len(tenants.problems()), "Whose flags could not be set.")
        gauges.set(
            f"{PREFIX}_api_away", float(bool(self.actions.system.problem)), "Whether the API can't be read."
        )
        gauges.set(
            f"{PREFIX}_settings_bad", float(bool(self.config_problem)), "Whether old settings are used."
        )
        for scope, regions in self.actions.system.current.flags.items():
            for region in regions:
                gauges.set(
                    f"{PREFIX}_flagged", 1, "Regions in failed-regions.", region=region, namespace=scope
                )
        if self.observed:
            _add_round(gauges, self.observed)
        return gauges


def _add_round(gauges: Metrics, seen: Observed) -> None:
    gauges.set(f"{PREFIX}_round_timestamp_seconds", seen.at / 1000, "When the last round ended.")
    gauges.set(f"{PREFIX}_round_seconds", seen.seconds, "How long it took.")
    for region, view in seen.assessment.views.items():
        gauges.set(f"{PREFIX}_serving", float(view.serving), "As seen from here, ungated.", region=region)
        gauges.set(f"{PREFIX}_sampled", view.sampled, "Companies asked.", region=region)
        gauges.set(f"{PREFIX}_failed", view.failed, "Companies that did not answer.", region=region)
    for region in seen.config.regions:
        unknown, disagrees = region in seen.findings.unknown, region in seen.findings.disagreeing
        gauges.set(f"{PREFIX}_unknown", float(unknown), "Too few answers since the start.", region=region)
        help = "The sample says something else than the other companies."
        gauges.set(f"{PREFIX}_sample_disagrees", float(disagrees), help, region=region)
    for scope, regions in _returning(seen).items():
        for region in regions:
            help = "Regions without a flag whose pods are not ready yet."
            gauges.set(f"{PREFIX}_returning", 1, help, region=region, namespace=scope)
    for region, page in seen.pages.items():
        gauges.set(f"{PREFIX}_peer_read", float(isinstance(page, Page)), "Pages of others.", region=region)


def _returning(seen: Observed) -> dict[str, list[str]]:
    """By scope, regions whose flag is gone and whose health path waits for their gates."""
    found: dict[str, list[str]] = {}
    for (scope, region), entry in sorted(seen.closed.items()):
        if entry.cleared is not None:
            found.setdefault(scope, []).append(region)
    return found


def _round(seen: Observed) -> dict[str, Any]:
    page: dict[str, Any] = json.loads(views.dump(seen.page))
    return page | {
        "seconds": round(seen.seconds, 3),
        "changes": [
            {"region": each.region, "namespace": each.scope, "failed": each.failed, "reason": each.reason}
            for each in seen.decision.changes
        ],
        "unhealthy": {scope: sorted(regions) for scope, regions in seen.decision.unhealthy.items()},
        "returning": _returning(seen),
        "unknown": sorted(seen.findings.unknown),
        "disagreeing": sorted(seen.findings.disagreeing),
        "peers": {region: "read" if isinstance(page, Page) else page for region, page in seen.pages.items()},
        "failures": dict(seen.failures),
    }
