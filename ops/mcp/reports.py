"""The reports that drills of a stack left in their folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ops.errors import OperatorError
from ops.mcp.results import DrillReport, DrillRun, Span, texts


def names(folder: Path, stack: str) -> list[str]:
    """Newest first."""
    return sorted(
        (path.stem for path in folder.glob("*.json") if _document(path).get("stack") == stack), reverse=True
    )


def read(folder: Path, stack: str, name: str | None) -> DrillReport:
    """Without a name, the newest with a run: a drill that was refused has none. Raises OperatorError."""
    known = names(folder, stack)
    if not known:
        raise OperatorError(f"{folder} has no report of the stack {stack}: no drill of it has ended here")
    ran = (each for each in known if _document(folder / f"{each}.json").get("runs"))
    chosen = next(ran, None) if name is None else name
    if chosen is None:
        listed = ", ".join(known)
        raise OperatorError(
            f"no drill of the stack {stack} has ended a run here; stopped or refused: {listed}"
        )
    if chosen not in known:
        raise OperatorError(f"name: must be one of {', '.join(known)}; got {chosen}")
    path = folder / f"{chosen}.json"
    try:
        return _report(json.loads(path.read_text(encoding="utf-8")), chosen, known)
    except (KeyError, TypeError, ValueError) as error:
        raise OperatorError(f"{path} is no report of this version's drill: {error!r}") from error


def _report(document: Mapping[str, Any], chosen: str, known: Sequence[str]) -> DrillReport:
    return DrillReport(
        name=chosen,
        ok=document["ok"],
        stack=document["stack"],
        region=document["region"],
        policy=document["policy"],
        started=document["started"],
        companies=[each["name"] for each in document["companies"]],
        problems=texts(document["problems"]),
        spans=_spans(document),
        runs=[_run(each) for each in document["runs"]],
        others=[each for each in known if each != chosen],
    )


def _document(path: Path) -> Mapping[str, Any]:
    """Empty for what is no report."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) and "distribution" in document else {}


def _spans(document: Mapping[str, Any]) -> list[Span]:
    return [
        Span(
            what=each["what"],
            promised_seconds=each["limit"],
            p50_seconds=each["p50"],
            p99_seconds=each["p99"],
            longest_seconds=each["longest"],
        )
        for each in document["distribution"]["all"]
    ]


def _run(run: Mapping[str, Any]) -> DrillRun:
    return DrillRun(
        fault=run["way"],
        outage=run["outage"],
        ok=run["ok"],
        failures=texts(run["faults"]),
        done=texts(run["done"]),
        notes=texts(run["notes"]),
    )
