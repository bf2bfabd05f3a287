"""When each step happened, and the verdicts: rules that hold for every history of observations."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ops.drill.evaluate.distribution import percentile, spreads
from ops.drill.evaluate.milestones import lost_markers, outage_milestones, return_milestones
from ops.drill.evaluate.steps import SPECS, DiagnosisSource, Step
from ops.drill.evaluate.times import Gap, Window, gap_of
from ops.drill.evaluate.verdicts import Verdict, evaluate
from ops.drill.observe.record import (
    ANSWER,
    BEGUN,
    CLEAR,
    ENDED,
    NONE,
    READY,
    SET,
    STOPPED,
    SYSTEM,
    UNKNOWN,
    Answer,
    FoundMarkers,
    Indicator,
    Record,
    State,
    StoredMarker,
    View,
    Writer,
)
from tests.drill.scenarios import EU, US, scenario

SCENARIO = scenario()
ACME = SCENARIO.tenants[0]
MARKS = {BEGUN: 100.0, ENDED: 200.0, STOPPED: 300.0}

Seconds = st.floats(0, 300, allow_nan=False)
Asked = st.tuples(Seconds, st.booleans(), st.sampled_from((US, EU)))
"""When, whether there was an answer, from where."""


def seen(
    *observations: tuple[float, str], indicator: Indicator = Indicator.ENDPOINTS, subject: str = "acme"
) -> View:
    record = Record()
    for at, state in observations:
        record.observe(indicator, {subject: State(state=state)}, at - 0.1, at)
    return replace(record.view(), marks=MARKS)


def emptied(view: View) -> float | None:
    [found] = [one for one in outage_milestones(SCENARIO, view) if one.step is Step.ENDPOINTS]
    return found.times["acme"]


def test_each_step_comes_after_its_cause_and_has_a_sentence_and_an_informant() -> None:
    assert list(SPECS) == list(Step)
    for step, spec in SPECS.items():
        if spec.cause:
            assert list(Step).index(spec.cause) < list(Step).index(step)
            assert SPECS[spec.cause].event, f"{step} needs the moment at which its cause happened"
        assert bool(spec.missing) is (spec.diagnosed_by is not DiagnosisSource.NOBODY)


def test_a_step_happened_when_it_was_first_seen_to_be_so() -> None:
    assert emptied(seen((90, READY), (114, READY), (115, NONE), (116, NONE))) == 115


def test_a_state_that_does_not_last_does_not_count() -> None:
    assert emptied(seen((90, READY), (110, NONE), (112, READY), (115, NONE))) == 115
    assert emptied(seen((90, READY), (110, NONE), (112, READY))) is None


def test_a_failed_observation_changes_nothing() -> None:
    assert emptied(seen((90, READY), (110, NONE), (112, UNKNOWN), (113, NONE))) == 110
    assert emptied(seen((90, READY), (110, UNKNOWN))) is None


def test_what_was_never_seen_was_not_observed() -> None:
    assert emptied(View(marks=MARKS)) is None


def test_what_happens_after_the_outage_is_no_step_of_it() -> None:
    assert emptied(seen((90, READY), (201, NONE))) is None


def test_a_step_has_happened_when_it_has_for_all_companies() -> None:
    record = Record()
    for at, subjects in ((90, (CLEAR,) * 3), (110, (SET, CLEAR, CLEAR)), (111, (SET, SET, CLEAR))):
        names = zip(SCENARIO.namespaces, subjects, strict=True)
        record.observe(Indicator.FLAG, {name: State(state=state) for name, state in names}, at - 0.1, at)
    view = replace(record.view(), marks=MARKS)
    [flags] = [one for one in outage_milestones(SCENARIO, view) if one.step is Step.FLAGS]
    assert (flags.times["acme"], flags.times["globex"], flags.times["hooli"]) == (110, 111, None)
    assert (flags.at, flags.missing) == (None, ("hooli",))


def answers(*history: tuple[float, bool, str]) -> View:
    made = tuple(
        Answer(company="acme", region=region, asked=asked, came=asked + 0.5, ok=ok, detail="")
        for asked, ok, region in history
    )
    return View(answers=made, marks=MARKS)


def outage_gap(view: View) -> Gap:
    return gap_of(Window(scenario=SCENARIO, view=view, begin=100, end=200), ACME)


def test_a_gap_lasts_from_the_first_question_that_failed_to_the_first_answer_that_lasts() -> None:
    view = answers((101, True, US), (103, False, US), (110, True, EU), (111, False, EU), (120, True, EU))
    gap = outage_gap(view)
    assert (gap.failed, gap.began, gap.ended, gap.seconds) == (2, 103, 120.5, 17.5)


def test_without_a_failed_answer_there_was_no_gap() -> None:
    assert outage_gap(answers((101, True, US))).seconds == 0


def test_a_gap_that_never_ended_has_no_length() -> None:
    assert outage_gap(answers((101, True, US), (102, False, US))).seconds is None


def client(view: View) -> float | None:
    [found] = [one for one in outage_milestones(SCENARIO, view) if one.step is Step.CLIENT]
    return found.times["acme"]


def test_an_answer_from_another_region_counts_once_no_other_comes_between() -> None:
    assert client(answers((103, False, US), (110, True, EU), (111, True, US), (112, True, EU))) == 112.5
    assert client(answers((103, False, US), (110, True, US))) is None


@given(st.lists(Asked, max_size=30))
def test_of_any_history_of_answers_the_gap_is_what_a_client_would_say(
    history: list[tuple[float, bool, str]],
) -> None:
    history = sorted(history)
    view = answers(*history)
    gap = outage_gap(view)
    asked = [(at, ok) for at, ok, _ in history if 100 <= at < 200]
    assert gap.failed == sum(not ok for _, ok in asked)
    if gap.seconds is not None and gap.failed:
        assert gap.began is not None
        assert gap.ended is not None
        assert 0 < gap.seconds <= 100.5
        assert all(ok for at, ok in asked if at < gap.began)
        assert all(ok for at, ok in asked if at + 0.5 >= gap.ended and at > gap.began + gap.seconds)
    if (at := client(view)) is not None:
        assert not any(
            100 <= one < 200 and not (ok and region == EU) and one + 0.5 > at for one, ok, region in history
        )


States = st.sampled_from((READY, NONE, UNKNOWN))


@given(st.lists(st.tuples(Seconds, States), max_size=30))
def test_of_any_history_a_step_lies_within_its_part_and_lasts_to_its_end(
    observations: list[tuple[float, str]],
) -> None:
    observations = sorted(dict(observations).items())
    at = emptied(seen(*observations))
    states = [(when, state) for when, state in observations if state != UNKNOWN and when < 200]
    assert (at is not None) is bool(states and states[-1][1] == NONE)
    if at is not None:
        assert 100 <= at < 200
        assert all(state == NONE for when, state in states if when >= at)


def stored(writer: Writer, *numbers: int, region: str = US) -> tuple[StoredMarker, ...]:
    return tuple(
        StoredMarker(company="acme", region=region, writer=writer, number=number, at=90.0 + number)
        for number in numbers
    )


def found(
    at: float, region: str, before: set[int], during: set[int], *, diverged: bool = False
) -> FoundMarkers:
    return FoundMarkers(
        company="acme",
        region=region,
        at=at,
        before=frozenset(before),
        during=frozenset(during),
        diverged=diverged,
    )


def lost(view: View) -> set[tuple[str, int]]:
    return lost_markers(SCENARIO, view, ACME)


def test_markers_in_the_memory_or_in_diverged_files_are_not_lost() -> None:
    memories = (*stored(Writer.BEFORE, 1, 2, 3), *stored(Writer.DURING, 1, region=EU))
    view = View(stored=memories, marks=MARKS, findings=(found(250, US, {1, 2}, {1}),))
    assert lost(view) == {(Writer.BEFORE, 3)}
    view = replace(view, findings=(*view.findings, found(255, US, {3}, set(), diverged=True)))
    assert lost(view) == set()
    [step] = [one for one in return_milestones(SCENARIO, view) if one.step is Step.MEMORY_BACK]
    assert step.times["acme"] == 255


def test_what_was_found_before_the_return_does_not_count_for_it() -> None:
    view = View(stored=stored(Writer.BEFORE, 1), marks=MARKS, findings=(found(150, EU, {1}, set()),))
    assert lost(view) == {(Writer.BEFORE, 1)}


def test_the_memory_is_as_old_as_the_newest_marker_found() -> None:
    view = View(
        stored=stored(Writer.BEFORE, 1, 4, 8, 9), marks=MARKS, findings=(found(150, EU, {1, 4}, set()),)
    )
    assert evaluate(SCENARIO, view, {}, None).ages["acme"] == 100 - 94


def test_a_marker_stored_while_the_region_went_down_makes_no_negative_age() -> None:
    view = View(stored=stored(Writer.BEFORE, 12), marks=MARKS, findings=(found(150, EU, {12}, set()),))
    assert evaluate(SCENARIO, view, {}, None).ages["acme"] == 0


@given(st.lists(st.tuples(Seconds, States), max_size=10), st.lists(Asked, max_size=10))
def test_whatever_was_observed_a_broken_promise_has_a_reason(
    observations: list[tuple[float, str]], history: list[tuple[float, bool, str]]
) -> None:
    view = replace(seen(*sorted(dict(observations).items())), answers=answers(*sorted(history)).answers)
    evaluation = evaluate(SCENARIO, view, {}, None)
    assert not evaluation.ok
    assert evaluation.failures
    assert not evaluation.failures[0].startswith("therefore")
    known = {str(step) for step in Step} | {one.what for one in evaluation.verdicts}
    also = evaluation.failures[-1].partition("therefore not observed either: ")[2]
    assert all(any(part in name for name in known) for part in also.split(", ") if part)
    assert evaluation.at(Step.FLAG) is None


@given(st.lists(st.floats(0, 1000, allow_nan=False), min_size=1, max_size=300), st.floats(0.01, 1))
def test_a_percentile_is_a_measured_value_that_so_many_do_not_exceed(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(one <= found for one in values) >= share * len(values)
    assert sum(one < found for one in values) < share * len(values)


def test_over_twenty_runs_the_99th_percentile_is_the_longest() -> None:
    runs = [[Verdict(what="gap", seconds=float(number), limit=30, ok=True)] for number in range(1, 21)]
    [spread] = spreads(runs)
    assert (spread.runs, spread.p50, spread.p99, spread.longest, spread.ok) == (20, 10, 20, 20, True)


def test_what_was_not_measured_is_in_no_distribution() -> None:
    runs = [
        [Verdict(what="gap", seconds=None, limit=30, ok=False)],
        [Verdict(what="gap", seconds=31.0, limit=30, ok=False)],
    ]
    [spread] = spreads(runs)
    assert (spread.runs, spread.p50, spread.ok) == (1, 31, False)


def test_a_region_that_was_flagged_again_on_its_return_is_reported() -> None:
    record = Record()
    for indicator, subject, observations in (
        (Indicator.FLAG, SYSTEM, ((110, SET), (215, CLEAR), (231, SET), (275, CLEAR))),
        (Indicator.WORKLOADS, "acme", ((205, ANSWER),)),
        (Indicator.WORKLOADS, "globex", ((206, ANSWER),)),
        (Indicator.WORKLOADS, "hooli", ((204, ANSWER),)),
    ):
        for at, state in observations:
            record.observe(indicator, {subject: State(state=state)}, at - 0.1, at)
    evaluation = evaluate(SCENARIO, replace(record.view(), marks=MARKS), {}, 6)
    [line] = [one.line for one in evaluation.verdicts if one.what == "workloads back to flag cleared"]
    assert line == (
        "workloads back to flag cleared: 54.0 s beyond 15 s of hold-down (the flag was set again 31 s"
        " after the outage ended), at most 20 s"
    )
