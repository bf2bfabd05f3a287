"""S3 that answers 503, slowly, or not at all: the pass says so, and a later one catches up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runtime.gate.storage.errors import Refused, StoreError, Unreachable
from runtime.gate.storage.rclone import Interrupted
from tests.components.stacks import US
from tests.gate.snapshot.company import GRAPH, TABLE, Company
from tests.s3 import ANSWER_LOST, CUT, REFUSED, SLOW_DOWN, Call, Fault

OUTAGES: dict[str, tuple[Fault, type[StoreError]]] = {
    "503": (SLOW_DOWN, Unreachable),
    "cut": (CUT, Unreachable),
    "answers lost": (ANSWER_LOST, Unreachable),
    "refused": (REFUSED, Refused),
}
PARTS: dict[str, Callable[[Call], bool]] = {
    "everything": lambda call: True,
    "writes": lambda call: call.method == "PUT",
    "checkpoints": lambda call: "_checkpoints" in call.key,
}


@pytest.mark.parametrize(
    ("outage", "part"),
    [*((outage, "everything") for outage in OUTAGES), ("503", "checkpoints"), ("cut", "writes")],
)
def test_an_outage_is_an_error_of_its_kind_and_the_next_pass_catches_up(
    company: Company, outage: str, part: str
) -> None:
    company.write_table(versions=1)
    uploader = company.uploader()
    uploader.run(generation=0, base=None)
    fault, kind = OUTAGES[outage]
    company.s3.fault = lambda call: fault if PARTS[part](call) else None
    company.write_table(versions=2, first=2)
    company.write(GRAPH, b'{"nodes": [1]}')
    company.now += 1

    with pytest.raises(kind):
        uploader.run(generation=0, base=None)
    company.s3.fault = None
    company.now += 1
    result = uploader.run(generation=0, base=None)

    assert result.newest and f"{TABLE}/data/file2.lance" in result.newest.files
    assert company.restored()[GRAPH] == b'{"nodes": [1]}'
    assert company.restored()[f"{TABLE}/data/file2.lance"] == b"2" * 1000
    assert company.s3.refused == []


def test_what_came_through_in_an_outage_is_not_sent_again(company: Company) -> None:
    company.write_table()
    company.s3.fault = lambda call: SLOW_DOWN if "_checkpoints/" in call.key else None
    uploader = company.uploader()
    with pytest.raises(Unreachable):
        uploader.run(generation=0, base=None)
    company.s3.fault = None

    result = uploader.run(generation=0, base=None)

    assert result.changed and result.uploaded_bytes == 0


def test_slow_answers_only_take_time(company: Company) -> None:
    company.write_table()
    company.s3.fault = lambda _: Fault(delay=1.0)

    assert company.uploader().run(generation=0, base=None).changed
    assert company.restored()


def test_an_interrupted_pass_leaves_what_the_next_one_uses(company: Company) -> None:
    company.write_table()
    uploader = company.uploader()

    def fault(call: Call) -> Fault | None:
        if call.method != "PUT":
            return None
        company.interrupt.set()
        return Fault(delay=0.5)

    company.s3.fault = fault
    with pytest.raises(Interrupted):
        uploader.run(generation=0, base=None)
    assert company.checkpoints() == []
    company.s3.fault = None
    company.interrupt.clear()

    assert uploader.run(generation=0, base=None).changed
    assert company.restored()[f"{TABLE}/data/file1.lance"] == b"1" * 1000


def test_a_bucket_that_is_gone_is_reported_with_its_name(company: Company) -> None:
    company.write("acme/file")
    company.s3.buckets[US] = "nobody-has-this-bucket"
    with pytest.raises(StoreError, match="nobody-has-this-bucket"):
        company.uploader().run(generation=0, base=None)
