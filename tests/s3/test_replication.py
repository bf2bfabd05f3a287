"""How copies travel in the test service."""

from __future__ import annotations

import pytest
from botocore.exceptions import ConnectionClosedError

from tests.components.stacks import EU, US, eks, stack
from tests.recording import BUCKET_REPLICATION, record
from tests.s3 import S3Service
from tests.s3.asking import AP, KEY, put
from tests.s3.buckets import rules
from tests.services import until


def test_a_region_that_is_cut_off_answers_nobody_and_gets_its_copies_afterwards(s3: S3Service) -> None:
    s3.cut(EU)
    put(s3)
    until(lambda: s3.keys(AP) == {KEY: 1}, "the other region has it")

    with pytest.raises(ConnectionClosedError):
        s3.client().list_objects_v2(Bucket=s3.buckets[EU])
    assert [copy.destination for copy in s3.replication.pending] == [s3.buckets[EU]]
    assert s3.replication.drain() == 0
    s3.heal(EU)
    until(lambda: s3.keys(EU) == {KEY: 1}, "it has it too")


def test_own_prefixes_are_copied_everywhere_and_others_nowhere(s3: S3Service) -> None:
    put(s3, KEY)
    put(s3, f"{EU}/acme/brain/one")
    put(s3, f"{EU}/acme/brain/two", region=EU)

    both = {KEY: 1, f"{EU}/acme/brain/two": 1}
    until(lambda: s3.keys(AP) == both, "both own prefixes arrive in the third region")
    until(lambda: s3.keys(EU) == both, "one arrives in the second")
    kept = both | {f"{EU}/acme/brain/one": 1}
    until(lambda: s3.keys(US) == kept, "one arrives in the first, where the stranger stays")
    assert s3.replication.pending == []


def test_copies_wait_while_replication_is_paused(s3: S3Service) -> None:
    s3.replication.pause()
    for number in range(4):
        put(s3, f"{KEY}{number}")
    assert len(s3.replication.pending) == 8
    assert s3.keys(EU) == {}

    assert s3.replication.drain(count=3) == 3
    assert len(s3.keys(EU)) + len(s3.keys(AP)) == 3
    s3.replication.resume()
    until(lambda: len(s3.keys(EU)) + len(s3.keys(AP)) == 8, "the rest follows")


def test_a_seed_names_an_order(s3: S3Service) -> None:
    s3.replication.pause()
    orders: list[list[tuple[str, str]]] = []
    for seed in (1, 1, 2, None):
        for number in range(10):
            put(s3, f"{KEY}{number}", body=str(len(orders)).encode())
        order = []
        while s3.replication.pending:
            before = s3.replication.pending
            s3.replication.drain(seed=seed, count=1)
            (made,) = set(before) - set(s3.replication.pending)
            order.append((made.destination, made.key))
        orders.append(order)

    assert orders[0] == orders[1] != orders[2]
    assert orders[3] == sorted(orders[3], key=lambda rule: rule[1])
    assert orders[0] != orders[3]


@pytest.mark.parametrize("s3", [(US, EU)], indirect=True)
def test_there_are_as_many_regions_as_asked_for(s3: S3Service) -> None:
    assert list(s3.buckets) == [US, EU]
    put(s3)
    until(lambda: s3.keys(EU) == {KEY: 1}, "it is copied")


def test_two_services_share_nothing(s3: S3Service) -> None:
    other = S3Service()
    put(s3)

    assert other.keys(US) == {}
    assert other.calls == []
    assert not set(other.buckets.values()) & set(s3.buckets.values())
    other.close()


def test_the_rules_are_those_that_the_program_makes(s3: S3Service) -> None:
    found = record(stack(regions=[eks(region) for region in s3.buckets]))
    for region in s3.buckets:
        made = found.named(f"replication-rules@{region}", BUCKET_REPLICATION).inputs["rules"]
        names = {other: f"agency-example-com-dev-{other}" for other in s3.buckets}
        assert [
            {
                "ID": rule["id"],
                "Priority": rule["priority"],
                "Status": rule["status"],
                "Filter": {"Prefix": rule["filter"]["prefix"]},
                "DeleteMarkerReplication": {"Status": rule["deleteMarkerReplication"]["status"]},
                "Destination": {"Bucket": rule["destination"]["bucket"]},
            }
            for rule in made
        ] == rules(region, names)
        configuration = s3.client().get_bucket_replication(Bucket=s3.buckets[region])[
            "ReplicationConfiguration"
        ]
        assert configuration["Rules"] == rules(region, s3.buckets)
