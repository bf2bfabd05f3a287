"""The resolver against record sets written by hand, one rule of Route53 at a time."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction
from typing import Any

import pytest

from plan.resolver import (
    AliasLoop,
    Client,
    ResolveError,
    UnknownName,
    resolve,
)

GERMAN = Client(country="DE", continent="EU", nearest=("eu-west-1", "us-east-1"))
NAME = "www.example.com"


def leaf(target: str, name: str = NAME, **more: Any) -> dict[str, Any]:
    """A record as boto3 lists it; its health check has the target's name, its set identifier too."""
    return {
        "Name": f"{name}.",
        "Type": "CNAME",
        "TTL": 20,
        "ResourceRecords": [{"Value": target}],
        "SetIdentifier": target,
        "HealthCheckId": target,
        **more,
    }


def simple(target: str, name: str = NAME) -> dict[str, Any]:
    return {"Name": name, "Type": "CNAME", "TTL": 20, "ResourceRecords": [{"Value": target}]}


def alias(target: str, name: str = NAME, *, evaluate: bool = True, **more: Any) -> dict[str, Any]:
    return {
        "Name": f"{name}.",
        "Type": "CNAME",
        "AliasTarget": {"HostedZoneId": "Z", "DNSName": f"{target}.", "EvaluateTargetHealth": evaluate},
        **more,
    }


def ask(
    *records: dict[str, Any], name: str = NAME, client: Client = GERMAN, failing: Collection[str] = ()
) -> dict[str, Fraction]:
    return resolve(records, name, client, lambda check: check not in failing)


def only(target: str) -> dict[str, Fraction]:
    return {target: Fraction(1)}


def test_names_are_compared_without_case_trailing_dots_and_escapes() -> None:
    record = simple("Target.Example.NET.", name=r"\052.Example.com.")
    assert ask(record, name="*.EXAMPLE.com") == only("target.example.net")


def test_records_of_other_types_are_not_read() -> None:
    other = {
        "Name": "example.com.",
        "Type": "NS",
        "TTL": 60,
        "ResourceRecords": [{"Value": "ns."}, {"Value": "ns2."}],
    }
    assert ask(other, simple("a")) == only("a")
    with pytest.raises(UnknownName, match=r"no CNAME record set has the name example\.com"):
        ask(other, simple("a"), name="example.com")


def test_a_cname_s_value_is_the_answer_even_when_the_zone_has_it() -> None:
    assert ask(simple("b.example.com"), simple("c", name="b.example.com")) == only("b.example.com")


def test_an_alias_is_followed() -> None:
    assert ask(alias("b.example.com"), simple("c", name="b.example.com")) == only("c")


@pytest.mark.parametrize(
    ("failing", "answer"),
    [
        ([], {"a": Fraction(3, 4), "b": Fraction(1, 4)}),
        (["a"], only("b")),
        (["a", "b"], {"zero": Fraction(1, 2), "nil": Fraction(1, 2)}),
        (["a", "b", "zero"], only("nil")),
        (["a", "b", "zero", "nil"], {"a": Fraction(3, 4), "b": Fraction(1, 4)}),
    ],
)
def test_weight_zero_counts_only_when_all_others_are_unhealthy(
    failing: list[str], answer: dict[str, Fraction]
) -> None:
    weights = {"a": 3, "b": 1, "zero": 0, "nil": 0}
    assert ask(*(leaf(name, Weight=weight) for name, weight in weights.items()), failing=failing) == answer


def test_weights_that_are_all_zero_share_equally() -> None:
    records = [leaf("a", Weight=0), leaf("b", Weight=0)]
    assert ask(*records) == ask(*records, failing=["a", "b"]) == {"a": Fraction(1, 2), "b": Fraction(1, 2)}


def test_shares_of_one_target_add_up() -> None:
    records = [leaf("a", Weight=1), leaf("a", Weight=1, SetIdentifier="again"), leaf("b", Weight=2)]
    assert ask(*records) == {"a": Fraction(1, 2), "b": Fraction(1, 2)}


