"""docs/failover.md names tests that exist, every exit code, and a picture that is current."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from docs import draw_timeline
from ops import errors

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "failover.md").read_text()
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
FAILURES = (
    "A pod",
    "The Brain",
    "A controller",
    "The leading controller",
    "The API server",
    "A node",
    "An availability zone",
    "The workloads of a region",
    "A whole region",
    "The link between regions",
    "S3",
    "Route53's control plane",
    "An emptied volume",
    "A damaged file",
)


def rows() -> dict[str, str]:
    """By failure, the rest of its row."""
    table = PAGE.partition("| what fails |")[2].partition("\n\n")[0]
    lines = [line.strip("|").partition("|") for line in table.splitlines()[2:]]
    return {what.strip(" *"): rest for what, _, rest in lines}


@pytest.mark.parametrize("what", FAILURES)
def test_each_failure_has_a_row_with_its_tests(what: str) -> None:
    assert TEST.search(rows()[what]), f"no test in the row of {what}"


@pytest.mark.parametrize(("file", "name"), sorted(set(TEST.findall(PAGE))))
def test_every_test_that_is_named_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_exit_code_is_on_the_page() -> None:
    sentence = " ".join(PAGE.partition("Exit codes: ")[2].partition("\n\n")[0].split())
    named = {int(number) for number in re.findall(r"(?:^|; )(\d+) ", sentence)}
    codes = {value for name, value in vars(errors).items() if name.isupper()}
    assert named == codes


def test_the_picture_is_drawn_from_the_program_s_own_figures() -> None:
    drawn = draw_timeline.draw(draw_timeline.stories())
    assert draw_timeline.OUT.read_text() == drawn, "run python -m docs.draw_timeline"
    ElementTree.fromstring(drawn)


def test_the_table_of_seconds_is_that_of_the_picture() -> None:
    gone, dark, back = draw_timeline.stories()
    spans = {step.what: (step.earliest, step.latest) for step in gone.steps}
    assert spans["first probe fails"] == (0, 6) and "| 0 to 6 after the outage |" in PAGE
    assert spans["region is flagged"] == (10, 16)
    assert spans["client's next answer"] == (10, 46)
    assert [step.latest for step in dark.steps] == [16, 36]
    assert back.steps[-1].latest == pytest.approx(75.3)
