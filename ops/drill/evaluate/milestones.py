"""The milestones of a run: when each step of the table happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ops.drill.evaluate.steps import OUTAGE, RETURN, SPECS, Step, StepSpec
from ops.drill.evaluate.times import Times, Window, expected_markers
from ops.drill.observe.record import BEGUN, ENDED, STOPPED, StoredMarker, View, Writer, of_company
from ops.drill.scenario import Scenario, Tenant


@dataclass(frozen=True, kw_only=True)
class Milestone:
    step: Step
    times: Times

    @property
    def spec(self) -> StepSpec:
        return SPECS[self.step]

    @property
    def at(self) -> float | None:
        """When the step had happened for all subjects; an optional one: for the first."""
        known = [time for time in self.times.values() if time is not None]
        if self.spec.optional:
            return min(known, default=None)
        return max(known) if known and len(known) == len(self.times) else None

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(subject for subject, at in self.times.items() if at is None)


def outage_window(scenario: Scenario, view: View) -> Window:
    return Window(scenario=scenario, view=view, begin=view.mark(BEGUN), end=view.mark(ENDED))


def return_window(scenario: Scenario, view: View) -> Window:
    return Window(scenario=scenario, view=view, begin=view.mark(ENDED), end=view.mark(STOPPED))


def outage_milestones(scenario: Scenario, view: View) -> tuple[Milestone, ...]:
    window = outage_window(scenario, view)
    return _milestones(OUTAGE, window)


def return_milestones(scenario: Scenario, view: View) -> tuple[Milestone, ...]:
    window = return_window(scenario, view)
    return _milestones(RETURN, window)


def _milestones(specs: Mapping[Step, StepSpec], window: Window) -> tuple[Milestone, ...]:
    """A step without subjects does not belong to this scenario."""
    found = (Milestone(step=step, times=spec.times(window)) for step, spec in specs.items())
    return tuple(milestone for milestone in found if milestone.times)


def newest_found(window: Window, tenant: Tenant) -> StoredMarker | None:
    """The last marker stored through the usual region's Brain that another region's Brain knew."""
    known = {
        number
        for finding in of_company(window.view.findings, tenant.namespace)
        if finding.region != tenant.usual_region and window.contains(finding.at)
        for number in finding.before
    }
    stored = [
        marker
        for marker in of_company(window.view.stored, tenant.namespace)
        if marker.writer is Writer.BEFORE and marker.number in known
    ]
    return max(stored, key=lambda marker: marker.number, default=None)


def lost_markers(scenario: Scenario, view: View, tenant: Tenant) -> set[tuple[str, int]]:
    """Markers that after the return neither a Brain nor diverged files have, as they should."""
    after = [each for each in of_company(view.findings, tenant.namespace) if each.at >= view.mark(ENDED)]
    return expected_markers(scenario, view, tenant).difference(*(finding.markers for finding in after))


def is_back(view: View, tenant: Tenant) -> bool:
    """Whether the Brain of the company's usual region answered after the return."""
    return any(
        finding.region == tenant.usual_region and not finding.diverged
        for finding in of_company(view.findings, tenant.namespace)
        if finding.at >= view.mark(ENDED)
    )
