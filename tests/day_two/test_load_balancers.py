"""Another load balancer: the new one first, then the names, the old one last."""

from __future__ import annotations

import boto3
import pytest

from tests.components.stacks import DOMAIN, EU, US, WEST, ZONE
from tests.day_two.plans import Plan
from tests.day_two.running import Running
from tests.day_two.stacks import ACME, BASE, GLOBEX, company, edited
from tests.recording import HEALTH_CHECK, INGRESS, RECORD

MOVED = edited(BASE, company(GLOBEX, edge=2))
INTERNAL = edited(BASE, ingress={"scheme": "internal"})


MADE = ("create", "update", "replace", "create-replacement")


def places(done: Plan, *names: str) -> list[int]:
    """Where in the plan these resources are made."""
    order = [step.name for step in done if step.op in MADE]
    return [order.index(name) for name in names]


def cnames(running: Running) -> dict[str, str]:
    """The zone's simple CNAMEs: names of load balancers, and where they lead."""
    client = boto3.client("route53", region_name=US, **running.aws.credentials())
    found = client.list_resource_record_sets(HostedZoneId=ZONE)["ResourceRecordSets"]
    return {
        one["Name"].removesuffix(f".{DOMAIN}."): one["ResourceRecords"][0]["Value"]
        for one in found
        if one["Type"] == "CNAME" and "ResourceRecords" in one and "SetIdentifier" not in one
    }


def test_a_company_moves_to_another_edge_when_that_one_leads_to_it(running: Running) -> None:
    done = running.deploy(BASE, MOVED)
    name = places(done, f"{GLOBEX}-name")[0]
    for at in (US, EU):
        edge, own = f"{at}-edge-2", f"{GLOBEX}-agent@{at}-ingress"
        new = (f"{edge}-ingress", f"{edge}-record", f"{at}-check@{at}-2", own)
        ingress, record, check, host = places(done, *new)
        assert ingress < record < check < name and host < name
    assert not any(step.name.startswith(f"{ACME}-") for step in done)
    assert all(step.type in (INGRESS, RECORD, HEALTH_CHECK) for step in done.rest), str(done)


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after", "suffix"), [(BASE, INTERNAL, "-internal"), (INTERNAL, BASE, "")])
def test_another_scheme_s_address_is_in_the_record_after_one_deployment(
    running: Running, before: dict[str, object], after: dict[str, object], suffix: str
) -> None:
    done = running.deploy(before, after)
    led = cnames(running)
    for at in (US, EU, WEST):
        assert led[at] == f"edge-{at}{suffix}.example.net"
        ingress, record = places(done, f"{at}-edge-1-ingress", f"{at}-edge-1-record")
        assert ingress < record
    assert done.names(kinds=(HEALTH_CHECK,)) == [], "the names stay"
    assert running.plan(after, after).actions == {}
