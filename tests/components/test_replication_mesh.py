"""ReplicationMesh: the targets of each prefix, and the permissions of S3's role."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from plan.iam_evaluator import Request, allows
from tests.components.stacks import EU, US, WEST, eks, stack
from tests.recording import BUCKET_REPLICATION, BUCKET_VERSIONING, ROLE, ROLE_POLICY, Recording, record

REGIONS = (US, EU, WEST)
MESH = "agency:replication_mesh:ReplicationMesh"


def mesh(replication: dict[str, Any] | None = None, /, **targets: list[str]) -> Recording:
    """Three regions; `targets` are those of a region's `replicateTo`, `us` for us-east-1 and so on."""
    names_by_key = {"us": US, "eu": EU, "west": WEST}
    regions = [
        eks(name) | ({"replicateTo": targets[key]} if key in targets else {})
        for key, name in names_by_key.items()
    ]
    return record(stack(regions=regions, replication=replication or {}))


def rules(run: Recording, region: str) -> dict[str, dict[str, Any]]:
    """A region's rules by the bucket that they copy to."""
    found = run.named(f"replication-rules@{region}", BUCKET_REPLICATION).inputs["rules"]
    return {rule["destination"]["bucket"]: rule for rule in found}


def arn(region: str) -> str:
    return f"arn:aws:s3:::agency-example-com-dev-{region}"


@pytest.fixture(scope="module")
def run() -> Recording:
    return mesh()


def test_every_region_s_own_prefix_goes_to_all_other_regions(run: Recording) -> None:
    assert len(run.of(BUCKET_REPLICATION)) == 3
    for region in REGIONS:
        found = rules(run, region)
        assert found.keys() == {arn(other) for other in REGIONS if other != region}
        for rule in found.values():
            assert rule["filter"] == {"prefix": f"{region}/"}
            assert rule["status"] == "Enabled"
        assert len({rule["priority"] for rule in found.values()}) == 2
        assert len({rule["id"] for rule in found.values()}) == 2


def test_regions_that_copy_nowhere_need_no_role() -> None:
    """IAM refuses a policy with a statement without resources."""
    run = mesh(us=[], eu=[], west=[])

    assert run.of(MESH) == []
    assert run.of(BUCKET_REPLICATION) == []


def test_rules_are_created_in_their_region_after_both_buckets_are_versioned(run: Recording) -> None:
    versioning = {resource.urn for resource in run.of(BUCKET_VERSIONING)}
    for region in REGIONS:
        resource = run.assert_created(
            BUCKET_REPLICATION,
            f"replication-rules@{region}",
            {"bucket": arn(region).removeprefix("arn:aws:s3:::"), "region": region},
        )
        assert resource.inputs["role"] == run.named("replication-role", ROLE).outputs["arn"]
        assert versioning | {run.named("replication-policy").urn} <= resource.dependencies


def test_deletions_stay_with_metrics_and_without_time_control_by_default(run: Recording) -> None:
    (rule, _) = rules(run, US).values()
    assert rule["deleteMarkerReplication"] == {"status": "Disabled"}
    assert rule["destination"]["metrics"] == {"status": "Enabled"}
    assert "replicationTime" not in rule["destination"]


def test_delete_markers_metrics_and_time_control_are_settings() -> None:
    (rule, _) = rules(mesh({"deleteMarkers": True, "metrics": False}), US).values()
    assert rule["deleteMarkerReplication"] == {"status": "Enabled"}
    assert rule["destination"].keys() == {"bucket"}
    (rule, _) = rules(mesh({"timeControl": True}), US).values()
    assert rule["destination"]["replicationTime"] == {"status": "Enabled", "time": {"minutes": 15}}
    assert rule["destination"]["metrics"] == {"status": "Enabled", "eventThreshold": {"minutes": 15}}


def test_replicate_to_selects_the_targets_of_a_region_s_prefix() -> None:
    run = mesh(us=[WEST], eu=[])
    assert rules(run, US).keys() == {arn(WEST)}
    assert rules(run, WEST).keys() == {arn(US), arn(EU)}
    assert [resource.name for resource in run.of(BUCKET_REPLICATION) if EU in resource.name] == []


@pytest.mark.parametrize("targets", [{}, {"us": [WEST], "eu": []}])
def test_s3_s_role_copies_exactly_along_the_rules(targets: dict[str, list[str]]) -> None:
    run = mesh(None, **targets)
    links = {US: [EU, WEST], EU: [US, WEST], WEST: [US, EU]} | {
        {"us": US, "eu": EU}[key]: value for key, value in targets.items()
    }
    document = json.loads(run.named("replication-policy", ROLE_POLICY).inputs["policy"])
    for bucket, prefix in product(REGIONS, REGIONS):
        key = f"{arn(bucket)}/{prefix}/acme/brain/data/x"
        writes = {
            allows(document, Request(action=f"s3:Replicate{what}", resource=key))
            for what in ("Object", "Delete")
        }
        assert writes == {bucket in links[prefix]}, key
        read = allows(document, Request(action="s3:GetObjectVersionForReplication", resource=key))
        assert read is (bucket == prefix and bool(links[bucket])), key
        assert not allows(document, Request(action="s3:DeleteObjectVersion", resource=key))
        configuration = Request(action="s3:GetReplicationConfiguration", resource=arn(bucket))
        assert allows(document, configuration) is bool(links[bucket])


@pytest.mark.parametrize("targets", [{}, {"us": [WEST], "eu": []}])
def test_batch_jobs_may_send_a_region_s_own_prefix_and_report_what_failed(
    targets: dict[str, list[str]],
) -> None:
    run = mesh(None, **targets)
    document = json.loads(run.named("replication-policy", ROLE_POLICY).inputs["policy"])
    for region in REGIONS:
        sends = not (targets and region == EU)
        own, report = (
            f"{arn(region)}/{region}/acme/brain/data/x",
            f"{arn(region)}/_backfill/job-1/manifest.json",
        )
        foreign = [f"{arn(region)}/{other}/acme/brain/data/x" for other in REGIONS if other != region]
        for action, resource in (
            ("s3:InitiateReplication", own),
            ("s3:PutInventoryConfiguration", arn(region)),
            ("s3:PutObject", report),
        ):
            assert allows(document, Request(action=action, resource=resource)) is sends, (action, resource)
        for action, resources in (
            ("s3:InitiateReplication", [report, *foreign]),
            ("s3:PutObject", [own, *foreign]),
            ("s3:GetObject", [own, report]),
        ):
            for resource in resources:
                assert not allows(document, Request(action=action, resource=resource)), (action, resource)


def test_only_s3_and_its_batch_jobs_take_the_role(run: Recording) -> None:
    trust = json.loads(run.named("replication-role", ROLE).inputs["assumeRolePolicy"])
    assert run.named("replication-role").inputs["name"] == "agency-example-com-dev-replication"
    for service in ("s3", "batchoperations.s3", "ec2", "lambda"):
        principal = f"Service:{service}.amazonaws.com"
        asked = Request(action="sts:AssumeRole", resource="*", principal=principal)
        assert allows(trust, asked) is (service in ("s3", "batchoperations.s3"))


def test_a_single_region_and_a_stack_without_replication_have_no_mesh() -> None:
    for raw in (stack(), stack(regions=[eks(US), eks(EU)], replication={"enabled": False})):
        record(raw).assert_none(MESH, BUCKET_REPLICATION)
