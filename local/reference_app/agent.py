"""The Agent: starts the company's scheduled tasks, and writes to `.agent` in its working directory."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import threading
import time
from datetime import datetime
from pathlib import Path

from . import cron, metrics, schedule
from .files import AGENT_FOLDER, DAEMON_LOG, log
from .front import Front, health
from .schedule import Task
from .worker import command, environment

POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 60.0
LATE_SECONDS = 60
"""Tasks that were due longer ago, while the Agent did not run, are skipped."""
STOP_SECONDS = 5.0


class Agent:
    """`step` starts the tasks that are due; `stop` ends the running tasks."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._tasks: list[Task] = []
        self._running: list[tuple[Task, subprocess.Popen[bytes]]] = []
        self._known: dict[Path, tuple[int, int, int] | None] = {}
        self._second = int(time.time())
        self._next_beat = 0.0

    def start(self) -> None:
        self._log("Daemon starting...")
        for name in (schedule.MCP_FILE, schedule.SCHEDULER_FILE):
            self._changed(name)
        self._apply_schedule()

    def step(self) -> None:
        # Both files are checked, even if the first has changed.
        changed = [name for name in (schedule.MCP_FILE, schedule.SCHEDULER_FILE) if self._changed(name)]
        if changed:
            self._log(f"{' and '.join(changed)} changed. Reloading schedule...")
            self._apply_schedule()
        self._reap()
        for task in self._due():
            self._run(task)
        if time.monotonic() >= self._next_beat:
            self._next_beat = time.monotonic() + HEARTBEAT_SECONDS
            self._heartbeat()

    def stop(self) -> None:
        self._log(f"Daemon stopping; {len(self._running)} tasks run.")
        for _, process in self._running:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for _, process in self._running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()

    def _apply_schedule(self) -> None:
        tasks = schedule.load(self._work, self._log)
        self._log(f"Loaded {len(tasks)} tasks.")
        self._tasks = [task for task in tasks if self._schedule(task)]

    def _schedule(self, task: Task) -> bool:
        """Whether the task has a valid schedule."""
        name = f"{task['name']} ({task['id']})"
        if task.get("trigger") != "cron":
            self._log(f"Never run by itself: {name}, trigger {task.get('trigger')!r}")
            return False
        try:
            cron.matches(str(task.get("schedule")), datetime.now())
        except ValueError as error:
            self._log(f"Invalid cron schedule for task {name}: {error}")
            return False
        self._log(f"Scheduled cron task: {name} at {task['schedule']!r}")
        return True

    def _due(self) -> list[Task]:
        now = int(time.time())
        since = max(self._second + 1, now - LATE_SECONDS)
        self._second = now
        seconds = [datetime.fromtimestamp(second) for second in range(since, now + 1)]
        return [task for task in self._tasks if any(cron.matches(task["schedule"], at) for at in seconds)]

    def _changed(self, name: str) -> bool:
        """Whether a file in the working directory has changed since the last call."""
        path = self._work / name
        try:
            stat = path.stat()
            now = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        except OSError:
            now = None
        before = self._known.get(path)
        self._known[path] = now
        return now is not None and now != before

    def _run(self, task: Task) -> None:
        if any(each["id"] == task["id"] for each, _ in self._running):
            self._log(f"Not triggered, because it still runs: {task['name']} ({task['id']})")
            return
        self._log(f"Triggering task: {task['name']} ({task['id']})")
        try:
            process = subprocess.Popen(
                command("task"),
                cwd=self._work,
                stdin=subprocess.DEVNULL,
                env=environment(JULES_TASK_DEF=json.dumps(task)),
            )
        except OSError as error:
            self._log(f"Failed to spawn task {task['name']}: {error}")
        else:
            self._running.append((task, process))

    def _reap(self) -> None:
        for task, process in [each for each in self._running if each[1].poll() is not None]:
            self._running.remove((task, process))
            self._log(f"Task {task['name']} exited with code {process.returncode}")

    def _heartbeat(self) -> None:
        tags = {"company": os.environ.get("JULES_COMPANY", "")}
        try:
            metrics.track(self._work / AGENT_FOLDER, "agent", "heartbeat", 1, tags)
        except OSError as error:
            self._log(f"Failed to write metric heartbeat: {error}")

    def _log(self, text: str) -> None:
        log(text, self._work / DAEMON_LOG)


def _stop_signal() -> int:
    """A descriptor that becomes readable on SIGTERM and SIGINT."""
    read_end, write_end = os.pipe()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os.write(write_end, b"."))
    return read_end


def main() -> None:
    stopping = _stop_signal()
    agent = Agent(Path.cwd())
    agent.start()
    if port := os.environ.get("PORT"):
        front = Front(int(port), {"/health": health})
        threading.Thread(target=front.serve_forever, daemon=True).start()
        log(f"Health check server running on port {port}")
    while not select.select([stopping], [], [], POLL_SECONDS)[0]:
        agent.step()
    agent.stop()


if __name__ == "__main__":
    main()
