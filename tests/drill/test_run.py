"""Whole runs on a platform in virtual time: what they measure, and the verdict on each kind of sabotage."""

from __future__ import annotations

import json
import re

import pytest

from ops.drill.evaluate.memory import AGE_SPAN
from ops.drill.evaluate.steps import GAP_BACK_SPAN, GAP_SPAN, Step
from ops.drill.observe.record import Writer
from ops.drill.report.document import Report, RunReport
from ops.errors import OperatorError
from ops.probing.signals import Signals
from tests.drill.playing import Lines, play, run_of, run_report
from tests.drill.scenarios import EU, scenario
from tests.drill.simulated import BOOT, INTERVAL, READINESS, ROUNDS, SWAP, Platform, Sabotage
from tests.drill.simulated_target import SimulatedFault

CLEAR_SPAN = "workloads back to flag cleared"


def seconds(run: RunReport, what: str) -> float:
    [verdict] = [one for one in run.evaluation.verdicts if one.what == what]
    assert verdict.seconds is not None
    return verdict.seconds


def after(run: RunReport, step: Step, mark: str = "begun") -> float:
    at = run.evaluation.at(step)
    assert at is not None, step
    return at - run.view.mark(mark)


@pytest.fixture(scope="module")
def good() -> RunReport:
    return run_report()


def test_a_platform_that_does_as_it_should_holds_every_promise(good: RunReport) -> None:
    assert good.ok, good.failures
    assert good.failures == ()


def test_what_is_measured_is_what_the_platform_did(good: RunReport) -> None:
    flag = after(good, Step.FLAG)
    assert (ROUNDS - 1) * INTERVAL <= flag <= ROUNDS * INTERVAL + 0.5
    assert after(good, Step.PROBE_FAILS) == pytest.approx(flag - (ROUNDS - 1) * INTERVAL, abs=0.5)
    assert after(good, Step.HEALTH) == pytest.approx(flag, abs=0.5)
    assert flag < after(good, Step.DNS) <= flag + 10.5
    assert after(good, Step.CLIENT) == pytest.approx(after(good, Step.DNS), abs=0.6)
    assert flag + SWAP <= after(good, Step.MEMORY) <= flag + SWAP + 1.5
    assert seconds(good, GAP_SPAN) == pytest.approx(after(good, Step.CLIENT), abs=0.6)
    assert after(good, Step.ALIVE, "ended") == pytest.approx(BOOT, abs=0.6)
    assert (ROUNDS - 1) * INTERVAL <= seconds(good, CLEAR_SPAN) <= ROUNDS * INTERVAL + 0.5
    back = after(good, Step.ENDPOINTS_BACK, "ended") - after(good, Step.CLEAR, "ended")
    assert back == pytest.approx(READINESS, abs=0.5)


def test_clients_that_come_back_before_the_pods_are_ready_are_seen(good: RunReport) -> None:
    """A fifth of Route53's checkers is enough: DNS returns before readiness does."""
    assert 0 < seconds(good, GAP_BACK_SPAN) <= READINESS


def test_a_company_whose_clients_are_elsewhere_notices_nothing(good: RunReport) -> None:
    assert not [answer for answer in good.view.answers if answer.company == "hooli" and not answer.ok]
    assert {one.region for one in good.view.answers if one.company == "hooli"} == {EU}


def test_the_memory_is_as_old_as_the_last_upload(good: RunReport) -> None:
    assert 0 <= seconds(good, AGE_SPAN) <= 10 + 1.5
    assert good.evaluation.ages.keys() == {"acme", "globex"}


def test_markers_that_were_not_uploaded_are_found_in_diverged_files() -> None:
    run = run_report()
    stored = {one.number for one in run.view.stored if one.company == "acme" and one.writer is Writer.BEFORE}
    there = [
        one for one in run.view.findings if (one.company, one.region, one.diverged) == ("acme", EU, False)
    ]
    found_there = {number for one in there for number in one.before}
    assert stored - found_there, "everything was uploaded: nothing could be set aside"
    assert run.evaluation.at(Step.MEMORY_BACK) is not None
    assert any("were set aside: diverged/ of acme in us-east-1" in note for note in run.notes)


@pytest.mark.parametrize(
    ("sabotage", "cause"),
    [
        (
            Sabotage(readiness_ignores_the_flag=True),
            r"endpoints of agent-us-east-1 in acme still ready \d+ s after the region was flagged \(and 2"
            r" more\): readiness ignores the flag: its gate answers 200 \(ready\) on /ready although the flag"
            r" is set",
        ),
        (
            Sabotage(readiness_asks_the_application_alone=True),
            r"endpoints of agent-us-east-1 in \w+ were ready for \d+\.\d s though the flag was set, at most 7"
            r" s: readiness ignores the flag",
        ),
        (
            Sabotage(controller_cannot_patch=True),
            r"flag not set \d+ s after the first failed probe: the controller reports: flags-not-changed:"
            r" 403: forbidden",
        ),
        (
            Sabotage(brain_mixes_companies=True),
            r"the Brain of acme in eu-west-1 mixes companies: it returned drill-t1\.acme\.home\.00001 when"
            r" asked for company drill-t1-nobody \(and 3 more Brains\)",
        ),
        (
            Sabotage(memory_of_another_company=True),
            r"the Brain of acme in eu-west-1 mixes companies: it returned drill-t1\.initech\.home\.00001",
        ),
        (
            Sabotage(health_path_lies=True),
            r"us-east-1\.local\.test/healthz/us-east-1 still answers 200 \d+ s after the region was flagged",
        ),
        (Sabotage(flag_stays=True), r"flag not cleared \d+ s after the probes succeeded"),
        (
            Sabotage(pods_do_not_come_back=True),
            r"workloads of acme in us-east-1 do not answer \d+ s after the outage ended \(and 2 more\)",
        ),
        (
            Sabotage(memory_is_forgotten_on_return=True),
            r"memories of acme are lost: \d+ that us-east-1 had stored \(2 to \d+\) and \d+ that eu-west-1"
            r" had stored \(1 to \d+\); after the return neither the Brain in us-east-1 nor diverged/ has"
            r" them",
        ),
        (Sabotage(slow_probes=12.0), r"outage to flag: 2\d\.\d s, at most 20 s"),
        (
            Sabotage(slow_swap=200.0),
            r"no marker that acme stored was found elsewhere \d+ s after the region was flagged",
        ),
    ],
    ids=lambda one: (
        next((name for name, on in vars(one).items() if on), "") if isinstance(one, Sabotage) else ""
    ),
)
def test_sabotage_fails_the_drill_with_a_line_that_names_the_cause(sabotage: Sabotage, cause: str) -> None:
    run = run_report(sabotage)
    assert not run.ok
    assert re.match(cause, run.failures[0]), run.failures


