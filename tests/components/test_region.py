"""Region: the resources of an AWS region, its health checks and its leaf records."""

from __future__ import annotations

import pytest

from plan.names import RoleNames
from tests.components.stacks import DOMAIN, EU, US, WEST, ZONE, context, eks, stack, two_regions
from tests.recording import BUCKET, HEALTH_CHECK, RECORD, ROLE, Recording, names, record

REGION = "agency:region:Region"
DEDICATED = {"name": "hooli", "dedicatedHealthChecks": True}


def role_arn(component: str, region: str) -> str:
    name = RoleNames(domain=DOMAIN, stack="dev").gate(region, component)
    return f"arn:aws:iam::123456789012:role/{name}"


@pytest.fixture(scope="module")
def run() -> Recording:
    return record(two_regions(companies=["acme", DEDICATED, {"name": "globex", "edge": 2}]))


def test_a_region_has_a_bucket_a_role_edges_checks_and_leaves(run: Recording) -> None:
    children = {resource.name: resource.type for resource in run.children(run.named(US, REGION))}
    assert [name for name in sorted(children) if "leaf" not in name] == [
        "us-east-1-agent-access",
        "us-east-1-brain-access",
        "us-east-1-check@us-east-1",
        "us-east-1-check@us-east-1-2",
        "us-east-1-check@us-east-1.hooli",
        "us-east-1-edge-1",
        "us-east-1-edge-2",
        "us-east-1-replication",
        "us-east-1-sidecars",
    ]
    assert len([name for name in children if "-leaf@" in name]) == 3


def test_a_region_tells_its_bucket_role_and_edges(run: Recording) -> None:
    assert run.named(US, REGION).outputs == {
        "active": True,
        "bucket": "agency-example-com-dev-us-east-1",
        "roleArns": {kind: role_arn(kind, US) for kind in ("agent", "brain")},
        "edges": [f"us-east-1.{DOMAIN}", f"us-east-1-2.{DOMAIN}"],
    }


def test_the_stack_s_outputs_name_each_region_s_edges_bucket_and_role(run: Recording) -> None:
    assert run.outputs["regions"][EU] == {
        "active": True,
        "edges": [f"eu-west-1.{DOMAIN}", f"eu-west-1-2.{DOMAIN}"],
        "bucket": "agency-example-com-dev-eu-west-1",
        "roles": {kind: role_arn(kind, EU) for kind in ("agent", "brain")},
    }
    assert run.outputs["companies"] == {name: f"{name}.{DOMAIN}" for name in ("acme", "hooli", "globex")}
    assert run.outputs["readme"].startswith("# Digital Agency")


def test_an_edge_s_health_is_checked_over_https_every_ten_seconds(run: Recording) -> None:
    run.assert_created(
        HEALTH_CHECK,
        "us-east-1-check@us-east-1-2",
        {
            "type": "HTTPS",
            "fqdn": f"us-east-1-2.{DOMAIN}",
            "port": 443,
            "resourcePath": "/healthz/us-east-1",
            "requestInterval": 10,
            "failureThreshold": 1,
            "enableSni": True,
        },
    )


def test_a_company_may_have_checks_and_leaves_of_its_own(run: Recording) -> None:
    check = run.assert_created(
        HEALTH_CHECK,
        "us-east-1-check@us-east-1.hooli",
        {"fqdn": f"us-east-1.{DOMAIN}", "resourcePath": "/healthz/us-east-1/hooli"},
    )
    leaves = [resource for resource in run.of(RECORD) if resource.inputs.get("healthCheckId") == check.id]
    shared = [
        resource
        for resource in run.of(RECORD)
        if resource.inputs.get("healthCheckId") == run.named("us-east-1-check@us-east-1").id
    ]
    assert len(leaves) == len(shared) == 1
    assert leaves[0].inputs["name"] != shared[0].inputs["name"]


def test_leaves_are_short_lived_and_carry_their_region_s_check(run: Recording) -> None:
    leaves = [resource for resource in run.of(RECORD) if "-leaf@" in resource.name]
    checks = {resource.id: resource for resource in run.of(HEALTH_CHECK)}
    assert len(leaves) == 6
    for resource in leaves:
        region = resource.name.partition("-leaf@")[0]
        assert (resource.inputs["zoneId"], resource.inputs["type"], resource.inputs["ttl"]) == (
            ZONE,
            "CNAME",
            20,
        )
        check = checks[resource.inputs["healthCheckId"]]
        assert run.by_urn[check.parent].name == run.by_urn[resource.parent].name == region
        assert resource.inputs["records"] == [check.inputs["fqdn"]]
        assert resource.inputs["latencyRoutingPolicies"] == [{"region": region}]
        assert check.urn in resource.dependencies


def test_an_endpoint_is_one_thing_to_check_whatever_edge_companies_name() -> None:
    run = record(stack(regions=[context(US), context(EU)], companies=["acme", {"name": "globex", "edge": 2}]))
    assert names(run.of(HEALTH_CHECK)) == [f"{region}-check@{region}" for region in (EU, US)]
    for resource in run.of(HEALTH_CHECK):
        assert resource.inputs["fqdn"] == f"lb.{resource.name.partition('-check@')[0]}.example.net"
    for resource in run.of(RECORD):
        if "-leaf@" in resource.name:
            assert resource.inputs["records"] == [f"lb.{resource.name.partition('-leaf@')[0]}.example.net"]


def test_a_region_that_no_company_is_in_has_a_bucket_but_no_check_and_no_leaf() -> None:
    run = record(stack(regions=[eks(US), eks(WEST)], companies=[{"name": "acme", "regions": [US]}]))
    children = names(run.children(run.named(WEST, REGION)))
    assert children == [
        "us-west-2-agent-access",
        "us-west-2-brain-access",
        "us-west-2-edge-1",
        "us-west-2-replication",
        "us-west-2-sidecars",
    ]


def test_a_kept_bucket_is_imported_when_the_region_has_adopt() -> None:
    run = record(stack(regions=[eks(US, adopt=True), eks(EU)]))
    assert {resource.name: resource.import_id for resource in run if resource.import_id} == {
        "us-east-1-replication-bucket": "agency-example-com-dev-us-east-1@us-east-1"
    }


@pytest.mark.parametrize("identity", ["pod-identity", "irsa"])
def test_every_role_has_the_boundary_the_path_and_the_prefix_of_the_settings(identity: str) -> None:
    boundary = "arn:aws:iam::111122223333:policy/boundary"
    raw = two_regions(
        identity=identity, permissionsBoundary=boundary, rolePath="/agency/", namePrefix="acme-agents"
    )
    run = record(raw)
    assert len(run.of(ROLE)) > 2
    for role in run.of(ROLE):
        assert (role.inputs["permissionsBoundary"], role.inputs["path"]) == (boundary, "/agency/"), role.name
        assert role.inputs["name"].startswith("acme-agents-"), role.name
    for bucket in run.of(BUCKET):
        assert bucket.inputs["bucket"].startswith("acme-agents-dev-"), bucket.name
    for role in record(two_regions(identity=identity)).of(ROLE):
        assert not {"permissionsBoundary", "path"} & role.inputs.keys(), role.name
