"""The table of indicators: whom each is about, its healthy state, and how the report shows its states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ops.drill.observe.record import ANSWER, CLEAR, DEAD, FAIL, NONE, OK, READY, SET, SYSTEM, Indicator
from ops.drill.scenario import Scenario


class Fill(StrEnum):
    """How the page fills a bar."""

    USUAL = "usual"
    OTHER = "other"
    BAD = "bad"
    FLAGGED = "kept-out"
    """The platform knows that the region is down and keeps clients out."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class IndicatorSpec:
    indicator: Indicator
    title: str
    healthy: str
    unhealthy: str
    """The sentence for a subject that is not healthy; `{region}` stands for the region."""
    bars: Mapping[str, tuple[Fill, str]]
    """Fill and text by state; other states are FLAGGED and show themselves."""


INDICATORS = (
    IndicatorSpec(
        indicator=Indicator.WORKLOADS,
        title="workloads",
        healthy=ANSWER,
        unhealthy="workloads in {region} do not answer",
        bars={ANSWER: (Fill.USUAL, "answer"), FAIL: (Fill.BAD, "silent")},
    ),
    IndicatorSpec(
        indicator=Indicator.PROBES,
        title="controller's probes",
        healthy=ANSWER,
        unhealthy="the controller's probes of {region} fail",
        bars={ANSWER: (Fill.USUAL, "answer"), FAIL: (Fill.BAD, "fail")},
    ),
    IndicatorSpec(
        indicator=Indicator.FLAG,
        title="failed-regions",
        healthy=CLEAR,
        unhealthy="{region} is flagged as failed",
        bars={CLEAR: (Fill.USUAL, "clear"), SET: (Fill.FLAGGED, "set")},
    ),
    IndicatorSpec(
        indicator=Indicator.ENDPOINTS,
        title="Agent endpoints",
        healthy=READY,
        unhealthy="no endpoint of agent-{region} is ready",
        bars={READY: (Fill.USUAL, "ready"), NONE: (Fill.FLAGGED, "none")},
    ),
    IndicatorSpec(
        indicator=Indicator.HEALTH,
        title="health path",
        healthy=OK,
        unhealthy="the health path fails",
        bars={OK: (Fill.USUAL, "200"), DEAD: (Fill.BAD, "dead")},
    ),
)
"""All indicators but DNS, whose states are regions."""


def healthy_state(indicator: Indicator, scenario: Scenario) -> str:
    return next((spec.healthy for spec in INDICATORS if spec.indicator is indicator), scenario.region)


def subjects(indicator: Indicator, scenario: Scenario) -> Sequence[str]:
    match indicator:
        case Indicator.PROBES:
            return (SYSTEM,)
        case Indicator.FLAG:
            return (SYSTEM, *scenario.namespaces)
        case Indicator.HEALTH:
            return scenario.health_paths
        case _:
            return scenario.namespaces