def test_a_gate_that_uploads_nothing_stops_the_drill_before_anything_is_taken_down() -> None:
    with pytest.raises(
        OperatorError, match="nothing was done: what the Brain of acme in us-east-1 stored"
    ) as raised:
        play(Sabotage(copies_nothing=True))
    assert "is in no snapshot in the bucket of eu-west-1 140 s later" in str(raised.value)
    assert "S3 refuses" in str(raised.value)


def test_a_region_that_fails_before_the_outage_stops_the_drill_before_anything_is_taken_down() -> None:
    platform = Platform(scenario(), Sabotage())
    fault = SimulatedFault(platform)

    def none_is_left() -> None:
        assert platform.now > 0, "asked when the waiting is over"
        raise OperatorError("nothing was done: us-east-1 is the last region that serves")

    with pytest.raises(OperatorError, match="last region that serves"):
        run_of(platform, Lines(), none_is_left).play(fault, Signals("wait"))
    assert fault.injected == 0


def test_what_follows_from_a_missing_step_is_one_line() -> None:
    run = run_report(Sabotage(controller_cannot_patch=True))
    assert len(run.failures) == 2
    for step in (Step.FLAGS, Step.HEALTH, Step.DNS, Step.CLIENT, Step.MEMORY):
        assert step in run.failures[1]


@pytest.mark.parametrize(
    "sabotage", [Sabotage(), Sabotage(controller_cannot_patch=True), Sabotage(flag_stays=True)]
)
def test_the_fault_is_removed_exactly_once_whatever_was_observed(sabotage: Sabotage) -> None:
    _, fault, _ = play(sabotage)
    assert (fault.injected, fault.removed) == (1, 1)


def test_hold_down_is_reported_and_does_not_count() -> None:
    run = run_report(hold_down=4)
    assert run.ok, run.failures
    assert run.evaluation.hold_down == 3 * ROUNDS * INTERVAL
    assert after(run, Step.CLEAR) - after(run, Step.ALIVE) > 3 * ROUNDS * INTERVAL
    assert seconds(run, CLEAR_SPAN) <= 20


def test_where_memory_does_not_follow_a_snapshot_in_the_other_bucket_counts() -> None:
    run = run_report(played=scenario(loadBalancing={"policy": "latency"}))
    assert run.ok, run.failures
    assert not [one for one in run.view.findings if one.region == EU]
    assert set(run.evaluation.ages) == {"acme", "globex", "hooli"}
    assert all(age is not None and age <= 12 for age in run.evaluation.ages.values())


def test_without_replication_nothing_is_searched_elsewhere_and_the_memory_comes_back() -> None:
    run = run_report(played=scenario(replication={"enabled": False}))
    assert run.ok, run.failures
    assert run.evaluation.ages == {}
    assert run.evaluation.at(Step.MEMORY_BACK) is not None


def test_the_document_has_every_step_gap_and_span(good: RunReport) -> None:
    report = Report(scenario=scenario(), started=good.at, runs=[good])
    document = json.loads(report.dump())
    assert document["ok"] is True
    [run] = document["runs"]
    steps = {one["step"]: one["at"] for one in (*run["steps"]["outage"], *run["steps"]["return"])}
    of_zones = {Step.SILENT, Step.MOVED, Step.MEMORY_MOVED}
    assert list(steps) == [str(step) for step in Step if step not in of_zones]
    assert all(at is not None for at in steps.values())
    assert {one["company"] for one in run["withoutAnswer"]["outage"]} == {"acme", "globex", "hooli"}
    gap = next(one for one in run["withoutAnswer"]["outage"] if one["company"] == "acme")
    assert gap["secondsWithCachedAnswer"] == pytest.approx(gap["seconds"] + 20)
    spans = {one["what"]: one for one in document["distribution"]["scale"]}
    assert spans[GAP_SPAN]["p50"] == spans[GAP_SPAN]["p99"] == pytest.approx(gap["seconds"], abs=0.01)
    assert run["marks"]["begun"] == 0


def test_a_step_that_was_not_observed_has_no_time(good: RunReport) -> None:
    run = run_report(Sabotage(readiness_ignores_the_flag=True))
    [step] = [milestone for milestone in run.evaluation.outage.milestones if milestone.step is Step.ENDPOINTS]
    assert (step.at, step.missing) == (None, ("acme", "globex", "hooli"))
