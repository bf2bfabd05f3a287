"""The addresses of companies behind Global Accelerator."""

from __future__ import annotations

from typing import Any

import boto3

from local.aws.emulator import Emulator
from local.cluster.accelerators.api import addresses_by_name
from plan.accelerators import API_REGION
from settings import Settings
from settings.routes import accelerators_of


def company_addresses(settings: Settings, aws: Emulator) -> dict[str, list[str]]:
    """The addresses of each company's accelerator by namespace, as the emulated DNS would return them. Empty
    with another manager.
    """
    plans = accelerators_of(settings)
    if not plans:
        return {}
    credentials: Any = aws.credentials()
    accelerators = boto3.client("globalaccelerator", region_name=API_REGION, **credentials)
    pages = accelerators.get_paginator("list_accelerators").paginate()
    addresses = addresses_by_name(each for page in pages for each in page["Accelerators"])
    records = boto3.client("route53", region_name=API_REGION, **credentials)
    names = {
        record["Name"].rstrip("."): record["ResourceRecords"][0]["Value"].rstrip(".").lower()
        for page in records.get_paginator("list_resource_record_sets").paginate(
            HostedZoneId=settings.hosted_zone_id
        )
        for record in page["ResourceRecordSets"]
        if record["Type"] == "CNAME" and record.get("ResourceRecords")
    }
    return {company: addresses[names[plan.name]] for plan in plans for company in plan.companies}
