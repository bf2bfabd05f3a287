"""What may change while the gate runs, and settings that are not what they should be."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.gate.process.pod import REGION, Pod
from tests.services import until


def test_the_role_follows_the_order_and_the_flags_without_a_restart(pod: Pod) -> None:
    pod.start()
    assert pod.says()["role"] == "serving"

    pod.configure(order=["us-east-1", REGION])
    until(lambda: pod.says()["role"] == "standby", "the order has changed")
    assert pod.metric("agency_role", role="standby") == 1
    assert pod.metric("agency_role", role="serving") == 0

    pod.flag("us-east-1")
    until(lambda: pod.says()["role"] == "serving", "the region before it is flagged")
    pod.flag("us-east-10")
    until(lambda: pod.says()["role"] == "standby", "only a region with a longer name is flagged")
    until(lambda: pod.says()["heard"] == ["us-east-10"], "it goes by that flag")
    messages = [event["message"] for event in pod.events() if event["reason"] == "RoleChanged"]
    assert messages == [
        "from serving to standby; flagged regions: none",
        "from standby to serving; flagged regions: us-east-1",
        "from serving to standby; flagged regions: us-east-10",
    ]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"syncInterval": "60"}, "syncInterval: must be seconds above 0, got '60'"),
        ({"syncInterval": 0}, "syncInterval: must be seconds above 0, got 0"),
        ({"order": ["us-east-1"]}, "region: must be one of ('us-east-1',), got 'ap-southeast-1'"),
        ({"component": "heart"}, "component: must be one of agent, brain, got 'heart'"),
        ({"buckets": {"us-east-1": "b"}}, "buckets"),
        ({"buckets": 3}, "buckets"),
        ({"replicas": None}, "replicas"),
    ],
)
def test_wrong_settings_leave_the_last_good_ones_and_are_named(
    pod: Pod, changes: dict[str, Any], named: str
) -> None:
    pod.start()
    until(pod.ready, "it is ready")
    good = dict(pod.config)
    pod.configure(**changes)

    until(lambda: named in pod.problems() or (named == "buckets" and "int" in pod.problems()), "it says what")
    assert pod.ready()
    assert pod.metric("agency_settings_broken") == 1
    assert pod.says()["role"] == "serving"

    pod.config = good
    pod.configure()
    until(lambda: pod.says()["ok"], "they are right again")
    assert pod.metric("agency_settings_broken") == 0
    assert [reason for reason in pod.reasons() if reason.startswith("Settings")] == [
        "SettingsBroken",
        "SettingsRead",
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", '"brain"', '{"region": "ap-southeast-1"}', "\x00\xff"])
def test_half_a_settings_file_leaves_the_last_good_one(pod: Pod, text: str) -> None:
    pod.start()
    pod.settings.replace({"settings.json": text})
    until(lambda: pod.metric("agency_settings_broken") == 1, "it is noticed")
    until(pod.ready, "it is ready all the same")

    pod.flag(REGION)
    assert not pod.ready(), "and it still knows its region"


def test_settings_that_are_gone_leave_the_last_good_ones(pod: Pod) -> None:
    pod.start()
    pod.settings.replace({})
    until(lambda: "settings" in pod.problems(), "health says so")
    until(pod.ready, "it is ready all the same")


def test_without_settings_at_the_start_it_waits_for_them_and_says_so(pod: Pod) -> None:
    good = {"settings.json": json.dumps(pod.config)}
    pod.settings.replace({"settings.json": "{"})
    pod.launch()
    until(lambda: bool(pod.log()), "it has said something")
    assert [line["event"] for line in pod.log()] == ["waiting"]

    pod.settings.replace(good)
    until(lambda: len(pod.log()) > 1, "it has begun")
    assert pod.log()[1]["event"] == "serving"


def test_a_gate_that_waits_for_its_settings_stops_when_asked_to(pod: Pod) -> None:
    pod.settings.replace({})
    pod.launch()
    until(lambda: bool(pod.log()), "it has said something")
    pod.signal(signal.SIGTERM)

    assert pod.ended() == 0
