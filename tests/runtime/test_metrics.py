"""The metrics, read back as a scraper reads them."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.metrics import Metrics
from tests.runtime import prometheus


def test_a_gauge_holds_what_was_set_last_and_a_counter_the_sum() -> None:
    metrics = Metrics()
    metrics.set("lag_seconds", 5, "How far behind.")
    metrics.set("lag_seconds", 2.5, "How far behind.")
    metrics.add("passes_total", 1, "Passes.", result="ok")
    metrics.add("passes_total", 2, "Passes.", result="ok")

    assert prometheus.value(metrics.text(), "lag_seconds") == metrics.value("lag_seconds") == 2.5
    assert prometheus.value(metrics.text(), "passes_total", result="ok") == 3
    assert prometheus.parse(metrics.text())["passes_total"].kind == "counter"


def test_what_was_never_counted_has_no_value() -> None:
    metrics = Metrics()
    metrics.add("passes_total", 1, "Passes.", result="ok")

    assert metrics.value("passes_total", result="error") is None
    assert metrics.value("others_total") is None


def test_a_counter_raised_by_nothing_is_there() -> None:
    metrics = Metrics()
    metrics.add("passes_total", 0, "Passes.")

    assert prometheus.value(metrics.text(), "passes_total") == 0


def test_what_left_is_forgotten_and_its_name_with_the_last_of_it() -> None:
    metrics = Metrics()
    metrics.set("serving", 1, "Serving.", company="a")
    metrics.set("serving", 1, "Serving.", company="b")
    metrics.remove("serving", company="a")
    assert metrics.value("serving", company="a") is None
    assert metrics.value("serving", company="b") == 1

    metrics.remove("serving", company="b")
    metrics.remove("unheard_of")
    assert metrics.text() == ""


def test_one_name_is_not_both_a_gauge_and_a_counter() -> None:
    metrics = Metrics()
    metrics.set("lag_seconds", 1, "Lag.")

    with pytest.raises(ValueError, match="lag_seconds is a gauge, not a counter"):
        metrics.add("lag_seconds", 1, "Lag.")


@given(st.dictionaries(st.sampled_from(["region", "reason", "name"]), st.text()), st.floats(allow_nan=False))
def test_any_label_and_value_comes_back_as_it_was(labels: dict[str, str], number: float) -> None:
    metrics = Metrics()
    metrics.set("gauge", number, 'A "gauge"\nwith a \\ in its help.', **labels)

    assert prometheus.value(metrics.text(), "gauge", **labels) == number


def test_counts_of_many_threads_are_all_there() -> None:
    metrics = Metrics()

    def count() -> None:
        for _ in range(500):
            metrics.add("passes_total", 1, "Passes.")

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert metrics.value("passes_total") == 4000
