"""What goes wrong in the test service on request."""

from __future__ import annotations

import threading
import time

import pytest
from botocore.exceptions import ConnectionClosedError

from local.aws.object_replication import ReplicationError
from tests.components.stacks import EU, US
from tests.s3 import ANSWER_LOST, CUT, REFUSED, SLOW_DOWN, Fault, S3Service
from tests.s3.asking import KEY, code, put
from tests.s3.buckets import forget
from tests.services import until


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (SLOW_DOWN, (503, "SlowDown")),
        (REFUSED, (403, "AccessDenied")),
        (Fault(status=500), (500, "InternalError")),
    ],
)
def test_an_error_comes_instead_of_the_call(s3: S3Service, fault: Fault, answer: tuple[int, str]) -> None:
    s3.fault = lambda call: fault if call.operation == "PutObject" else None

    assert code(s3.client().put_object, Bucket=s3.buckets[US], Key=KEY, Body=b"x") == answer
    assert s3.client().list_objects_v2(Bucket=s3.buckets[US])["KeyCount"] == 0
    s3.fault = None
    put(s3)
    assert s3.keys(US) == {KEY: 1}


@pytest.mark.parametrize(("fault", "written"), [(CUT, {}), (ANSWER_LOST, {KEY: 1})])
def test_a_connection_is_cut_before_or_after_the_call_is_done(
    s3: S3Service, fault: Fault, written: dict[str, int]
) -> None:
    s3.fault = lambda call: fault

    with pytest.raises(ConnectionClosedError):
        put(s3)
    assert s3.keys(US) == written


def test_a_slow_call_is_answered_after_its_delay(s3: S3Service) -> None:
    s3.fault = lambda call: Fault(delay=0.5)
    began = time.monotonic()

    put(s3)

    assert time.monotonic() - began >= 0.5
    assert s3.keys(US) == {KEY: 1}


def test_a_slow_call_holds_up_neither_another_nor_the_end_of_the_service() -> None:
    s3 = S3Service([US, EU])
    s3.fault = lambda call: Fault(delay=3600.0) if call.bucket == s3.buckets[US] else None
    ended: list[Exception] = []

    def ask() -> None:
        try:
            put(s3)
        except ConnectionClosedError as error:
            ended.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    until(lambda: len(s3.calls) == 1, "the call has arrived")
    put(s3, region=EU)
    assert [call.status for call in s3.calls] == [None, 200]
    s3.close()
    asking.join()
    assert len(ended) == 1


def test_what_went_wrong_in_replication_comes_up_at_the_end() -> None:
    s3 = S3Service([US, EU])
    forget(s3.buckets[EU])
    put(s3)

    until(lambda: s3.replication.pending == [], "the copy is tried")
    with pytest.raises(ReplicationError, match="a bucket is missing"):
        s3.close()
