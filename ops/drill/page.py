"""The report as one HTML page that needs nothing else: no script, no other file, no network."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from ops.drill.distribution import Spread
from ops.drill.drawing import Marked, draw
from ops.drill.milestones import Milestone
from ops.drill.record import BEGUN, ENDED, STOPPED
from ops.drill.report import Drilled, Report
from ops.drill.segments import rows
from ops.drill.verdicts import AGE_SPAN, GAP_BACK_SPAN, GAP_SPAN
from ops.drill.ways import WORDS, Way

STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
HEADLINE = {
    GAP_SPAN: "Clients were without an answer for at most {}",
    GAP_BACK_SPAN: "on the return for at most {}",
    AGE_SPAN: "the memory that the other region went on with was at most {} old",
}
HELD, BROKEN = "held", "did not hold"


def page(report: Report) -> str:
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    scene = report.scene
    title = f"Outage drill of {scene.region}, stack {scene.stack}"
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield f"<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>"
    yield f"<h1>{escape(title)}</h1>"
    count = len(report.runs)
    told = f"{count} run{'s' if count != 1 else ''}, {report.started:%d %B %Y, %H:%M} UTC"
    companies = ", ".join(tenant.name for tenant in scene.tenants)
    yield f'<p class="soft">{told} · policy {scene.policy} · {escape(companies)}</p>'
    yield _badge("Every promise held" if report.ok else "Not every promise held", report.ok)
    yield from _headline(report)
    yield from _faults(report)
    yield "<h2>Seconds, measured</h2>"
    yield from _figures(report)
    yield _legend()
    for run in report.runs:
        yield from _run(report, run)
    yield "</main>\n</body>\n</html>"


def _badge(text: str, ok: bool) -> str:
    return f'<p class="badge {"good" if ok else "poor"}">{"✓" if ok else "✗"} {escape(text)}</p>'


def _headline(report: Report) -> Iterator[str]:
    """What it came to, in a sentence."""
    if report.runs:
        told = [
            words.format(f"{seconds:.1f} s")
            for what, words in HEADLINE.items()
            if (seconds := report.worst(what)) is not None
        ]
        yield f'<p class="headline">{escape("; ".join(told))}.</p>'
        yield (
            f'<p class="soft">Clients here ask DNS anew each time. A resolver that caches adds 0 to'
            f" {report.scene.ttl} s (the records' time to live), on the way there and back.</p>"
        )


def _faults(report: Report) -> Iterator[str]:
    found = [(run, line) for run in report.runs for line in run.faults]
    if found or report.problems:
        yield '<ul class="faults">'
        for run, line in found:
            yield f'<li><a href="#run-{run.number}">Run {run.number}</a>: {escape(line)}</li>'
        for line in report.problems:
            yield f"<li>{escape(line)}</li>"
        yield "</ul>"


def _figures(report: Report) -> Iterator[str]:
    """The spans of all runs, way by way."""
    columns: list[Way | None] = [*report.ways, *([None] if len(report.ways) > 1 else [])]
    yield '<div class="wide"><table>\n<thead><tr><th>span</th><th class="n">promised</th>'
    for way in columns:
        count = report.count(way)
        told = f"<br><span>p50 · p99 · max of {count}</span>" if count > 1 else ""
        yield f'<th class="n">{way or "all"}{told}</th>'
    yield "</tr></thead>\n<tbody>"
    for what, limit in report.limits.items():
        cells = "".join(_cell(report.spread(way, what), report.count(way)) for way in columns)
        yield f'<tr><th>{escape(what)}</th><td class="n">{limit:g}</td>{cells}</tr>'
    yield "</tbody></table></div>"


def _cell(one: Spread | None, count: int) -> str:
    if one is None:
        return '<td class="n bad">not observed</td>'
    ok = one.ok and one.runs == count
    text = f"{one.p50:.1f} · {one.p99:.1f} · {one.longest:.1f}" if count > 1 else f"{one.longest:.1f}"
    lacking = f" ({count - one.runs} not observed)" if one.runs < count else ""
    return f'<td class="n{"" if ok else " bad"}">{text}{lacking}</td>'


def _legend() -> str:
    told = {
        "home": "answers, as before the outage",
        "away": "another region",
        "bad": "fails",
        "told": "known to be down, and kept out",
        "unknown": "could not be told",
    }
    items = "".join(f'<li><span class="key {look}"></span>{text}</li>' for look, text in told.items())
    return f'<ul class="legend">{items}<li><span class="key line"></span>promised by then</li></ul>'


def _run(report: Report, run: Drilled) -> Iterator[str]:
    view, scene = run.view, report.scene
    begun, stopped = view.mark(BEGUN), view.mark(STOPPED)
    verdict = HELD if run.ok else BROKEN
    yield f'<section id="run-{run.number}">'
    yield f"<h2>Run {run.number}: {escape(WORDS[run.way])} – {verdict}</h2>"
    if not run.ok:
        yield f'<ul class="faults">{"".join(f"<li>{escape(line)}</li>" for line in run.faults)}</ul>'
    marks = [Marked(at=begun, text="outage begins"), Marked(at=view.mark(ENDED), text="it ends")]
    name = f"Run {run.number}, seconds after the outage began"
    yield f'<div class="wide">{draw(rows(scene, view, WORDS[run.way]), begun, stopped, marks, name)}</div>'
    yield from _notes(run)
    yield from _steps(run)
    yield "</section>"


def _notes(run: Drilled) -> Iterator[str]:
    told = [*run.told]
    if run.judged.hold_down:
        told.append(
            "the region had failed shortly before, so the controllers held it down for"
            f" {run.judged.hold_down:.0f} s more (not counted against the promise)"
        )
    for company, age in run.judged.ages.items():
        told.append(f"{company}: {memory_told(age)}")
    told += run.notes
    yield f'<ul class="notes">{"".join(f"<li>{escape(one)}</li>" for one in told)}</ul>'


def memory_told(age: float | None) -> str:
    if age is None:
        return "no memory of it was found elsewhere"
    return f"the newest memory found elsewhere was {age:.1f} s old when the outage began (RPO)"


def _steps(run: Drilled) -> Iterator[str]:
    begun, ended = run.view.mark(BEGUN), run.view.mark(ENDED)
    yield "<details><summary>Every step, in seconds</summary>"
    for title, base, steps in (
        ("after the outage began", begun, run.judged.outage),
        ("after it ended", ended, run.judged.comeback),
    ):
        yield f'<table><thead><tr><th>{title}</th><th class="n">s</th><th>each</th></tr></thead><tbody>'
        for one in steps:
            yield _step(one, base)
        yield "</tbody></table>"
    yield "</details>"


def _step(one: Milestone, base: float) -> str:
    each = ", ".join(
        f"{subject} {'not observed' if at is None else f'{at - base:.1f}'}"
        for subject, at in one.times.items()
        if subject
    )
    missing = one.at is None
    told = "not observed" if missing else f"{(one.at or 0) - base:.1f}"
    return (
        f'<tr><td>{escape(one.step)}</td><td class="n{" bad" if missing else ""}">{told}</td>'
        f'<td class="soft">{escape(each)}</td></tr>'
    )
