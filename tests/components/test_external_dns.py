"""Manager external-dns: the annotations of companies' and edges' Ingresses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.components.stacks import DOMAIN, EU, US, context, eks, stack
from tests.recording import HEALTH_CHECK, INGRESS, RECORD, Recording, record

PREFIX = "external-dns.kubernetes.io/"
OLD_PREFIX = "external-dns.alpha.kubernetes.io/"


def annotations_of(run: Recording, region: str, prefix: str = PREFIX) -> dict[str, str]:
    """What the company's Ingress in a region tells external-dns, keys without their prefix."""
    annotations = run.manifest(INGRESS, f"agent-{region}", namespace="acme")["metadata"]["annotations"]
    return {
        key.removeprefix(prefix): value
        for key, value in annotations.items()
        if key.startswith("external-dns")
    }


def managed(policy: str, regions: list[dict[str, Any]], **more: Any) -> Recording:
    return record(stack(regions=regions, loadBalancing={"policy": policy, "manager": "external-dns", **more}))


@pytest.mark.parametrize(
    ("policy", "first", "second"),
    [
        ("latency", {"aws-region": US}, {"aws-region": EU}),
        ("weighted", {"aws-weight": "100"}, {"aws-weight": "50"}),
        ("failover", {"aws-failover": "PRIMARY"}, {"aws-failover": "SECONDARY"}),
        ("geo", {"aws-geolocation-country-code": "*"}, {"aws-geolocation-continent-code": "EU"}),
    ],
)
def test_each_region_s_ingress_has_its_part_of_the_routing_policy(
    policy: str, first: dict[str, str], second: dict[str, str]
) -> None:
    run = managed(policy, [eks(US, geo=["default"]), eks(EU, weight=50, geo=["EU"])])
    for region, part in ((US, first), (EU, second)):
        assert annotations_of(run, region) == {
            "hostname": f"acme.{DOMAIN}",
            "set-identifier": region,
            "ttl": "20",
            "aws-evaluate-target-health": "false",
            "aws-health-check-id": run.named(f"{region}-check@{region}", HEALTH_CHECK).id,
            **part,
        }


def test_a_passive_region_weighs_nothing() -> None:
    run = managed("weighted", [eks(US), eks(EU, active=False)])
    assert annotations_of(run, EU)["aws-weight"] == "0"


def test_the_prefix_is_a_setting() -> None:
    run = managed("latency", [eks(US)], annotationPrefix=OLD_PREFIX)
    assert annotations_of(run, US, OLD_PREFIX)["hostname"] == f"acme.{DOMAIN}"
    annotations = run.manifest(INGRESS, f"agent-{US}", namespace="acme")["metadata"]["annotations"]
    assert not any(key.startswith(PREFIX) for key in annotations)


def test_a_region_s_endpoint_is_the_target_for_its_ingress_knows_no_address() -> None:
    address = f"lb-1.elb.{EU}.amazonaws.com"
    run = managed("latency", [eks(US), context(EU, endpoint=address)])
    assert "target" not in annotations_of(run, US)
    assert annotations_of(run, EU)["target"] == address


def test_a_company_s_own_check_is_the_one_that_is_named() -> None:
    companies = [{"name": "acme", "dedicatedHealthChecks": True}, "globex"]
    run = record(
        stack(regions=[eks(US), eks(EU)], companies=companies, loadBalancing={"manager": "external-dns"})
    )
    assert annotations_of(run, US)["aws-health-check-id"] == run.named(f"{US}-check@{US}.acme").id
    assert (
        run.named(f"{US}-check@{US}.acme").urn
        in run.object(INGRESS, f"agent-{US}", namespace="acme").dependencies
    )


def test_route53_s_records_and_annotations_for_external_dns_exclude_each_other() -> None:
    run = managed("latency", [eks(US), eks(EU)])
    assert [resource.name for resource in run.of(RECORD)] == ["certificates-validation"]
    assert run.outputs["companies"] == {"acme": f"acme.{DOMAIN}"}
    run = record(stack(regions=[eks(US), eks(EU)]))
    assert annotations_of(run, US).keys() == {"controller", f"{OLD_PREFIX}controller"}


@pytest.mark.parametrize("prefix", [PREFIX, OLD_PREFIX, "names.example.com/"])
def test_external_dns_ignores_every_ingress_where_it_does_not_manage_the_names(prefix: str) -> None:
    companies = ["acme", {"name": "globex", "edge": 2}]
    regions = [eks(US), context(EU)]
    run = record(stack(regions=regions, companies=companies, loadBalancing={"annotationPrefix": prefix}))
    ingresses = run.of(INGRESS)
    assert len(ingresses) == 7
    for resource in ingresses:
        controllers = {
            key: text for key, text in resource.inputs["metadata"]["annotations"].items() if "/cont" in key
        }
        assert controllers == {f"{each}controller": "none" for each in (PREFIX, OLD_PREFIX, prefix)}
        found = [key for key in resource.inputs["metadata"]["annotations"] if key.startswith(prefix)]
        assert found == [f"{prefix}controller"]


def test_no_hosted_zone_is_needed_with_existing_certificates() -> None:
    certificate = f"arn:aws:acm:{US}:123456789012:certificate/1"
    raw = stack(
        regions=[eks(US, certificateArn=certificate)],
        hostedZoneId=None,
        loadBalancing={"manager": "external-dns"},
    )
    assert record(raw).of(RECORD) == []


@pytest.mark.parametrize(
    ("zone", "found"), [(None, [{"hosts": [f"{US}.{DOMAIN}"]}]), ("Z0123456789ABC", None)]
)
def test_without_a_certificate_s_arn_the_edge_s_name_leads_the_controller_to_one(
    zone: str | None, found: object
) -> None:
    raw = stack(regions=[eks(US)], loadBalancing={"manager": "external-dns"}, hostedZoneId=zone)
    run = record({key: value for key, value in raw.items() if value is not None})
    assert run.manifest(INGRESS, f"edge-{US}")["spec"].get("tls") == found
