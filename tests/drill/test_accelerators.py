"""Drills of a stack whose clients come by Global Accelerator, and clients that keep DNS answers with either
manager."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

import pytest

from ops.drill.evaluate.kept import KEPT_SPAN
from ops.drill.evaluate.steps import GAP_BACK_SPAN, GAP_SPAN, Step
from ops.drill.observe.accelerators import Accelerated, accelerator_of, client_regions
from ops.drill.observe.http import Request, Response
from ops.drill.observe.record import BEGUN, ENDED, UNKNOWN, Indicator
from ops.drill.report.document import Report, RunReport
from ops.drill.report.page import page
from ops.errors import OperatorError
from plan.accelerators import LEAVING_SECONDS
from plan.records import KEPT_ANSWER_SECONDS, to_api
from settings.routes import record_plan
from tests.drill.playing import run_report
from tests.drill.scenarios import EU, US, accelerated, scenario, settings
from tests.drill.test_run import after, seconds

ACCELERATOR = "a1.awsglobalaccelerator.com"
USUAL = dict.fromkeys(("acme", "globex", "hooli"), US)


@pytest.fixture(scope="module")
def run() -> RunReport:
    return run_report(played=scenario(client_regions=USUAL, **accelerated()))


@pytest.fixture(scope="module")
def by_dns() -> RunReport:
    return run_report()


def test_clients_leave_with_the_accelerator_and_come_back_without_a_gap(run: RunReport) -> None:
    assert run.ok, run.failures
    flag = after(run, Step.FLAG)
    assert after(run, Step.DNS) == pytest.approx(flag + LEAVING_SECONDS, abs=0.7)
    assert seconds(run, GAP_SPAN) == pytest.approx(after(run, Step.CLIENT), abs=0.6)
    assert {one.region for one in run.view.answers} == {US, EU}
    assert seconds(run, GAP_BACK_SPAN) == 0


def test_to_keep_a_dns_answer_does_no_harm_with_an_accelerator(run: RunReport) -> None:
    assert seconds(run, KEPT_SPAN) == pytest.approx(seconds(run, GAP_SPAN), abs=1.1)
    assert run.notes == ()


def test_with_route53_a_client_that_keeps_its_answer_waits_until_the_region_is_back(
    by_dns: RunReport,
) -> None:
    outage = by_dns.view.mark(ENDED) - by_dns.view.mark(BEGUN)
    back = after(by_dns, Step.ENDPOINTS_BACK, "begun")
    assert seconds(by_dns, KEPT_SPAN) == pytest.approx(back, abs=1.1)
    assert outage < seconds(by_dns, KEPT_SPAN) < KEPT_ANSWER_SECONDS
    assert f"still without an answer at the end of the outage, after {outage:.0f} s" in by_dns.notes[-1]
    assert {one.region for one in by_dns.view.kept_answers if one.asked < by_dns.view.mark(ENDED)} == {US}


def test_the_report_says_how_long_each_kind_of_client_waits(run: RunReport, by_dns: RunReport) -> None:
    for played, ttl in ((run, 0), (by_dns, 20)):
        whole = scenario(client_regions=USUAL, **accelerated()) if played is run else scenario()
        report = Report(scenario=whole, started=played.at, runs=[played])
        [document] = report.document()["runs"]
        gap = next(one for one in document["withoutAnswer"]["outage"] if one["company"] == "acme")
        assert gap["secondsWithCachedAnswer"] == pytest.approx(gap["seconds"] + ttl, abs=0.001)
        kept = max(one["seconds"] for one in document["withoutAnswerKeepingDns"])
        assert kept == pytest.approx(seconds(played, KEPT_SPAN), abs=0.001)
        html = page(report)
        assert f"was kept for {KEPT_ANSWER_SECONDS} s for at most {kept:.1f} s" in html
        assert ("addresses stay the same" in html) is (played is run)


def test_the_limits_are_those_of_the_manager() -> None:
    by_dns, accelerators = scenario().limits, scenario(**accelerated()).limits
    assert (by_dns.gap, by_dns.kept) == (30, KEPT_ANSWER_SECONDS)
    assert accelerators.gap == accelerators.kept == 20 + LEAVING_SECONDS == 62


def test_the_drill_s_client_is_where_the_accelerator_sends_it() -> None:
    here = {"acme": US, "globex": EU, "hooli": US}
    tenants = scenario(US, client_regions=here, **accelerated()).tenants
    assert {one.namespace: (one.usual_region, one.failover_region, one.moves) for one in tenants} == {
        "acme": (US, EU, True),
        "globex": (EU, EU, False),
        "hooli": (US, EU, True),
    }
    assert all(one.moves for one in scenario(EU, **accelerated()).tenants), "unknown: near the region"


class Behind:
    """An accelerator before the regions."""

    def __init__(self) -> None:
        self.region, self.status = US, {US: 200, EU: 200}
        self.asked: list[str] = []

    def talk(self, name: str, requests: Iterable[Request]) -> Generator[Response]:
        assert name == ACCELERATOR
        for request in requests:
            self.asked.append(f"{request.host}{request.path}")
            known = request.path in ("/health", f"/healthz/{self.region}")
            status = self.status[self.region] if known else 404
            yield Response(status=status, detail=str(status))
            if not status:
                return


def state_of(observer: Accelerated) -> tuple[str, str]:
    state = observer.observe()["acme"]
    return state.state, state.detail


def test_the_region_is_the_one_whose_health_path_is_known() -> None:
    behind = Behind()
    played = scenario(client_regions=USUAL, **accelerated())
    names = Accelerated(played, dict.fromkeys(USUAL, ACCELERATOR), behind.talk)
    assert names.indicator is Indicator.DNS
    behind.status[US] = 0
    assert state_of(names) == (UNKNOWN, "0")
    behind.status[US] = 503
    assert state_of(names) == (US, "503")
    behind.status[US] = 0
    assert state_of(names) == (US, "0"), "nobody answers, so it has not left"
    behind.region = EU
    assert state_of(names) == (EU, "200")
    assert names.target(played.tenants[0]) == ACCELERATOR


def test_an_answer_is_from_the_region_that_gave_it() -> None:
    behind = Behind()
    played = scenario(client_regions=USUAL, **accelerated())
    names = Accelerated(played, dict.fromkeys(USUAL, ACCELERATOR), behind.talk)
    request = Request(host="acme.agency.test", path="/health", connect=1, answer=1)
    for region in (US, EU):
        behind.region = region
        behind.asked.clear()
        response, there = names.ask(ACCELERATOR, request)
        assert (response.ok, there) == (True, region)
        assert behind.asked[0] == "acme.agency.test/health"
    names.observe()
    behind.status[EU] = 503
    behind.asked.clear()
    response, there = names.ask(ACCELERATOR, request)
    assert (response.status, there) == (503, EU)
    assert len(behind.asked) == 1, "without an answer there is nobody to ask for"


def test_each_accelerator_is_asked_once_where_it_sends_this_machine() -> None:
    behind = Behind()
    edges = scenario().edges
    companies = {"acme": [US, EU], "globex": [EU, US]}
    named = dict.fromkeys(companies, ACCELERATOR)
    assert client_regions(named, companies, edges, behind.talk) == {"acme": US, "globex": US}
    assert behind.asked == [f"{US}.local.test/healthz/{US}"]
    behind.status[US] = 0
    with pytest.raises(OperatorError, match=f"no region answers behind the accelerator {ACCELERATOR}: 0"):
        client_regions(named, companies, edges, behind.talk)


def test_a_company_s_name_leads_to_its_accelerator() -> None:
    own = settings(**accelerated())
    records: list[dict[str, Any]] = [to_api(record, {}, "Z") for record in record_plan(own).records]
    with pytest.raises(OperatorError, match=r"acme.agency.test leads to no accelerator: deploy the stack"):
        accelerator_of(records, "acme.agency.test")
    records.append(
        {
            "Name": "edge-1._accelerator.agency.test.",
            "Type": "CNAME",
            "TTL": 20,
            "ResourceRecords": [{"Value": f"{ACCELERATOR}."}],
        }
    )
    assert accelerator_of(records, "acme.agency.test") == ACCELERATOR
