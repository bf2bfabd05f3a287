from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from components.mcp import SERVING, STANDBY, mcp_files
from local.machine.ports import LOOPBACK, is_free
from tests.reference_app.programs import AGENT, NODE, Program, ended, environment, running, terminated
from tests.services import until

COMPANY = "acme"
PROPOSAL = {
    "title": "Fewer meetings",
    "description": "Two a week.",
    "affectedFiles": ["sops/a.md"],
    "patch": "-",
}


def every_second(id: str, server: str, tool: str, **arguments: Any) -> dict[str, Any]:
    args = {"server": server, "tool": tool, "arguments": arguments}
    return {"id": id, "trigger": "cron", "schedule": "* * * * * *", "action": "mcp.call_tool", "args": args}


PROPOSE = every_second("propose", "hr", "propose_change", **PROPOSAL)


def place(work: Path, tasks: Sequence[Mapping[str, Any]], servers: Mapping[str, str] | None = None) -> None:
    """As the gate does it: another file takes the place of the one that stands there."""
    urls = {name: {"url": url} for name, url in (servers or {}).items()}
    (work / "mcp.json.new").write_text(json.dumps({"mcpServers": urls, "scheduledTasks": tasks}))
    os.replace(work / "mcp.json.new", work / "mcp.json")


def log_of(work: Path) -> str:
    file = work / ".agent" / "daemon.log"
    return file.read_text() if file.exists() else ""


def proposals(work: Path, company: str = COMPANY) -> dict[str, dict[str, Any]]:
    """By the names of their files."""
    folder = work / ".agent" / "companies" / company / "hr" / "proposals"
    return {file.stem: json.loads(file.read_text()) for file in folder.glob("*.json")}


def agent(work: Path) -> AbstractContextManager[Program]:
    return running(AGENT, work, JULES_COMPANY=COMPANY)


def test_a_proposal_is_written_in_the_company_of_the_task_else_of_the_agent(tmp_path: Path) -> None:
    place(tmp_path, [PROPOSE, {**PROPOSE, "id": "other", "company": "other"}])
    with agent(tmp_path):
        until(lambda: bool(proposals(tmp_path) and proposals(tmp_path, "other")), "both are written")
    id, proposal = proposals(tmp_path).popitem()
    assert PROPOSAL.items() <= proposal.items()
    assert (proposal["id"], proposal["status"]) == (id, "pending")


def test_a_review_proposes_what_the_brain_of_mcp_json_recalls(tmp_path: Path, brain: Program) -> None:
    fields = {"taskId": "t", "task_type": "sop_execution", "agent_used": "worker", "outcome": "success"}
    logging = every_second("log", "brain", "log_experience", **fields, summary="done")
    place(tmp_path, [logging], {"brain": f"http://{LOOPBACK}:{brain.port}/sse"})
    with agent(tmp_path):
        until(lambda: "Experience logged successfully." in log_of(tmp_path), "an execution is logged")
        review = every_second("weekly_hr_review", "hr", "perform_weekly_review")
        place(tmp_path, [review], {"brain": f"http://{LOOPBACK}:{brain.port}/sse"})
        until(lambda: bool(proposals(tmp_path)), "the review has proposed something")
    assert "- worker: 100% success" in proposals(tmp_path).popitem()[1]["description"]


def test_a_standby_runs_none_of_its_tasks_from_when_it_has_read_its_file(tmp_path: Path) -> None:
    place(tmp_path, [PROPOSE])
    with agent(tmp_path):
        until(lambda: bool(proposals(tmp_path)), "it runs its task")
        standby = [*json.loads(mcp_files({})[STANDBY])["scheduledTasks"], {**PROPOSE, "trigger": "webhook"}]
        place(tmp_path, [*standby, {**PROPOSE, "id": "clock", "company": "clock"}])
        until(lambda: len(proposals(tmp_path, "clock")) >= 2, "another task has run twice")
    _, _, after = log_of(tmp_path).partition("Reloading schedule")
    assert "Triggering task: clock" in after
    assert "Triggering task: propose" not in after
    assert after.count("Scheduled cron task") == 1


def test_the_serving_form_leaves_the_built_in_tasks_on(tmp_path: Path) -> None:
    (tmp_path / "mcp.json").write_text(mcp_files({})[SERVING])
    with agent(tmp_path):
        until(lambda: "Weekly Ecosystem" in log_of(tmp_path), "it has read the file")
    assert "Scheduled cron task: Weekly HR Review (weekly_hr_review) at '0 12 * * 0'" in log_of(tmp_path)


def test_a_task_that_fails_says_why(tmp_path: Path) -> None:
    core = {**PROPOSAL, "affectedFiles": ["src/daemon.ts"]}
    asking = {**PROPOSE, "id": "ask", "action": None, "prompt": "Do something."}
    lost = every_second("lost", "brain", "brain_query", query="x")
    place(tmp_path, [every_second("core", "hr", "propose_change", **core), asking, lost])
    with agent(tmp_path):
        for reason in (
            "propose_core_update",
            "action: must be mcp.call_tool (the reference application has no model)",
            "mcpServers.brain.url",
        ):
            until(lambda: reason in log_of(tmp_path), reason)  # noqa: B023
        until(lambda: "Task ask exited with code 1" in log_of(tmp_path), "the Agent knows")
    assert not proposals(tmp_path)


def test_its_metrics_are_in_the_health_monitors_report(monitored: Path, health_monitor: Program) -> None:
    def beats() -> float:
        fields = json.loads(health_monitor.call("get_health_report", timeframe="last_hour"))
        return float(fields.get("agent:heartbeat", {"count": 0})["count"])

    with agent(monitored):
        until(lambda: beats() >= 1, "its heartbeat is reported")


def test_sigterm_ends_it_and_its_tasks(tmp_path: Path) -> None:
    # A server that never answers keeps a task busy.
    with socket.create_server((LOOPBACK, 0)) as silent:
        busy = every_second("busy", "brain", "brain_query", query="x")
        place(tmp_path, [busy], {"brain": f"http://{LOOPBACK}:{silent.getsockname()[1]}/sse"})
        with agent(tmp_path) as program:
            silent.accept()
            tasks = program.children()
            assert tasks
            assert terminated(program.process) == 0
            until(lambda: all(map(ended, tasks)), "its tasks have ended")
    assert "Daemon stopping" in log_of(tmp_path)


def test_it_listens_only_on_its_port(tmp_path: Path) -> None:
    with agent(tmp_path) as program:
        assert program.send("GET", "/messages")[0] == 404
    fields = environment(tmp_path)
    process = subprocess.Popen([sys.executable, str(NODE), AGENT], env=fields, cwd=tmp_path)
    try:
        until(lambda: log_of(tmp_path).count("Loaded") == 2, "it runs without a port")
        assert is_free(program.port)
        assert terminated(process) == 0
    finally:
        process.kill()
