"""Liveness, health, metrics and events of a gate that uploads nothing."""

from __future__ import annotations

import signal

from tests.gate.process.pod import REGION, Pod
from tests.services import until


def test_it_lives_as_soon_as_it_has_begun_whatever_the_application_does(pod: Pod) -> None:
    pod.health.stop()
    pod.start()

    until(lambda: pod.status("/live") == 200, "it lives")
    assert not pod.ready()


def test_without_replication_it_is_healthy_and_measures_no_lag(pod: Pod) -> None:
    pod.start()

    status = pod.says()
    assert status == {
        "ok": True,
        "problems": [],
        "region": REGION,
        "role": "serving",
        "heard": [],
        "lagSeconds": None,
    }
    assert "agency_copy_lag_seconds" not in pod.metrics()
    assert list(pod.volume.iterdir()) == [], "and touches no volume"


def test_events_are_listed_once_also_over_a_restart(pod: Pod) -> None:
    pod.flag(REGION)
    pod.start()
    assert not pod.ready()
    first = pod.events()
    assert [(event["type"], event["reason"]) for event in first] == [("Warning", "NotReady")]
    assert pod.events(after=first[-1]["sequence"]) == []

    pod.signal(signal.SIGKILL)
    pod.ended()
    pod.start()
    pod.ready()
    after = pod.events(after=first[-1]["sequence"])
    assert after[-1]["reason"] == "NotReady"
    assert sorted(after, key=lambda event: event["sequence"]) == after


def test_each_step_is_counted_and_logged(pod: Pod) -> None:
    pod.start()
    until(pod.ready, "it is ready")
    for _ in range(3):
        pod.flag(REGION)
        pod.ready()
        pod.ready()
        pod.flag()
        pod.ready()

    not_ready = [event for event in pod.events() if event["reason"] == "NotReady"]
    assert pod.metric("agency_steps_total", reason="NotReady") == len(not_ready)
    assert [line["message"] for line in pod.log() if line.get("reason") == "NotReady"] == [
        event["message"] for event in not_ready
    ]


def test_there_is_nothing_else(pod: Pod) -> None:
    pod.start()

    assert pod.get("/") == (404, "must be one of /ready, /live, /health, /metrics, /events\n")
    assert pod.status("/ready/") == 404
    assert pod.status("/events?after=soon") == 200


def test_on_sigterm_it_ends_at_once(pod: Pod) -> None:
    pod.start()
    pod.signal(signal.SIGTERM)

    assert pod.ended() == 0
    assert [line["event"] for line in pod.log()][-1] == "stopping"
