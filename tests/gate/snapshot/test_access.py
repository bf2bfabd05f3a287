"""Every call of a gate is one that its role allows, and reaches no other company."""

from __future__ import annotations

import json
import shutil

import pytest

from plan.iam import gate_access
from plan.iam_evaluator import Request, allows
from runtime.contracts.gate import Retention
from runtime.gate.storage.errors import Refused
from tests.components.stacks import EU, US
from tests.gate.snapshot.company import GRAPH, Company
from tests.s3 import Call

OTHERS = ("brain", "agent", "data", "acme", "acm", "acme-2", "objects", "_checkpoints")
HOUR = 3600.0
COMPANIES = pytest.mark.parametrize(
    "company",
    ["brain", *(pytest.param(name, marks=pytest.mark.slow) for name in ("acme", "agent", "data"))],
    indirect=True,
)


def live(company: Company) -> None:
    """Passes, a big file, collecting, the guard, a request, a restart without memory: what makes calls."""
    uploader = company.uploader(Retention(all_hours=0, hourly_hours=0, daily_days=0))
    company.write_table()
    for number in range(15):
        company.write(GRAPH, json.dumps({"nodes": number}).encode())
        uploader.run(generation=0, base=None)
        company.now += 2 * HOUR
    company.write("acme/big", b"x" * (40 << 20))
    shutil.rmtree(company.root / ".gate")
    company.uploader().run(generation=1, base=None)
    shutil.rmtree(company.root / "acme")
    company.write(GRAPH, b"{}")
    assert uploader.run(generation=1, base=None).guarded
    newest = company.checkpoints()[-1]
    assert company.store().heads([newest.key])
    company.accept_shrink(newest)
    assert company.uploader().run(generation=1, base=None).changed


def may(call: Call, company: Company, namespace: str) -> bool:
    document = gate_access(region=US, component="brain", buckets=company.s3.buckets, keys={})
    tag = {"aws:PrincipalTag/kubernetes-namespace": namespace}
    return all(
        allows(document, Request(action=need.action, resource=need.resource, context={**need.context, **tag}))
        for need in call.needs
    )


@COMPANIES
def test_the_role_allows_each_call_that_a_gate_makes_and_to_no_other_company(company: Company) -> None:
    live(company)

    calls = [call for call in company.s3.calls if call.principal.startswith("sidecar")]
    done = {call.operation for call in calls}
    assert {"ListObjectsV2", "PutObject", "UploadPart", "GetObject", "HeadObject", "DeleteObject"} <= done
    assert {call.bucket for call in calls} == {company.s3.buckets[US]}
    for call in calls:
        assert call.needs and may(call, company, company.namespace), call
        assert call.status and call.status < 300, call
        others = [name for name in OTHERS if name != company.namespace and may(call, company, name)]
        assert others == [], call
    assert company.s3.refused == []


@COMPANIES
def test_no_gate_reaches_another_company(company: Company) -> None:
    for other in OTHERS:
        if other == company.namespace:
            continue
        key = f"{US}/{other}/brain/objects/x"
        company.s3.client().put_object(Bucket=company.s3.buckets[US], Key=key, Body=b"x")
        store = company.store(namespace=other)
        with pytest.raises(Refused):
            store.list()
        with pytest.raises(Refused):
            store.read("objects/x")
        with pytest.raises(Refused):
            store.delete(["objects/x"])
        assert key in company.s3.keys(US)


def test_a_gate_reads_its_company_in_the_other_region_and_writes_nothing_there(company: Company) -> None:
    company.write("acme/file")
    company.uploader().run(generation=0, base=None)
    company.s3.replication.drain()
    there = company.store(holder=EU)

    assert there.list() == company.keys()
    assert json.loads(there.read(company.checkpoints()[-1].key))["region"] == US
    with pytest.raises(Refused):
        there.put("objects/x", b"x")
    with pytest.raises(Refused):
        there.delete(company.keys())
