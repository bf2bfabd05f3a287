"""Health checks as Route53 counts them, computed and over real sockets; records as AWS returns them."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.aws.emulator import Emulator, ensure_hosted_zone
from ops.aws import AwsAccess
from ops.drill.observe.clock import Clock, Observing
from ops.drill.observe.dns import Names, check_ids, reachable
from ops.drill.observe.http import Address, Response, send
from ops.drill.observe.record import Indicator, Record
from ops.drill.observe.route53 import (
    CHECKERS,
    Check,
    Checker,
    Checkers,
    Checking,
    is_healthy,
    read_checks,
    read_records,
)
from plan.resolver import resolve
from settings.routes import record_plan
from tests.drill.scenarios import EU, US, scenario, settings
from tests.plan.route_stacks import api_records
from tests.services import until

CHECK = Check(id="one", name="us-east-1.local.test", path="/healthz/us-east-1", interval=10, threshold=1)
PASSES, FAILS = Response(status=200, detail="200"), Response(status=503, detail="503")


@pytest.mark.parametrize(
    ("well", "of", "healthy"), [(0, 16, False), (2, 16, False), (3, 16, True), (16, 16, True)]
)
def test_more_than_18_percent_of_the_checkers_make_an_endpoint_healthy(
    well: int, of: int, healthy: bool
) -> None:
    assert is_healthy([number < well for number in range(of)]) is healthy


def test_a_check_that_nobody_has_asked_yet_counts_as_healthy() -> None:
    assert is_healthy([])


@given(st.integers(1, 10), st.lists(st.booleans(), max_size=60))
def test_a_checker_changes_its_result_after_threshold_answers_in_a_row(
    threshold: int, answers: list[bool]
) -> None:
    checker = Checker(threshold)
    believed, seen = True, list[bool]()
    for passed in answers:
        checker.take(passed)
        seen.append(passed)
        last = seen[-threshold:]
        if len(last) == threshold and set(last) == {not believed}:
            believed, seen = not believed, []
        assert checker.healthy is believed


@given(st.integers(0, 1000), st.floats(0.05, 3.0))
def test_each_checker_asks_once_in_each_interval_and_not_all_at_once(seed: int, step: float) -> None:
    checkers = Checkers([CHECK], lambda name, request: PASSES, seed)
    asked, now = Counter[int](), 0.0
    busiest = 0
    while now < 40 - step:
        now += step
        due = checkers.due(now)
        busiest = max(busiest, len(due))
        asked.update(number for _, number in due)
    assert set(asked) == set(range(CHECKERS))
    assert all(3 <= count <= 4 for count in asked.values())
    assert busiest < CHECKERS


@given(st.integers(0, 1000))
def test_a_region_that_fails_is_left_within_an_interval_and_taken_back_sooner(seed: int) -> None:
    answer = [PASSES]
    checkers = Checkers([CHECK], lambda name, request: answer[0], seed)
    times = iter(range(1, 10_000))

    def seconds_until(healthy: bool) -> float:
        """From the moment at which the endpoint answers otherwise, in steps of 0.05 s."""
        for passed, step in enumerate(times, start=1):
            for id, number in checkers.due(step / 20):
                checkers.run(id, number)
            if checkers.healthy("one") is healthy:
                return passed / 20
        raise AssertionError("it never was")

    for step in itertools.islice(times, 20 * CHECK.interval):
        for id, number in checkers.due(step / 20):
            checkers.run(id, number)
    assert checkers.healthy("one")
    answer[0] = FAILS
    gone = seconds_until(False)
    answer[0] = PASSES
    back = seconds_until(True)
    assert 0.05 < gone <= CHECK.interval + 0.05
    assert back <= gone


class Edge(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(type(self).status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def edge() -> Iterator[tuple[Address, type[Edge]]]:
    handler = type("OneEdge", (Edge,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Address(host="127.0.0.1", port=server.server_address[1], tls=False), handler
        server.shutdown()


def test_over_real_sockets_dns_leaves_an_edge_that_says_503_and_comes_back() -> None:
    played = scenario()
    check = Check(id="us-east-1", name=f"{US}.local.test", path=f"/healthz/{US}", interval=1, threshold=1)
    other = Check(id="eu-west-1", name=f"{EU}.local.test", path=f"/healthz/{EU}", interval=1, threshold=1)
    with edge() as (here, mine), edge() as (there, _):
        addresses = {check.name: here, other.name: there}
        checkers = Checkers([check, other], lambda name, request: send(addresses[name], request), seed=1)
        names = Names(played, api_records(record_plan(settings())), checkers.healthy)
        clock, record = Clock(), Record()
        clock.start(Checking(checkers, clock))
        clock.start(Observing(names, played.namespaces, clock, record))
        try:
            until(lambda: answers(record, "acme") == [US], "DNS answers the usual region", 10)
            mine.status = 503
            until(lambda: answers(record, "acme") == [US, EU], "DNS has left it", 10)
            assert names.target(played.tenants[0]) == other.name
            mine.status = 302
            until(lambda: answers(record, "acme") == [US, EU, US], "DNS is back", 10)
        finally:
            clock.close()
    assert answers(record, "hooli") == [EU]


def answers(record: Record, company: str) -> list[str]:
    return [
        change.state
        for change in record.view().changes
        if (change.indicator, change.subject) == (Indicator.DNS, company)
    ]


@pytest.mark.services
def test_records_and_checks_are_read_as_they_were_created(emulator: Emulator) -> None:
    zone = "Z0DRILLDRILLDRILLDRI"
    ensure_hosted_zone(emulator.url, zone, "agency.test")
    client = boto3.client("route53", region_name=US, **emulator.credentials())
    config = {
        "Type": "HTTPS",
        "FullyQualifiedDomainName": "us-east-1.local.test",
        "Port": 443,
        "ResourcePath": "/healthz/us-east-1",
        "RequestInterval": 10,
        "FailureThreshold": 1,
    }
    made = [
        client.create_health_check(CallerReference=f"drill {number}", HealthCheckConfig=config)[
            "HealthCheck"
        ]["Id"]
        for number in range(2)
    ]
    record = {
        "Name": "leaf.agency.test",
        "Type": "CNAME",
        "TTL": 20,
        "SetIdentifier": "primary",
        "Failover": "PRIMARY",
        "ResourceRecords": [{"Value": "us-east-1.local.test"}],
        "HealthCheckId": made[0],
    }
    change = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=change)
    access = AwsAccess(local=True, arguments=emulator.credentials())
    records = read_records(access, zone)
    assert check_ids(records) == {made[0]}
    assert read_checks(access, check_ids(records)) == [
        Check(id=made[0], name="us-east-1.local.test", path="/healthz/us-east-1", interval=10, threshold=1)
    ]


def test_only_the_records_that_a_name_leads_to_are_read() -> None:
    others = settings(companies=[f"other-{number}" for number in range(5)] + ["acme", "globex", "hooli"])
    everything = api_records(record_plan(others))
    for tenant in scenario().tenants:
        found = reachable(everything, f"{tenant.host.upper()}.")
        assert len(found) < len(everything)
        for healthy in ({US, EU}, {US}, {EU}, set[str]()):
            answers_ = [
                resolve(records, tenant.host, tenant.client, healthy.__contains__)
                for records in (found, everything)
            ]
            assert answers_[0] == answers_[1]
