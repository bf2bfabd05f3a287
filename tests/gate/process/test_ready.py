"""Readiness, as the kubelet asks for it: with failover and replication off as well."""

from __future__ import annotations

import pytest

from runtime.gate.readiness import FAILURES, INTERVAL_SECONDS, TIMEOUT_SECONDS
from tests.gate.process.pod import REGION, Pod
from tests.services import until

assert REGION == "ap-southeast-1"  # The names below begin or end like it.


def test_a_flag_takes_the_pod_out_at_the_next_question_and_its_end_brings_it_back(pod: Pod) -> None:
    pod.start()
    until(pod.ready, "it is ready")
    for _ in range(3):
        pod.flag(REGION)
        assert pod.get("/ready") == (503, f"region {REGION} is flagged as failed\n")
        pod.flag()
        assert pod.ready()

    assert pod.reasons()[-1] == "Ready"


def test_a_flag_among_others_counts(pod: Pod) -> None:
    pod.start()
    until(pod.ready, "it is ready")
    pod.flag("eu-west-1", REGION, "us-east-1")

    assert not pod.ready()


@pytest.mark.parametrize(
    "others",
    [
        ["ap-southeast-10"],
        ["ap-southeast"],
        ["ap-southeast-11", "xap-southeast-1", "ap-southeast-1x"],
        ["ap-southeast-1 ap-southeast-2"],
        ["AP-SOUTHEAST-1"],
        ["us-east-1", "eu-west-1"],
    ],
)
def test_another_regions_name_is_never_taken_for_the_own(pod: Pod, others: list[str]) -> None:
    pod.start()
    until(pod.ready, "it is ready")
    pod.flag(*others)

    assert pod.ready()


def test_spaces_and_line_ends_around_a_name_do_not_hide_it(pod: Pod) -> None:
    pod.start()
    until(pod.ready, "it is ready")
    pod.flags.replace({"failedRegions": f"us-east-1\r\n  {REGION} \r\n"})

    assert not pod.ready()


@pytest.mark.parametrize("data", [{}, {"failedRegions": ""}, {"failedRegions": "\n\n"}, {"other": REGION}])
def test_without_a_flag_it_is_ready(pod: Pod, data: dict[str, str]) -> None:
    pod.flags.replace(data)
    pod.start()
    until(pod.ready, "it is ready")


def test_it_is_ready_without_the_flags_folder(pod: Pod) -> None:
    pod.flags.path.rename(pod.folder / "elsewhere")
    pod.start()
    until(pod.ready, "it is ready")


def test_flags_that_cannot_be_read_leave_those_that_were(pod: Pod) -> None:
    pod.flag(REGION)
    pod.start()
    pod.flags.path.rename(pod.folder / "elsewhere")
    pod.flags.path.write_text("not a folder")

    until(lambda: "flags" in pod.problems(), "health says so")
    assert not pod.ready()
    assert pod.metric("agency_settings_broken") == 1


def test_a_blip_of_the_application_takes_nobody_out(pod: Pod) -> None:
    pod.start()
    until(pod.ready, "it is ready")
    asked, reasons = pod.health.asked, pod.reasons()
    pod.health.fail(1)

    def asked_again() -> bool:
        assert pod.ready()
        return pod.health.asked >= asked + 3

    until(asked_again, "the blip is over")
    assert pod.reasons() == reasons


def test_an_application_that_fails_twice_in_a_row_is_taken_out_and_brought_back(pod: Pod) -> None:
    pod.start()
    until(pod.ready, "it is ready")
    pod.health.fail(10_000)
    until(lambda: not pod.ready(), "it is taken out")
    assert pod.get("/ready")[1] == f"the application is not healthy: {pod.health.url}: status 500\n"

    pod.health.fail(0)
    until(pod.ready, "it is back")


def test_an_application_that_was_never_up_is_not_given_the_benefit_of_a_blip(pod: Pod) -> None:
    pod.health.stop()
    pod.start()
    assert not pod.ready()

    pod.health.start()
    until(pod.ready, "it is ready")


def test_an_application_that_is_gone_is_taken_out(pod: Pod) -> None:
    pod.start()
    until(pod.ready, "it is ready")
    pod.health.stop()
    until(lambda: not pod.ready(), "it is taken out")
    assert "refused" in pod.get("/ready")[1]


def test_an_application_that_hangs_is_taken_out_and_holds_nobody_up(pod: Pod) -> None:
    pod.start()
    until(pod.ready, "it is ready")
    pod.health.hang()
    until(lambda: not pod.ready(), "it is taken out")
    assert f"no response in {TIMEOUT_SECONDS:.0f} s" in pod.get("/ready")[1]
    assert pod.status("/live") == 200

    pod.health.go_on()
    until(pod.ready, "it is back")


def test_many_questions_at_once_are_one_to_the_application(pod: Pod) -> None:
    """Or two askers at the same moment of a blip would make two failures in a row of it."""
    pod.start()
    until(pod.ready, "it is ready")
    asked = pod.health.asked
    pod.health.fail(FAILURES - 1)
    for _ in range(20):
        assert pod.ready()

    assert INTERVAL_SECONDS == 1
    assert pod.health.asked - asked <= 20


def test_what_readiness_last_said_is_a_metric(pod: Pod) -> None:
    pod.start()
    until(pod.ready, "it is ready")
    assert pod.metric("agency_ready") == 1
    pod.flag(REGION)
    pod.ready()
    assert pod.metric("agency_ready") == 0
