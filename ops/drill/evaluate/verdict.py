"""One verdict on a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Verdict:
    what: str
    """The span or step."""
    seconds: float | None = None
    """None: not observed, or not a time."""
    limit: float | None = None
    ok: bool
    line: str = ""
    """Why it is not ok; empty where another verdict's line says so."""


def within_limit(span: str, seconds: float | None, note: str, limit: float) -> Verdict:
    """A time that was not observed has its line with the step that did not happen."""
    if seconds is None:
        return Verdict(what=span, limit=limit, ok=False)
    ok = seconds <= limit
    line = "" if ok else f"{span}: {seconds:.1f} s{note}, at most {limit:g} s"
    return Verdict(what=span, seconds=seconds, limit=limit, ok=ok, line=line)
