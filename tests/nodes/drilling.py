"""Drills on the nodes, run as an operator runs them."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from local.kubernetes_api import KubernetesApi
from ops.drill.faults.kinds import FaultKind
from ops.errors import CHECK_FAILED, DONE
from tests.nodes.conftest import Stack

BUSY = 3
"""How many times longer than promised a step may take on a machine that has other work, too."""


def report_of(folder: Path) -> Any:
    (file,) = folder.glob("*.json")
    return json.loads(file.read_text())


def disturbed(stack: Stack) -> list[str]:
    """The pods that are not ready or have restarted, and the warnings: what may explain a failure."""
    api = KubernetesApi(str(stack.state / "kubeconfig"), "", threading.Event(), print)
    lines = []
    for pod in api.call("GET", "/api/v1/pods")["items"]:
        metadata, status = pod["metadata"], pod["status"]
        conditions = {each["type"]: each["status"] for each in status.get("conditions", ())}
        restarts = {each["name"]: each["restartCount"] for each in status.get("containerStatuses", ())}
        if conditions.get("Ready") != "True" or any(restarts.values()):
            node = pod["spec"].get("nodeName")
            lines.append(f"{metadata['name']} on {node}: {status.get('phase')} {conditions} {restarts}")
    events = api.call("GET", "/api/v1/events?fieldSelector=type%3DWarning")["items"]
    return lines + [
        f"{each['involvedObject'].get('name')}: {each['reason']}: {each['message'][:200]}"
        for each in events[-20:]
    ]


def drilled(stack: Stack, folder: Path, region: str, way: FaultKind, *options: str) -> dict[str, float]:
    """The measured seconds of each promise, all of which were kept but for what a busy machine explains."""
    drill = ("ops", "drill", "--region", region, "--way", way, "--yes", "--out", str(folder))
    done = stack.run(*drill, *options)

    report = report_of(folder)
    (run,) = report["runs"] or [None]
    assert run is not None and report["problems"] == [], f"{done.stdout}\n{done.stderr}"
    seconds = [each for each in run["verdicts"] if each["seconds"] is not None and each["limit"] is not None]
    assert {each["what"] for each in seconds} == {each["what"] for each in report["distribution"][way]}
    assert all(each["seconds"] <= BUSY * each["limit"] for each in seconds), f"{seconds}\n{disturbed(stack)}"
    assert [each for each in run["verdicts"] if not each["ok"] and each not in seconds] == []
    assert done.returncode == (DONE if report["ok"] else CHECK_FAILED)
    (page,) = folder.glob("*.html")
    assert "<svg" in page.read_text()
    assert "nothing" in stack.succeed("ops", "drill", "--restore")
    return {each["what"]: each["seconds"] for each in seconds}