@pytest.mark.parametrize(
    ("failing", "answer"), [([], "near"), (["near"], "far"), (["far"], "near"), (["near", "far"], "near")]
)
def test_latency_takes_the_nearest_healthy_region(failing: list[str], answer: str) -> None:
    records = [leaf("far", Region="us-east-1"), leaf("near", Region="eu-west-1")]
    assert ask(*records, failing=failing) == only(answer)


def test_a_region_without_a_latency_is_an_error() -> None:
    with pytest.raises(ResolveError, match="nearest regions lack sa-east-1"):
        ask(leaf("a", Region="sa-east-1"))


@pytest.mark.parametrize(
    ("failing", "answer"), [([], "one"), (["one"], "two"), (["two"], "one"), (["one", "two"], "one")]
)
def test_a_secondary_answers_only_when_it_alone_is_healthy(failing: list[str], answer: str) -> None:
    records = [leaf("two", Failover="SECONDARY"), leaf("one", Failover="PRIMARY")]
    assert ask(*records, failing=failing) == only(answer)


@pytest.mark.parametrize("failing", [[], ["one"]])
def test_a_primary_without_a_secondary_always_answers(failing: list[str]) -> None:
    assert ask(leaf("one", Failover="PRIMARY"), failing=failing) == only("one")


PLACES = [
    leaf("default", GeoLocation={"CountryCode": "*"}),
    leaf("germany", GeoLocation={"CountryCode": "DE"}),
    leaf("europe", GeoLocation={"ContinentCode": "EU"}),
    leaf("africa", GeoLocation={"ContinentCode": "AF"}),
]


@pytest.mark.parametrize(
    ("country", "continent", "failing", "answer"),
    [
        ("DE", "EU", [], "germany"),
        ("DE", "EU", ["germany"], "europe"),
        ("DE", "EU", ["germany", "europe"], "default"),
        ("DE", "EU", ["germany", "europe", "default"], "germany"),
        ("FR", "EU", [], "europe"),
        ("FR", "EU", ["europe", "default"], "europe"),
        ("US", "NA", [], "default"),
        ("US", "NA", ["default"], "default"),
        (None, None, [], "default"),
    ],
)
def test_geolocation_takes_the_smallest_healthy_place(
    country: str | None, continent: str | None, failing: list[str], answer: str
) -> None:
    client = Client(country=country, continent=continent, nearest=())
    assert ask(*PLACES, client=client, failing=failing) == only(answer)


def test_a_place_without_a_record_gets_no_answer() -> None:
    client = Client(country="US", continent="NA", nearest=())
    assert ask(*PLACES[1:], client=client) == {}


def test_a_record_without_a_health_check_is_healthy() -> None:
    unchecked = leaf("b", Failover="SECONDARY", HealthCheckId=None)
    assert ask(leaf("a", Failover="PRIMARY"), unchecked, failing=["a", "b"]) == only("b")


def nested(**more: Any) -> list[dict[str, Any]]:
    return [
        alias("group.example.com", SetIdentifier="p", Failover="PRIMARY", **more),
        leaf("spare", Failover="SECONDARY"),
        leaf("a", name="group.example.com", Weight=1),
        leaf("b", name="group.example.com", Weight=0),
    ]


@pytest.mark.parametrize(
    ("failing", "answer"),
    [([], "a"), (["a"], "b"), (["a", "b"], "spare"), (["a", "b", "spare"], "a"), (["spare"], "a")],
)
def test_an_alias_is_healthy_when_any_record_of_its_target_is(failing: list[str], answer: str) -> None:
    assert ask(*nested(), failing=failing) == only(answer)


def test_an_alias_that_does_not_evaluate_its_target_is_healthy() -> None:
    assert ask(*nested(evaluate=False), failing=["a", "b"]) == only("a")


def test_an_alias_with_a_failing_check_of_its_own_is_unhealthy() -> None:
    assert ask(*nested(HealthCheckId="own"), failing=["own"]) == only("spare")


