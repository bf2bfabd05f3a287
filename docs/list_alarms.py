"""Writes the table of alarms in docs/runbook.md from `plan/alarms.py`: `python -m docs.list_alarms`."""

from __future__ import annotations

from pathlib import Path

from plan.alarms import ALARMS

OUT = Path(__file__).parent / "runbook.md"
HEAD = "| alarm | meaning | do |\n|---|---|---|\n"


def page(text: str) -> str:
    """The runbook with today's table, which ends the page."""
    before, head, _ = text.partition(HEAD)
    assert head, "the runbook has no table of alarms"
    return before + HEAD + "".join(f"| {one.what} | {one.meaning} | {one.action} |\n" for one in ALARMS)


if __name__ == "__main__":
    OUT.write_text(page(OUT.read_text(encoding="utf-8")), encoding="utf-8")
