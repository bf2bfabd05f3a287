"""A Brain or a health monitor that just passes the suite, and ways to fail it.

`python fake_application.py brain|health-monitor [fault …]`: a program of its own, with the standard library
alone, so that it starts at once.

faults of a Brain            what it does
    mixes                    has one memory for all companies
    shares=<folder>          keeps its memory in a folder that other Brains use, too
    forgets                  keeps its memory in no file
    elsewhere=<folder>       keeps its memory beside its volume
    deaf                     stores, and finds nothing
    unlearning               recalls no experience
of a health monitor
    nowhere                  hands metrics nowhere
    blind                    serves the metrics that it took, and no file
of both
    json                     answers as JSON (which is none)
    error                    answers each call with status 500
    sick                     answers `/health` with status 500
    hangs                    never answers a call
    drips                    sends comments for ever, and no answer
    refuses                  each tool fails, in the words of MCP
    dies                     ends as soon as it is started
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["JULES_AGENT_DIR"])
FAULTS = dict(word.partition("=")[::2] for word in sys.argv[2:])
REMEMBERED: dict[str, list[dict[str, str]]] = {}
METRICS: list[dict[str, Any]] = []


def memory_file(company: str) -> Path:
    company = "all" if "mixes" in FAULTS else company
    shared = FAULTS.get("shares") or FAULTS.get("elsewhere", "") + os.environ["JULES_AGENT_DIR"]
    root = Path(shared) if {"shares", "elsewhere"} & FAULTS.keys() else FOLDER / "brain"
    # A Brain that mixes still writes below the company's name: only its answers show it.
    return root / company / "memories.json"


def memories(company: str) -> list[dict[str, str]]:
    if "forgets" in FAULTS:
        return REMEMBERED.setdefault(company, [])
    if "mixes" in FAULTS:
        files = sorted((FOLDER / "brain").glob("*/memories.json"))
        return [load for file in files for load in json.loads(file.read_text())]
    file = memory_file(company)
    return list(json.loads(file.read_text())) if file.exists() else []


def keep(company: str, **memory: str) -> None:
    file = FOLDER / "brain" / company / "memories.json" if "mixes" in FAULTS else memory_file(company)
    own = json.loads(file.read_text()) if file.exists() else []
    if "forgets" in FAULTS:
        memories(company).append(memory)
        # What it writes is never read again.
        file = file.with_name("unread")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([*own, memory]))


def brain_store(taskId: str, request: str, solution: str, company: str) -> str:
    keep(company, task=taskId, request=request, solution=solution)
    return "Memory stored successfully."


def brain_query(query: str, company: str, limit: int) -> str:
    found = [] if "deaf" in FAULTS else memories(company)[-limit:]
    return (
        "\n".join(f"[Task: {one['task']}] {one['solution']}" for one in found)
        or "No relevant memories found."
    )


def log_experience(
    taskId: str, task_type: str, agent_used: str, outcome: str, summary: str, company: str
) -> str:
    keep(company, task=taskId, request=f"Agent: {agent_used}", solution=f"Outcome: {outcome} {summary}")
    return "Experience logged successfully."


def recall_delegation_patterns(task_type: str, company: str) -> str:
    found = [] if "unlearning" in FAULTS else memories(company)
    agents = [one["request"].removeprefix("Agent: ") for one in found if one["request"].startswith("Agent: ")]
    return "\n".join(f"- {agent}: 100% success (1/1)" for agent in agents) or "No past experiences found"


def track_metric(agent: str, metric: str, value: float, tags: dict[str, str]) -> str:
    entry = {"agent": agent, "metric": metric, "value": value, "tags": tags}
    METRICS.append(entry)
    if "nowhere" not in FAULTS:
        file = FOLDER / "metrics" / time.strftime("%Y-%m-%d.ndjson", time.gmtime())
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as stream:
            stream.write(json.dumps(entry) + "\n")
    return f"Metric {metric} tracked."


def get_health_report(timeframe: str) -> str:
    files = [] if "blind" in FAULTS else sorted((FOLDER / "metrics").glob("*.ndjson"))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    values: dict[str, list[float]] = {}
    for one in lines or METRICS:
        values.setdefault(f"{one['agent']}:{one['metric']}", []).append(one["value"])
    return json.dumps({key: {"count": len(found), "sum": sum(found)} for key, found in values.items()})


TOOLS: dict[str, dict[str, Callable[..., str]]] = {
    "brain": {
        one.__name__: one for one in (brain_store, brain_query, log_experience, recall_delegation_patterns)
    },
    "health-monitor": {one.__name__: one for one in (track_metric, get_health_report)},
}


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._send(500 if "sick" in FAULTS else 200, "text/plain", [b"OK"])

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        accepted = self.headers["Accept"]
        if self.path != "/messages" or not {"application/json", "text/event-stream"} <= set(
            accepted.split(", ")
        ):
            return self._send(406, "text/plain", [b"Not acceptable"])
        if "hangs" in FAULTS:
            time.sleep(3600)
        if "error" in FAULTS:
            return self._send(500, "text/html", [b"<h1>Internal Server Error</h1>"])
        if "drips" in FAULTS:
            return self._send(200, "text/event-stream", dripping())
        text = TOOLS[sys.argv[1]][asked["params"]["name"]](**asked["params"]["arguments"])
        result = {"content": [{"type": "text", "text": text}], "isError": "refuses" in FAULTS}
        answer = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result})
        if "json" in FAULTS:
            return self._send(200, "application/json; charset=utf-8", [answer.encode()])
        noise = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})
        events = [": a comment", *(f"event: message\r\ndata: {one}" for one in (noise, answer)), ""]
        return self._send(200, "text/event-stream", ["\r\n\r\n".join(events).encode()])

    def _send(self, status: int, kind: str, chunks: list[bytes] | Iterator[bytes]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(chunk)
            self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        print(format % args, flush=True)


def dripping() -> Iterator[bytes]:
    while True:
        yield b": still here\n\n"
        time.sleep(0.05)


if __name__ == "__main__":
    if "dies" in FAULTS:
        sys.exit("no model, no memory")
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answers).serve_forever()
