"""The page of a report: whole, on its own, and true."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.drill.drawing import WIDTH, Marked, draw
from ops.drill.page import STYLE, page
from ops.drill.report import Report
from ops.drill.segments import Look, Row, Segment, rows
from ops.drill.ways import WORDS, Way
from tests.drill.playing import drilled
from tests.drill.scenes import scene
from tests.drill.simulated import Sabotage

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
    runs = [drilled(number=number, way=way) for number, way in enumerate(Way, start=1)]
    return Report(scene=scene(), started=runs[0].at, runs=runs)


@pytest.fixture(scope="module")
def bad() -> Report:
    runs = [drilled(number=1), drilled(Sabotage(brain_mixes_companies=True), number=2)]
    return Report(scene=scene(), started=runs[0].at, runs=runs, problems=["run 3 (node): no <node>"])


def test_it_is_whole_and_has_a_picture_of_each_run(good: Report) -> None:
    reader = read(good)
    names = [tag for tag, _ in reader.tags]
    assert names.count("svg") == len(Way)
    assert names.count("section") == len(Way)
    assert {attributes.get("id") for tag, attributes in reader.tags if tag == "section"} == {
        f"run-{number}" for number in range(1, len(Way) + 1)
    }
    for way in Way:
        assert any(WORDS[way] in text for text in reader.texts)


def test_it_needs_nothing_else(good: Report) -> None:
    reader = read(good)
    assert not {tag for tag, _ in reader.tags} & {"script", "link", "img", "iframe", "object", "embed"}
    for _, attributes in reader.tags:
        assert not {name for name in attributes if name.startswith("on")}
        for name in ("src", "href", "srcset", "action", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#")
    assert not re.search(r"url\(|@import|https?:", STYLE)


def test_it_says_first_whether_all_held(good: Report, bad: Report) -> None:
    assert any("✓ Every promise held" in text for text in read(good).texts)
    told = "".join(read(bad).texts)
    assert "✗ Not every promise held" in told
    assert "the Brain of acme in eu-west-1 mixes companies" in told
    assert "run 3 (node): no <node>" in told


def test_every_figure_stands_beside_its_promise(good: Report) -> None:
    told = page(good)
    for what, limit in good.limits.items():
        [row] = re.findall(rf"<tr><th>{re.escape(what)}</th>.*?</tr>", told)
        cells = re.findall(r"<td[^>]*>(.*?)</td>", row)
        assert cells[0] == f"{limit:g}"
        assert len(cells) == 1 + len(Way) + 1
        for way, cell in zip((*Way, None), cells[1:], strict=True):
            spread = good.spread(way, what)
            assert spread is not None
            assert f"{spread.longest:.1f}" in cell


def test_what_was_not_observed_is_said_to_be_so() -> None:
    run = drilled(Sabotage(readiness_ignores_the_flag=True))
    told = page(Report(scene=scene(), started=run.at, runs=[run]))
    [row] = re.findall(r"<tr><th>outage to no ready endpoint</th>.*?</tr>", told)
    assert '<td class="n bad">not observed</td>' in row
    [step] = re.findall(r"<tr><td>no endpoint ready</td>.*?</tr>", told)
    assert "not observed" in step


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", 'a "quoted" & <b>', "'"])
def test_what_others_have_written_stays_text(good: Report, text: str) -> None:
    [first, *_] = good.runs
    changed = replace(first, told=(text,), notes=(text,))
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


def test_every_look_has_its_style() -> None:
    for look in Look:
        assert f".{look} {{ fill:" in STYLE
        assert f"svg .in-{look} {{" in STYLE


def bars(picture: str) -> list[tuple[str, float, float]]:
    """Class, left end and right end of each bar."""
    space = "{http://www.w3.org/2000/svg}"
    return [
        (str(one.get("class")), float(one.get("x", 0)), float(one.get("x", 0)) + float(one.get("width", 0)))
        for one in ElementTree.fromstring(picture).iter(f"{space}rect")
    ]


def test_bars_of_a_row_follow_each_other_without_overlapping(good: Report) -> None:
    run = good.runs[0]
    for row in rows(good.scene, run.view, "down"):
        if row.lane != "memory":
            times = [(one.begin, one.end) for one in row.segments]
            assert all(begin <= end for begin, end in times)
            assert all(one[1] == other[0] for one, other in pairwise(times)), row.lane


Row_ = st.builds(
    lambda parts, promise: Row(
        lane="lane",
        label="label",
        segments=tuple(
            Segment(begin=min(one, other), end=max(one, other), look=look, text=text, title=text)
            for one, other, look, text in parts
        ),
        promise=promise,
    ),
    st.lists(
        st.tuples(st.floats(0, 500), st.floats(0, 500), st.sampled_from(Look), st.text(max_size=20)),
        max_size=5,
    ),
    st.none() | st.floats(0, 500),
)


@given(st.lists(Row_, max_size=6), st.floats(10, 100), st.floats(0, 400))
def test_whatever_is_drawn_is_well_formed_and_within_the_picture(
    drawn: list[Row], zero: float, length: float
) -> None:
    drawn = [replace(row, segments=tuple(map(printable, row.segments))) for row in drawn]
    picture = draw(drawn, zero, zero + length, [Marked(at=zero, text="<begins>")], "a & b")
    for _, left, right in bars(picture):
        assert 0 <= left <= right <= WIDTH + 2


def printable(one: Segment) -> Segment:
    """XML has no control characters; nor has anything that is told here."""
    text = "".join(letter for letter in one.text if letter.isprintable())
    return replace(one, text=text, title=text)
