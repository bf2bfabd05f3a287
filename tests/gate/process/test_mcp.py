"""The Agent's `mcp.json`: only one region's, and one pod's, daemon runs the scheduled tasks."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from runtime.gate import mcp
from runtime.gate.handover.roles import Role
from tests.gate.process.pod import REGION, Pod
from tests.services import until

SERVERS = {"brain": {"url": "http://brain:3002/sse"}}
OFF = {"id": "weekly", "name": "Weekly", "trigger": "webhook"}
FORMS = {
    "mcp.serving.json": json.dumps({"mcpServers": SERVERS, "scheduledTasks": []}),
    "mcp.standby.json": json.dumps({"mcpServers": SERVERS, "scheduledTasks": [OFF]}),
}


def tasks(work: Path) -> list[dict[str, Any]]:
    config = json.loads((work / "mcp.json").read_text())
    assert config["mcpServers"] == SERVERS
    found: list[dict[str, Any]] = config["scheduledTasks"]
    return found


def started(agent: Pod, **changes: Any) -> Pod:
    agent.files = dict(FORMS)
    agent.configure(**changes)
    agent.start()
    until(lambda: agent.status("/live") == 200, "the application may start")
    return agent


def test_it_is_there_before_the_application_may_start(agent: Pod) -> None:
    started(agent)

    assert tasks(agent.work) == []
    assert not (agent.work / "mcp.json").is_symlink()


def test_a_leftover_link_into_the_configmap_is_replaced(agent: Pod) -> None:
    (agent.work / "mcp.json").symlink_to(agent.settings.path / "mcp.serving.json")
    started(agent)

    assert not (agent.work / "mcp.json").is_symlink()


def test_it_switches_with_the_role_and_back(agent: Pod) -> None:
    started(agent, order=["us-east-1", REGION])
    assert tasks(agent.work) == [OFF]

    agent.flag("us-east-1")
    until(lambda: tasks(agent.work) == [], "it serves")
    agent.flag("us-east-10")
    until(lambda: tasks(agent.work) == [OFF], "it stands by")
    until(lambda: agent.reasons().count("McpPlaced") == 3, "each is an event")


def test_a_flagged_region_runs_no_task(agent: Pod) -> None:
    started(agent)
    agent.flag(REGION)
    until(lambda: tasks(agent.work) == [OFF], "it stands by")


def test_a_change_of_the_settings_arrives(agent: Pod) -> None:
    started(agent)
    agent.files["mcp.serving.json"] = json.dumps(
        {"mcpServers": SERVERS, "scheduledTasks": [{"id": "new", "trigger": "cron"}]}
    )
    agent.configure()
    until(lambda: [task["id"] for task in tasks(agent.work)] == ["new"], "it is the new one")


def test_another_pod_of_the_region_runs_no_task(tmp_path: Path) -> None:
    second = Pod(tmp_path / "second", component="agent", ordinal=1)
    try:
        started(second, replicas=2)
        assert tasks(second.work) == [OFF]
    finally:
        second.close()


def test_the_companys_own_tasks_are_switched_off_too(agent: Pod) -> None:
    started(agent, order=["us-east-1", REGION])
    own = [{"id": "standup", "trigger": "cron", "schedule": "0 9 * * *"}, {"id": "weekly", "trigger": "cron"}]
    (agent.volume / "scheduler.json").write_text(json.dumps({"tasks": own}))

    until(lambda: [task["id"] for task in tasks(agent.work)] == ["weekly", "standup"], "both are there")
    assert {task["trigger"] for task in tasks(agent.work)} == {"webhook"}
    assert not {"schedule", "prompt", "action", "path"} & set(tasks(agent.work)[1])

    agent.flag("us-east-1")
    until(lambda: tasks(agent.work) == [], "it serves: they run as the company wants them")


def place(folder: Path, role: Role) -> bool:
    return mcp.write(role, config=folder / "settings", volume=folder, work=folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "settings").mkdir()
    for name, text in FORMS.items():
        (tmp_path / "settings" / name).write_text(text)
    return tmp_path


def test_it_is_written_only_when_it_changes(folder: Path) -> None:
    assert place(folder, Role.STANDBY)
    before = (folder / "mcp.json").stat()
    assert not place(folder, Role.STANDBY)

    after = (folder / "mcp.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert place(folder, Role.PRIMARY)


def test_while_the_company_rewrites_its_tasks_they_stay_off(folder: Path) -> None:
    (folder / "scheduler.json").write_text(json.dumps({"tasks": [{"id": "standup", "trigger": "cron"}]}))
    place(folder, Role.STANDBY)
    (folder / "scheduler.json").write_text('{"tasks": [{"id": "stan')

    assert not place(folder, Role.STANDBY)
    assert [task["id"] for task in tasks(folder)] == ["weekly", "standup"]


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '{"tasks": {}}', '{"tasks": [3]}', '{"tasks": [{"id": 3}]}']
)
def test_a_task_file_that_makes_no_sense_does_not_keep_the_form_from_being_placed(
    folder: Path, text: str
) -> None:
    (folder / "scheduler.json").write_text(text)
    place(folder, Role.PRIMARY)
    place(folder, Role.STANDBY)

    assert tasks(folder) == [OFF]


def test_a_reader_never_sees_half_of_it(folder: Path) -> None:
    place(folder, Role.PRIMARY)
    done = threading.Event()
    seen: list[str] = []

    def read() -> None:
        while not done.is_set():
            seen.append((folder / "mcp.json").read_text())

    reader = threading.Thread(target=read)
    reader.start()
    until(lambda: bool(seen), "it reads")
    for _ in range(300):
        place(folder, Role.STANDBY)
        place(folder, Role.PRIMARY)
    done.set()
    reader.join()

    assert set(seen) <= {
        FORMS["mcp.serving.json"],
        json.dumps(json.loads(FORMS["mcp.standby.json"]), indent=2),
    }


def test_a_form_that_is_missing_is_said_and_what_stands_stays(agent: Pod) -> None:
    started(agent)
    agent.files = {}
    agent.configure()
    until(lambda: "mcp.json cannot be written" in agent.problems(), "health says so")
    assert tasks(agent.work) == []

    agent.files = dict(FORMS)
    agent.configure()
    until(lambda: agent.says()["ok"], "it can be written again")
