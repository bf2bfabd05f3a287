"""Stacks that are close to a problem and valid."""

from __future__ import annotations

from typing import Any

import pytest

from settings import parse
from tests.settings.edits import EU, US, drop, edited, lines, put


def test_a_stack_may_have_no_companies_yet() -> None:
    assert parse(edited(put("companies", [])), "prod").companies == ()


@pytest.mark.parametrize(("regions", "on"), [([US], False), ([US, EU], True)])
def test_failover_is_on_by_itself_with_several_regions(regions: list[str], on: bool) -> None:
    assert parse(edited(put("regions", regions)), "prod").failover_enabled is on


def test_policy_failover_with_a_single_region_is_accepted_when_failover_is_off() -> None:
    raw = edited(
        put("regions", [US]), put("loadBalancing.policy", "failover"), put("failover.enabled", False)
    )
    assert not parse(raw, "prod").failover_enabled


def test_without_replication_a_role_cannot_be_too_long() -> None:
    raw = edited(put("companies[0].name", "a" * 50), put("identity", "irsa"))
    assert lines(raw) and not lines(edited(put("replication.enabled", False), base=raw))


def test_more_regions_than_a_policy_can_name_are_accepted_without_replication() -> None:
    many = ["us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-west-2", "eu-west-3"]
    raw = edited(put("regions", [*many, "eu-north-1", "eu-south-1", "sa-east-1", "ca-central-1"]))
    assert lines(raw) and not lines(edited(put("replication.enabled", False), base=raw))


@pytest.mark.parametrize(
    "image",
    ["agency", "agency:latest", "localhost:5000/agency", None],
)
def test_only_the_local_stack_may_run_an_unpinned_image(image: str | None) -> None:
    raw = edited(put("images.agency", image))
    assert not lines(raw, "local")
    assert lines(raw, "local-2")


def test_a_certificate_does_not_matter_where_a_load_balancer_exists_already() -> None:
    certificate = "arn:aws:acm:sa-east-1:123456789012:certificate/1"
    raw = edited(put("regions[1].certificateArn", certificate))
    assert lines(raw) and not lines(edited(put("regions[1].endpoint", "lb.example.net"), base=raw))


def test_a_digest_pins_an_image_whatever_its_tag() -> None:
    digest = f"sha256:{'0a' * 32}"
    for image in (f"agency@{digest}", f"registry.example.com:5000/team/agency:latest@{digest}"):
        assert not lines(edited(put("images.agency", image)))


def test_the_zone_is_not_needed_where_external_dns_manages_the_names() -> None:
    raw = edited(drop("hostedZoneId"), put("loadBalancing.manager", "external-dns"))
    assert parse(raw, "prod").hosted_zone_id is None


def test_an_edge_has_room_for_as_many_companies_as_its_load_balancer() -> None:
    companies: list[Any] = [f"client-{number}" for number in range(98)]
    assert not lines(edited(put("companies", companies)))
    assert not lines(edited(put("companies", [*companies, {"name": "more", "edge": 2}])))
    elsewhere = [{"name": name, "regions": [US]} for name in companies]
    assert not lines(edited(put("companies", [*elsewhere, {"name": "more", "regions": [EU]}])))


@pytest.mark.parametrize(
    "edit", [put("ingress.className", "nginx"), put("regions", [{"name": US, "endpoint": "a.b"}])]
)
def test_an_existing_load_balancer_is_never_full(edit: Any) -> None:
    assert not lines(edited(put("companies", [f"client-{number}" for number in range(150)]), edit))


@pytest.mark.parametrize(
    ("given", "means"),
    [(False, "off"), ("off", "off"), ("10M", "10M"), ("0.5G", "0.5G"), ("512k:off", "512k:off")],
)
def test_a_limit_is_rclone_s_and_off_may_be_what_yaml_makes_of_it(given: Any, means: str) -> None:
    raw = edited(put("replication.bandwidthLimit", given))
    assert parse(raw, "prod").replication.bandwidth_limit == means


def test_checkpoints_may_be_kept_without_thinning_or_for_a_day_at_most() -> None:
    every = {"allHours": 168, "hourlyHours": 168, "dailyDays": 7}
    assert not lines(edited(put("replication.retention", every)))
    assert not lines(edited(put("replication.retention", {"dailyDays": 1})))
