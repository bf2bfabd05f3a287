"""Certificates: one wildcard per region, all validated by one record, and their use."""

from __future__ import annotations

from typing import Any

import pytest

from tests.components.stacks import DOMAIN, EU, US, WEST, ZONE, context, eks, stack
from tests.recording import (
    CERTIFICATE,
    CERTIFICATE_VALIDATION,
    INGRESS,
    RECORD,
    Recording,
    names,
    record,
)

GIVEN = f"arn:aws:acm:{EU}:123456789012:certificate/11111111-2222-3333-4444-555555555555"
ARN = "alb.ingress.kubernetes.io/certificate-arn"
COMPONENT = "agency:certificates:Certificates"


@pytest.fixture(scope="module")
def run() -> Recording:
    return record(stack(regions=[eks(WEST), eks(US)]))


def test_each_region_has_a_wildcard_certificate_of_its_own(run: Recording) -> None:
    for region in (US, WEST):
        run.assert_created(
            CERTIFICATE,
            f"certificates-certificate@{region}",
            {"domainName": f"*.{DOMAIN}", "validationMethod": "DNS", "region": region},
        )
    assert len(run.of(CERTIFICATE)) == 2


def test_one_record_validates_all_of_them(run: Recording) -> None:
    (asked,) = run.named(f"certificates-certificate@{US}").outputs["domainValidationOptions"]
    validation = run.assert_created(
        RECORD,
        "certificates-validation",
        {
            "zoneId": ZONE,
            "name": asked["resourceRecordName"],
            "type": asked["resourceRecordType"],
            "records": [asked["resourceRecordValue"]],
            "allowOverwrite": True,
        },
    )
    for region in (US, WEST):
        resource = run.named(f"certificates-validated@{region}", CERTIFICATE_VALIDATION)
        assert resource.inputs["certificateArn"] == run.named(f"certificates-certificate@{region}").id
        assert resource.inputs["region"] == region
        assert validation.urn in resource.dependencies


def test_every_ingress_has_its_region_s_certificate_once_it_is_validated(run: Recording) -> None:
    for resource in run.of(INGRESS):
        region = WEST if WEST in resource.name else US
        validated = run.named(f"certificates-validated@{region}")
        assert resource.inputs["metadata"]["annotations"][ARN] == validated.id
        assert validated.urn in resource.dependencies


def test_an_existing_certificate_is_used_and_none_is_created() -> None:
    run = record(stack(regions=[eks(US), eks(EU, certificateArn=GIVEN)]))
    assert names(run.of(CERTIFICATE)) == [f"certificates-certificate@{US}"]
    found = {
        resource.inputs["metadata"]["annotations"][ARN] for resource in run.of(INGRESS) if EU in resource.name
    }
    assert found == {GIVEN}


@pytest.mark.parametrize(
    "raw",
    [
        stack(regions=[eks(EU, certificateArn=GIVEN)]),
        stack(regions=[context(US)]),
        stack(ingress={"className": "nginx"}),
    ],
    ids=["given", "endpoint", "another class"],
)
def test_no_certificate_is_created_where_no_load_balancer_needs_one(raw: dict[str, Any]) -> None:
    record(raw).assert_none(COMPONENT, CERTIFICATE, CERTIFICATE_VALIDATION)
