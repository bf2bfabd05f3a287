"""One table of checks drives the run, the report and the page."""

from __future__ import annotations

from ops.validation.check_table import CHECKS, markdown
from tests.recording import ROOT


def test_the_page_has_the_table_of_checks() -> None:
    assert markdown() in (ROOT / "docs" / "proofs.md").read_text()


def test_each_check_is_in_the_file_that_has_its_name() -> None:
    files = {file.stem for file in (ROOT / "ops" / "validation" / "checks").glob("*.py")}
    assert {check.name.lower().replace(" ", "_") for check in CHECKS} == files - {"__init__"}


def test_every_check_that_disturbs_says_that_it_does() -> None:
    assert {check.name for check in CHECKS if check.destructive} == {"restart", "node restart", "volume lost"}


def test_every_check_that_only_reads_stores_and_disturbs_nothing() -> None:
    reading = [check for check in CHECKS if check.reads_only]
    assert [check.name for check in reading] == ["answers", "network", "bucket prefix"]
    assert not any(check.stores or check.destructive for check in reading)
