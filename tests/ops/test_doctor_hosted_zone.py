"""`doctor` on the hosted zone: there, the domain's, public, and the one that the internet asks."""

from __future__ import annotations

from typing import Any

import pytest

from clients.dns import DnsError
from ops.doctor import hosted_zone as zones
from ops.doctor.findings import Finding
from tests.components.stacks import DOMAIN, US, eks
from tests.ops.fake_aws import Answer, findings

SERVERS = ["ns-1.awsdns-01.org", "ns-2.awsdns-02.com."]


def hosted(name: str = DOMAIN, private: bool = False) -> dict[str, Any]:
    zone = {"HostedZone": {"Name": f"{name}.", "Config": {"PrivateZone": private}}}
    return zone if private else {**zone, "DelegationSet": {"NameServers": SERVERS}}


def zone(answer: Answer, **settings: Any) -> dict[str, Finding]:
    found = findings(zones.hosted_zone, {"route53.get_hosted_zone": answer}, **settings)
    return {one.what: one for one in found}


@pytest.fixture
def delegated(monkeypatch: pytest.MonkeyPatch) -> list[set[str] | DnsError]:
    """What the internet answers; the first counts."""
    answers: list[set[str] | DnsError] = [{SERVERS[0], "ns-3.awsdns-03.net"}]

    def ask(domain: str) -> set[str]:
        assert domain == DOMAIN
        if isinstance(answers[0], DnsError):
            raise answers[0]
        return answers[0]

    monkeypatch.setattr(zones, "name_servers", ask)
    return answers


def test_a_public_zone_that_is_delegated_is_found(delegated: list[Any]) -> None:
    found = zone(hosted())
    assert [one.ok for one in found.values()] == [True, True]
    assert found[f"delegation of {DOMAIN}"].detail == SERVERS[0]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (set(), "the parent zone names no name server"),
        ({"ns.elsewhere.test"}, "names ns.elsewhere.test, which are not this zone's"),
        (DnsError("no answer"), "not known: no answer"),
    ],
)
def test_a_zone_that_nobody_asks_is_reported(delegated: list[Any], answer: Any, told: str) -> None:
    delegated[0] = answer
    one = zone(hosted())[f"delegation of {DOMAIN}"]
    assert not one.ok and told in one.detail
    assert DOMAIN in one.remedy


NOBODY, ELSEWHERE, HERE = set[str](), {"ns.elsewhere.test"}, {SERVERS[0]}


def below(monkeypatch: pytest.MonkeyPatch, **answers: set[str] | DnsError) -> dict[str, Finding]:
    """With the zone `test` and a domain two labels below it. What the internet answers, by the name's first
    label."""

    def ask(domain: str) -> set[str]:
        answer = {"test": HERE, **answers}[domain.partition(".")[0]]
        if isinstance(answer, DnsError):
            raise answer
        return answer

    monkeypatch.setattr(zones, "name_servers", ask)
    found = zone(hosted("test"), domain="agency.example.test")
    return {what.removeprefix("delegation of "): one for what, one in found.items()}


def test_names_down_to_the_domain_that_stay_in_the_zone_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    found = below(monkeypatch, example=NOBODY, agency=NOBODY)
    assert [*found][1:] == ["test", "example.test", "agency.example.test"]
    assert all(one.ok for one in found.values())


@pytest.mark.parametrize(
    ("answers", "name"),
    [
        ({"example": NOBODY, "agency": ELSEWHERE}, "agency.example.test"),
        ({"example": ELSEWHERE}, "example.test"),
    ],
)
def test_a_domain_that_the_zone_delegates_away_is_missing(
    monkeypatch: pytest.MonkeyPatch, answers: Any, name: str
) -> None:
    [missing] = [what for what, one in below(monkeypatch, **answers).items() if not one.ok]
    assert missing == name
    one = below(monkeypatch, **answers)[name]
    assert "delegated to ns.elsewhere.test" in one.detail
    assert f"delete the NS record of {name}" in one.remedy and "hostedZoneId" in one.remedy


def test_a_domain_whose_delegation_nobody_answers_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    found = below(monkeypatch, example=DnsError("no answer"), agency=NOBODY)
    assert not found["example.test"].ok and "not known: no answer" in found["example.test"].detail
    assert found["agency.example.test"].ok


def test_a_private_zone_is_missing_where_acm_or_clients_need_a_public_one() -> None:
    [one] = zone(hosted(private=True)).values()
    assert not one.ok and "it is private: ACM validates" in one.detail and "clients outside" in one.detail
    assert "public zone" in one.remedy


def test_a_private_zone_will_do_where_everything_is_internal() -> None:
    certificate = f"arn:aws:acm:{US}:123456789012:certificate/1"
    internal = {"regions": [eks(US, certificateArn=certificate)], "ingress": {"scheme": "internal"}}
    [one] = zone(hosted(private=True), **internal).values()
    assert one.ok and "Route53's health checks" in one.detail
    [one] = zone(hosted(private=True), ingress={"scheme": "internal"}).values()
    assert not one.ok and "clients outside" not in one.detail


@pytest.mark.parametrize(
    ("code", "settings", "remedy"),
    [
        ("NoSuchHostedZone", {}, "hostedZoneRoleArn"),
        ("AccessDenied", {}, "allow route53:GetHostedZone"),
        ("AccessDenied", {"hostedZoneRoleArn": "arn:aws:iam::444455556666:role/dns"}, "role/dns"),
    ],
)
def test_a_zone_that_cannot_be_read_is_reported_with_the_way(
    code: str, settings: dict[str, Any], remedy: str
) -> None:
    [one] = zone(code, **settings).values()
    assert not one.ok and code in one.detail and remedy in one.remedy