def test_an_alias_of_an_unknown_name_is_an_error() -> None:
    with pytest.raises(UnknownName, match=r"the name gone.example.com \(alias of www.example.com\)"):
        ask(alias("gone.example.com"))


def test_an_alias_loop_is_an_error_in_answers_and_in_health() -> None:
    with pytest.raises(AliasLoop, match=r"www\.example\.com → b\.example\.com → www\.example\.com"):
        ask(alias("b.example.com"), alias(NAME, name="b.example.com"))
    with pytest.raises(AliasLoop):
        ask(alias(NAME, SetIdentifier="p", Failover="PRIMARY"), leaf("two", Failover="SECONDARY"))


@pytest.mark.parametrize(
    "records",
    [
        [leaf("a", Weight=1), leaf("b", Region="us-east-1")],
        [leaf("a", Weight=1), simple("b")],
        [leaf("a", Weight=1, Region="us-east-1")],
        [leaf("a", Weight=1, Region="us-east-1"), leaf("b", Weight=1, Region="eu-west-1")],
    ],
)
def test_mixed_policies_are_an_error(records: list[dict[str, Any]]) -> None:
    with pytest.raises(ResolveError, match="several routing policies"):
        ask(*records)


@pytest.mark.parametrize(
    "records",
    [
        [simple("a"), simple("b")],
        [leaf("a", Weight=1), leaf("b", Weight=1, SetIdentifier="a")],
        [leaf("a", Region="us-east-1"), leaf("b", Region="us-east-1")],
        [leaf("a", Failover="PRIMARY"), leaf("b", Failover="PRIMARY")],
        [leaf("a", GeoLocation={"CountryCode": "*"}), leaf("b", GeoLocation={"CountryCode": "*"})],
    ],
)
def test_duplicates_within_a_name_are_an_error(records: list[dict[str, Any]]) -> None:
    with pytest.raises(ResolveError, match="two record sets with "):
        ask(*records)


def test_an_error_anywhere_in_the_zone_is_found() -> None:
    with pytest.raises(ResolveError, match=r"other\.example\.com CNAME: two record sets"):
        ask(simple("a"), simple("b", name="other.example.com"), simple("c", name="other.example.com"))


@pytest.mark.parametrize(
    "record",
    [
        leaf("a", MultiValueAnswer=True),
        leaf("a", GeoLocation={"CountryCode": "US", "SubdivisionCode": "NY"}),
        {**simple("a"), "ResourceRecords": []},
    ],
)
def test_unsupported_records_are_an_error(record: dict[str, Any]) -> None:
    with pytest.raises(ResolveError):
        ask(record)


BALANCER = "k8s-1.us-east-1.elb.amazonaws.com"


def test_an_alias_to_a_load_balancer_answers_those_who_ask_for_its_type() -> None:
    records = [alias(BALANCER, evaluate=False, Type=kind) for kind in ("A", "AAAA")]
    for kind in ("A", "AAAA"):
        assert resolve(records, NAME, GERMAN, lambda _: True, kind) == only(BALANCER)
    with pytest.raises(UnknownName):
        ask(*records)


def test_a_cname_answers_those_who_ask_for_any_type() -> None:
    assert resolve([simple("a")], NAME, GERMAN, lambda _: True, "AAAA") == only("a")


def test_a_cname_beside_another_type_is_an_error() -> None:
    with pytest.raises(ResolveError, match="CNAME beside A"):
        resolve([simple("a"), alias(BALANCER, evaluate=False, Type="A")], NAME, GERMAN, lambda _: True, "A")


def test_the_health_of_a_load_balancer_is_not_guessed() -> None:
    records = [alias(BALANCER, Type="A", SetIdentifier="a", Weight=1)]
    with pytest.raises(ResolveError, match="the health of a load balancer is not known here"):
        resolve(records, NAME, GERMAN, lambda _: True, "A")
