"""A zone of the region is lost: what the drill expects of its companies and of the others, what it finds, and
which zone it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ops.cluster_access import Cluster
from ops.drill.evaluate.memory import MOVED_AGE_SPAN
from ops.drill.evaluate.steps import MOVE_SPAN, Step
from ops.drill.evaluate.verdicts import OPEN, OTHER_ZONES_SPAN
from ops.drill.faults.kinds import FaultKind
from ops.drill.faults.zone import zone_loss
from ops.drill.report.document import Report
from ops.drill.report.page import page
from ops.drill.run import RunResult
from ops.drill.scenario import Scenario, ZoneLoss
from ops.errors import OperatorError
from ops.stack import Stack
from tests.drill.playing import play_run, run_report
from tests.drill.scenarios import SYNC, US, scenario, settings
from tests.drill.simulated import BOOT, Sabotage

LOST, OTHER = f"{US}a", f"{US}b"
COMPANIES = ("acme", "globex", "hooli")


def both(*namespaces: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, kind) for name in namespaces for kind in ("agent", "brain"))


ONE = replace(scenario(), loss=ZoneLoss(zone=LOST, workloads=both("acme"), region_fails=False))
ALL = replace(scenario(), loss=ZoneLoss(zone=LOST, workloads=both(*COMPANIES), region_fails=True))


def lines(sabotage: Sabotage, played: Scenario = ONE) -> tuple[str, ...]:
    result, _ = play_run(sabotage, played)
    return result.evaluation.failures


def verdict(result: RunResult, what: str) -> Any:
    return next(each for each in result.evaluation.verdicts if each.what == what)


def test_a_company_of_the_lost_zone_comes_back_and_the_others_notice_nothing() -> None:
    result, _ = play_run(played=ONE)

    assert result.evaluation.ok, result.evaluation.failures
    outage = [each.step for each in result.evaluation.outage.milestones]
    assert outage == [Step.CLIENT_FAILS, Step.SILENT, Step.PROBE_FAILS, Step.ENDPOINTS]
    assert verdict(result, OTHER_ZONES_SPAN).seconds == 0
    assert verdict(result, MOVE_SPAN).seconds == pytest.approx(BOOT, abs=1)
    assert 0 < verdict(result, MOVED_AGE_SPAN).seconds <= SYNC + 2


def test_where_all_companies_are_in_the_lost_zone_the_region_fails_over_and_comes_back() -> None:
    result, _ = play_run(played=ALL)

    assert result.evaluation.ok, result.evaluation.failures
    steps = [
        each.step for each in (*result.evaluation.outage.milestones, *result.evaluation.on_return.milestones)
    ]
    assert {Step.SILENT, Step.FLAG, Step.DNS, Step.MEMORY, Step.MOVED, Step.MEMORY_MOVED} <= set(steps)
    assert Step.MEMORY_BACK not in steps, "no watched company has kept its volume"
    assert not [each for each in result.evaluation.verdicts if each.what == OPEN]


def test_a_company_whose_clients_are_elsewhere_waits_for_the_zone() -> None:
    standby = ZoneLoss(zone=LOST, workloads=both("acme", "hooli"), region_fails=False)
    result, _ = play_run(played=replace(ONE, loss=standby))

    assert result.evaluation.ok, result.evaluation.failures
    silent, moved = (
        next(each for each in part.milestones if each.step is step)
        for part, step in ((result.evaluation.outage, Step.SILENT), (result.evaluation.on_return, Step.MOVED))
    )
    assert (set(silent.times), set(moved.times)) == ({"acme", "hooli"}, {"acme"})


def test_a_company_that_does_not_come_back_is_named() -> None:
    said = lines(Sabotage(moves_nothing=True))

    assert any("workloads of acme that were moved to another zone do not answer" in line for line in said), (
        said
    )


def test_a_region_that_is_flagged_for_one_zone_breaks_a_promise() -> None:
    assert any(f"{US} was flagged" in line for line in lines(Sabotage(one_zone_fails_the_region=True)))


def test_an_old_memory_in_the_other_zone_breaks_a_promise() -> None:
    played = replace(ONE, limits=replace(ONE.limits, age=SYNC))
    assert any(
        line.startswith(MOVED_AGE_SPAN) for line in lines(Sabotage(restores_an_old_snapshot=True), played)
    )


def test_the_page_and_the_document_name_the_zone() -> None:
    run = run_report(played=ONE, fault=FaultKind.ZONE)
    report = Report(scenario=scenario(), started=run.at, runs=[run])

    text, [document] = page(report), report.document()["runs"]
    assert LOST in text and "The companies of a lost zone answered at most" in text
    assert (document["zone"], document["movedMemoryAge"].keys()) == (LOST, {"acme"})


class Api:
    """Claims, volumes and nodes: of each company's workloads the zone, None for a volume of every zone."""

    def __init__(self, zones: dict[tuple[str, str], str | None]) -> None:
        self._zones = zones

    def list(self, kind: str, **_: Any) -> list[Any]:
        return [
            {
                "metadata": {"labels": {"agency.global/company": name, "app.kubernetes.io/name": component}},
                "spec": {"volumeName": f"{name}.{component}"},
            }
            for name, component in self._zones
        ]

    def get(self, manifest: Any) -> Any:
        name = manifest["metadata"]["name"]
        if manifest["kind"] == "Node":
            return {"metadata": {"labels": {"topology.kubernetes.io/zone": name.removeprefix("node-")}}}
        company, component = name.split(".")
        zone = self._zones[company, component]
        expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [f"node-{zone}"]}
        terms = [{"matchExpressions": [expression]}]
        return {"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}} if zone else {}}


def loss(zones: dict[tuple[str, str], str | None], watched: tuple[str, ...] = ()) -> ZoneLoss:
    stack: Any = Stack(name="local", file=None, settings=settings())  # type: ignore[arg-type]
    cluster = Cluster(name="local", regions=(US,), api=Api(zones), kubectl="kubectl")  # type: ignore[arg-type]
    return zone_loss(stack, scenario(watched=watched), cluster)


def in_zones(**companies: str) -> dict[tuple[str, str], str | None]:
    return {each: zone for name, zone in companies.items() for each in both(name)}


def test_the_zone_with_most_watched_companies_is_taken() -> None:
    two = loss(in_zones(acme=OTHER, globex=LOST, hooli=OTHER))
    assert (two.zone, two.companies, two.region_fails) == (OTHER, ("acme", "hooli"), False)
    watched = loss(in_zones(acme=OTHER, globex=LOST, hooli=OTHER), watched=("globex",))
    assert (watched.zone, watched.workloads) == (LOST, both("globex"))


def test_the_region_fails_with_a_zone_that_has_nearly_all_companies() -> None:
    assert loss(in_zones(acme=LOST, globex=LOST, hooli=LOST)).region_fails


def test_a_company_with_one_workload_in_the_zone_is_lost_too() -> None:
    zones = in_zones(acme=LOST, globex=OTHER, hooli=LOST) | {("globex", "brain"): LOST}
    assert loss(zones).workloads == (*both("acme"), ("globex", "brain"), *both("hooli"))
    assert loss(zones).region_fails


def test_volumes_of_every_zone_cannot_be_lost_with_one() -> None:
    with pytest.raises(OperatorError, match=f"no watched company has a volume in a zone of {US}"):
        loss(dict.fromkeys(both(*COMPANIES), None))
