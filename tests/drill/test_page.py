"""The page of a report: complete, self-contained, and true to its report."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.drill.faults.kinds import DESCRIPTIONS, FaultKind
from ops.drill.observe.indicators import Fill
from ops.drill.report import page as page_module
from ops.drill.report.document import Report
from ops.drill.report.page import CHARACTER, LEFT, WIDTH, Scale, page
from ops.drill.report.timeline import Segment, rows
from tests.drill.playing import run_report
from tests.drill.scenarios import scenario
from tests.drill.simulated import Sabotage

TEMPLATE = Path(page_module.__file__).with_name("page.html.j2").read_text(encoding="utf-8")
[STYLE] = re.findall(r"<style>\n(.*?)</style>", TEMPLATE, re.DOTALL)
VOID = {"meta", "br", "link", "img", "hr", "input"}


class Reader(HTMLParser):
    """Reads a page as a browser does, and complains where one would have to guess."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(report: Report) -> Reader:
    reader = Reader()
    reader.feed(page(report))
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def good() -> Report:
    runs = [run_report(number=number, fault=fault) for number, fault in enumerate(FaultKind, start=1)]
    return Report(scenario=scenario(), started=runs[0].at, runs=runs)


@pytest.fixture(scope="module")
def bad() -> Report:
    runs = [run_report(number=1), run_report(Sabotage(brain_mixes_companies=True), number=2)]
    return Report(scenario=scenario(), started=runs[0].at, runs=runs, problems=["run 3 (node): no <node>"])


def test_the_page_is_complete_and_has_a_picture_of_each_run(good: Report) -> None:
    reader = read(good)
    names = [tag for tag, _ in reader.tags]
    assert names.count("svg") == len(FaultKind)
    assert names.count("section") == len(FaultKind)
    assert {attributes.get("id") for tag, attributes in reader.tags if tag == "section"} == {
        f"run-{number}" for number in range(1, len(FaultKind) + 1)
    }
    for fault in FaultKind:
        assert any(DESCRIPTIONS[fault] in text for text in reader.texts)


def test_the_page_needs_nothing_else(good: Report) -> None:
    reader = read(good)
    assert not {tag for tag, _ in reader.tags} & {"script", "link", "img", "iframe", "object", "embed"}
    for _, attributes in reader.tags:
        assert not {name for name in attributes if name.startswith("on")}
        for name in ("src", "href", "srcset", "action", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#")
    assert not re.search(r"url\(|@import|https?:", STYLE)


def test_the_page_says_first_whether_all_promises_held(good: Report, bad: Report) -> None:
    assert any("✓ Every promise held" in text for text in read(good).texts)
    text = "".join(read(bad).texts)
    assert "✗ Not every promise held" in text
    assert "the Brain of acme in eu-west-1 mixes companies" in text
    assert "run 3 (node): no <node>" in text


def test_every_figure_stands_beside_its_promise(good: Report) -> None:
    html = page(good)
    for what, limit in good.limits.items():
        [row] = re.findall(rf"<tr><th>{re.escape(what)}</th>.*?</tr>", html)
        cells = re.findall(r"<td[^>]*>(.*?)</td>", row)
        assert cells[0] == f"{limit:g}"
        assert len(cells) == 1 + len(FaultKind) + 1
        for fault, cell in zip((*FaultKind, None), cells[1:], strict=True):
            spread = good.spread(fault, what)
            assert spread is not None
            assert f"{spread.longest:.1f}" in cell


def test_the_page_says_what_was_not_observed() -> None:
    run = run_report(Sabotage(readiness_ignores_the_flag=True))
    html = page(Report(scenario=scenario(), started=run.at, runs=[run]))
    [row] = re.findall(r"<tr><th>outage to no ready endpoint</th>.*?</tr>", html)
    assert '<td class="n bad">not observed</td>' in row
    [step] = re.findall(r"<tr><td>no endpoint ready</td>.*?</tr>", html)
    assert "not observed" in step


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", 'a "quoted" & <b>', "'"])
def test_texts_from_elsewhere_are_escaped(good: Report, text: str) -> None:
    [first, *_] = good.runs
    changed = replace(first, done=(text,), notes=(text,))
    reader = read(replace(good, runs=[changed], problems=[text]))
    assert "script" not in {tag for tag, _ in reader.tags}
    assert "".join(reader.texts).count(text) >= 3


def test_both_colour_schemes_name_every_colour() -> None:
    light, dark = (
        set(re.findall(r"(--[\w-]+):", block))
        for block in re.findall(r":root \{(.*?)\n\s*\}", STYLE, re.DOTALL)
    )
    assert light == dark
    assert set(re.findall(r"var\((--[\w-]+)\)", STYLE)) <= light


def test_every_fill_has_its_style() -> None:
    for fill in Fill:
        assert f".{fill} {{ fill:" in STYLE
        assert f"svg .in-{fill} {{" in STYLE


@pytest.mark.parametrize("text", ["plain", 'a "quoted" & <b>', "'"])
def test_each_picture_is_well_formed_and_has_a_bar_for_each_segment(good: Report, text: str) -> None:
    [first, *_] = good.runs
    changes = tuple(replace(change, detail=text) for change in first.view.changes)
    run = replace(first, view=replace(first.view, changes=changes))
    [picture] = re.findall(r"<svg.*?</svg>", page(replace(good, runs=[run])), re.DOTALL)
    bars = list(ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}rect"))
    assert len(bars) == sum(len(row.segments) for row in rows(good.scenario, run.view, run.fault))


def test_bars_of_a_row_follow_each_other_without_overlapping(good: Report) -> None:
    run = good.runs[0]
    for row in rows(good.scenario, run.view, run.fault):
        if row.group != "memory":
            times = [(segment.begin, segment.end) for segment in row.segments]
            assert all(begin <= end for begin, end in times)
            assert all(one[1] == other[0] for one, other in pairwise(times)), row.group


Times = st.floats(0, 500)


@given(Times, st.floats(0, 400), Times, Times, st.sampled_from(Fill), st.text(max_size=20))
def test_whatever_is_drawn_lies_within_the_picture(
    zero: float, length: float, one: float, other: float, fill: Fill, text: str
) -> None:
    scale = Scale(zero, zero + length)
    segment = Segment(begin=min(one, other), end=max(one, other), fill=fill, text=text, title=text)
    assert LEFT <= scale.x(segment.begin) <= scale.x(segment.begin) + scale.width(segment) <= WIDTH
    assert len(scale.text(segment)) * CHARACTER <= scale.width(segment)
    assert all(LEFT <= scale.x(zero + second) <= WIDTH for second in scale.ticks())
