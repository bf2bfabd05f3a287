"""The addresses of companies, by the emulator's records."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from local.aws.emulator import Emulator, ensure_hosted_zone
from local.up.accelerated import company_addresses
from plan.accelerators import API_REGION
from plan.records import to_api
from settings.routes import record_plan
from tests.drill.scenarios import accelerated, settings

ZONE = "Z0LOCALLOCALLOCALLOC"


@pytest.mark.parametrize("kind", ["IPV4", "DUAL_STACK"])
def test_a_company_has_the_two_addresses_of_its_accelerator(emulator: Emulator, kind: str) -> None:
    ours = settings(**accelerated())
    ensure_hosted_zone(emulator.url, ZONE, ours.domain)
    accelerators, zone = (
        boto3.client(service, region_name=API_REGION, **emulator.credentials())
        for service in ("globalaccelerator", "route53")
    )
    made = accelerators.create_accelerator(Name=kind, IpAddressType=kind)["Accelerator"]
    name = made.get("DualStackDnsName", made["DnsName"])
    leads = {"Name": f"edge-1._accelerator.{ours.domain}", "Type": "CNAME", "TTL": 20}
    records: list[dict[str, Any]] = [
        {**leads, "ResourceRecords": [{"Value": name}]},
        *(to_api(record, {}, ZONE) for record in record_plan(ours).records),
    ]
    changes = [{"Action": "UPSERT", "ResourceRecordSet": record} for record in records]
    zone.change_resource_record_sets(HostedZoneId=ZONE, ChangeBatch={"Changes": changes})

    fixed = next(each["IpAddresses"] for each in made["IpSets"] if each["IpFamily"] == "IPv4")
    assert len(fixed) == 2
    found = company_addresses(ours, emulator)
    accelerators.update_accelerator(AcceleratorArn=made["AcceleratorArn"], Enabled=False)
    accelerators.delete_accelerator(AcceleratorArn=made["AcceleratorArn"])
    assert found == dict.fromkeys(("acme", "globex", "hooli"), fixed)


def test_with_another_manager_there_are_none(emulator: Emulator) -> None:
    assert company_addresses(settings(), emulator) == {}
