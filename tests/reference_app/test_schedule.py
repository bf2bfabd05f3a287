from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from components.mcp import BUILT_IN_TASKS, STANDBY, mcp_files
from local.reference_app import cron, schedule

SUNDAY = datetime(2026, 11, 22, 12, 0, 0)


@pytest.mark.parametrize(
    ("expression", "at"),
    [
        ("0 12 * * 0", SUNDAY),
        ("0 12 * * 7", SUNDAY),
        ("* * * * * *", SUNDAY.replace(second=59)),
        ("*/15 9-17 * * 1-5", datetime(2026, 11, 23, 9, 45)),
        ("30 5 1,15 11 *", datetime(2026, 11, 15, 5, 30)),
        ("10/20 * * * *", datetime(2026, 11, 23, 1, 50)),
    ],
)
def test_an_expression_names_its_moment(expression: str, at: datetime) -> None:
    assert cron.matches(expression, at)


@pytest.mark.parametrize(
    ("expression", "at"),
    [
        ("0 12 * * 0", SUNDAY.replace(second=1)),
        ("0 12 * * 0", SUNDAY.replace(day=23)),
        ("0 12 22 * 1", SUNDAY),
        ("*/15 * * * *", SUNDAY.replace(minute=14)),
        ("10/20 * * * *", SUNDAY.replace(minute=0)),
    ],
)
def test_an_expression_names_no_other_moment(expression: str, at: datetime) -> None:
    assert not cron.matches(expression, at)


@pytest.mark.parametrize(
    "expression", ["", "None", "* * * *", "60 * * * *", "5-1 * * * *", "* * * * MON", "*/0 * * * *"]
)
def test_an_invalid_expression_is_rejected(expression: str) -> None:
    with pytest.raises(ValueError, match=r"must (have|be)"):
        cron.matches(expression, SUNDAY)


def loaded(work: Path) -> tuple[dict[str, str], list[str]]:
    """Triggers by id, and what was reported."""
    reported: list[str] = []
    tasks = schedule.load(work, reported.append)
    return {task["id"]: task["trigger"] for task in tasks}, reported


def write(file: Path, content: object) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))


def task(id: str, trigger: str) -> dict[str, str]:
    return {"id": id, "trigger": trigger}


def test_without_any_file_there_are_the_built_in_tasks(tmp_path: Path) -> None:
    assert loaded(tmp_path) == (dict.fromkeys(("weekly_hr_review", "weekly_ecosystem_analysis"), "cron"), [])


def test_the_platforms_standby_file_silences_every_built_in_task(tmp_path: Path) -> None:
    (tmp_path / "mcp.json").write_text(mcp_files({})[STANDBY])
    assert loaded(tmp_path) == (dict.fromkeys(BUILT_IN_TASKS, "webhook"), [])


def test_mcp_json_wins_over_all_and_scheduler_json_over_none(tmp_path: Path) -> None:
    write(
        tmp_path / "mcp.json",
        {"scheduledTasks": [task("weekly_hr_review", "webhook"), task("both", "webhook")]},
    )
    added = [task(id, "cron") for id in ("weekly_hr_review", "both", "added")]
    write(tmp_path / ".agent" / "scheduler.json", {"tasks": added})
    tasks, reported = loaded(tmp_path)
    assert tasks == {
        "weekly_hr_review": "webhook",
        "weekly_ecosystem_analysis": "cron",
        "both": "webhook",
        "added": "cron",
    }
    assert not reported


@pytest.mark.parametrize("content", ['{"scheduledTasks": [', "[]", {"scheduledTasks": [{"name": "no id"}]}])
def test_a_file_that_cannot_be_read_is_reported_and_the_built_in_tasks_run(
    tmp_path: Path, content: object
) -> None:
    write(tmp_path / "mcp.json", content)
    tasks, (reported,) = loaded(tmp_path)
    assert tasks.keys() == {"weekly_hr_review", "weekly_ecosystem_analysis"}
    assert "mcp.json" in reported
