"""The page on which controllers tell each other what they saw."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.controller.views import Page, RegionView, dump, parse, probed_view
from runtime.documents import LARGEST_NUMBER
from tests.controller.histories import untimed

VIEW = RegionView(
    serving=True,
    in_own_cluster=True,
    reached=None,
    sampled=25,
    failed=2,
    flagged=False,
    companies={"big": True},
)
PAGE = Page(cluster="eks-us-east-1-blue", at=1_700_000_000_000, regions={"us-east-1": VIEW})

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=253)
numbers = st.integers(0, LARGEST_NUMBER)
regions = st.builds(
    RegionView,
    serving=st.booleans(),
    in_own_cluster=st.booleans(),
    reached=st.sampled_from((True, False, None)),
    sampled=st.integers(0, 30),
    failed=st.integers(0, 30),
    flagged=st.booleans(),
    companies=st.dictionaries(texts, st.booleans()),
    failing=st.dictionaries(texts, numbers),
)
pages = st.builds(Page, cluster=texts, at=numbers, regions=st.dictionaries(texts, regions, max_size=4))


@untimed
@given(pages)
def test_a_page_is_read_as_it_was_written(page: Page) -> None:
    assert parse(dump(page).encode()) == page


def test_keys_that_a_later_version_adds_are_ignored() -> None:
    page = json.loads(dump(PAGE))
    page["later"] = 1
    page["regions"]["us-east-1"]["later"] = {"any": "thing"}
    assert parse(json.dumps(page).encode()) == PAGE


def test_keys_that_an_earlier_version_lacks_are_not_needed() -> None:
    page = {"cluster": "us", "at": 1, "regions": {"us-east-1": {"serving": False}}}
    assert parse(json.dumps(page).encode()).regions == {"us-east-1": RegionView(serving=False)}


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("cluster",), 7),
        (("cluster",), None),
        (("at",), "now"),
        (("at",), 1.5),
        (("at",), True),
        (("regions",), []),
        (("regions",), None),
        (("regions", "us-east-1"), "up"),
        (("regions", "us-east-1", "serving"), 1),
        (("regions", "us-east-1", "serving"), None),
        (("regions", "us-east-1", "home"), "yes"),
        (("regions", "us-east-1", "reached"), 0),
        (("regions", "us-east-1", "sampled"), True),
        (("regions", "us-east-1", "failed"), "2"),
        (("regions", "us-east-1", "flagged"), "false"),
        (("regions", "us-east-1", "companies"), ["big"]),
        (("regions", "us-east-1", "companies", "big"), 1),
        (("regions", "us-east-1", "failing"), 3),
        (("regions", "us-east-1", "failing", "big"), "3"),
    ],
)
def test_a_value_of_another_type_is_refused_by_name(where: tuple[str, ...], value: Any) -> None:
    page = json.loads(dump(PAGE))
    at = page
    for key in where[:-1]:
        at = at[key]
    at[where[-1]] = value
    with pytest.raises(ValueError, match=where[-1]):
        parse(json.dumps(page).encode())


@pytest.mark.parametrize("text", ["", "OK", "<html>", "[]", "null", "7", '"page"', "{}"])
def test_what_is_no_page_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be|is not JSON|missing"):
        parse(text.encode())


@pytest.mark.parametrize(("failed", "serving"), [(0, True), (1, True), (2, True), (3, False), (4, False)])
def test_a_region_serves_while_half_of_its_sample_answers(failed: int, serving: bool) -> None:
    sample = ("a", "b", "c", "d")
    answers = {name: number >= failed for number, name in enumerate(sample)} | {"big": False}
    view = probed_view(answers, sample, reached=None, flagged=False)
    assert view == replace(
        VIEW, serving=serving, sampled=4, failed=failed, companies={"big": False}, flagged=False
    )
    assert view.dead is (failed == 4)


def test_a_region_without_companies_serves_and_is_not_dead() -> None:
    view = probed_view({}, (), reached=None, flagged=False)
    assert view.serving and not view.dead
