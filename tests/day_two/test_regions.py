"""A region joins, is drained, is retired, comes back: the others only learn of it, its data is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from tests.components.stacks import EU, US, WEST, context, eks, stack
from tests.day_two.plans import Plan, registered
from tests.day_two.running import Running
from tests.day_two.stacks import ACME, BASE, CLUSTERS, GLOBEX, company, edited, region, without
from tests.recording import (
    BUCKET,
    BUCKET_POLICY,
    BUCKET_REPLICATION,
    INGRESS,
    KUBERNETES_PROVIDER,
    NAMESPACE,
    NETWORK_POLICY,
    QUOTA,
    RECORD,
    ROLE_POLICY,
    SAFE_BUCKET,
    STATEFUL_SET,
    VOLUME_CLAIM,
)
from tests.strategies import Raw

ASIA = "ap-southeast-1"
LEARN = {BUCKET_POLICY, BUCKET_REPLICATION, ROLE_POLICY, RECORD}
"""By what other regions know of one."""
BUCKET_NAME = f"agency-example-com-dev-{WEST}"

DRAINED: Raw = edited(BASE, company(ACME, regions=[US, EU]))
RETIRED: Raw = edited(DRAINED, without(WEST))
BACK: Raw = edited(BASE, region(WEST, adopt=True))


@dataclass(frozen=True)
class RegionChanges:
    """The region drained, retired and taken back. `uids`: UIDs of its namespace and volumes after each."""

    drained: Plan
    retired: Plan
    planned: Plan
    returned: Plan
    uids: list[dict[tuple[str, ...], str]]


@pytest.fixture(scope="module")
def changes(running: Running) -> RegionChanges:
    running.at(BASE)
    s3(running).put_object(Bucket=BUCKET_NAME, Key="marker", Body=b"kept")
    uids = [running.clusters.uids(ACME)]
    drained = running.deploy(BASE, DRAINED)
    retired = running.deploy(DRAINED, RETIRED)
    uids.append(running.clusters.uids(ACME))
    planned = running.plan(RETIRED, BACK)
    returned = running.deploy(RETIRED, BACK)
    uids.append(running.clusters.uids(ACME))
    assert marker(running) == b"kept"
    return RegionChanges(drained, retired, planned, returned, uids)


def s3(running: Running) -> Any:
    return boto3.client("s3", region_name=WEST, **running.aws.credentials())


def marker(running: Running) -> bytes:
    content: bytes = s3(running).get_object(Bucket=BUCKET_NAME, Key="marker")["Body"].read()
    return content


def of_another_region(change: Plan, name: str) -> list[str]:
    """Names of what is changed and is not the region's own."""
    return [step.name for step in change if name not in step.name]


def test_a_region_that_joins_is_only_made_known_to_the_others() -> None:
    change = registered(BASE, edited(BASE, lambda raw: raw["regions"].append(eks(ASIA))))
    assert change.learned == sorted(
        [f"{ACME}-{kind}@{name}-config" for kind in ("agent", "brain") for name in (US, EU, WEST)]
        + [f"{folder}-failover-settings" for folder in CLUSTERS.values()]
    )
    change = change.rest
    assert {step.type for step in change.where("update")} == LEARN, str(change)
    assert change.names("update", kinds=(RECORD,)) == [f"{ACME}-name"]
    assert change.names("keep") == []
    assert all("._tree" in name for name in change.names("delete"))
    assert all(ASIA in name or "._tree" in name for name in change.names("create"))
    assert not any(GLOBEX in name for name in change.actions)  # it lives where it lived


def test_a_region_that_joins_a_cluster_beside_another_leaves_that_one_s_pods_alone() -> None:
    change = registered(stack(regions=[context(US)]), stack(regions=[context(US), context(EU)]))
    assert change.learned == [f"acme-{kind}@{US}-config" for kind in ("agent", "brain")]
    updated = {step.type for step in change.rest.where("update")}
    # The quota has room for twice as many pods; the region's own bucket now copies to the other. A second
    # region brings the failover controller, to which pods open up and edges lead.
    assert updated <= {QUOTA, BUCKET_POLICY, ROLE_POLICY, RECORD, NETWORK_POLICY, INGRESS}, str(change)
    assert change.names("keep") == []
    for name in change.names("update"):
        fixed = ("metadata.name", "metadata.namespace", "name", "setIdentifier", "type")
        assert change.changed(name).keys().isdisjoint(fixed)


@pytest.mark.slow
def test_a_drained_region_keeps_its_volumes_its_bucket_and_its_cluster(changes: RegionChanges) -> None:
    drained = changes.drained
    assert drained.names("keep") == [
        f"{ACME}-agent@{WEST}-volume",
        f"{ACME}-brain@{WEST}-volume",
        f"{ACME}-namespace@{CLUSTERS[WEST]}",
    ]
    assert drained.names("replace") == []
    assert drained.kinds.isdisjoint(SAFE_BUCKET | {BUCKET_REPLICATION, ROLE_POLICY, KUBERNETES_PROVIDER})
    others = of_another_region(drained.rest, WEST)
    assert all("._tree" in name or name == f"{ACME}-name" for name in others), others


@pytest.mark.slow
def test_a_retired_region_s_bucket_stays_with_all_that_makes_it_safe(changes: RegionChanges) -> None:
    retired = changes.retired
    assert {step.type for step in retired.where("keep")} == SAFE_BUCKET
    assert all("(retained: " in str(step) for step in retired.where("keep"))
    assert retired.names("replace", "create") == []
    assert retired.learned == [f"{CLUSTERS[name]}-failover-settings" for name in (EU, US)]
    retired = retired.rest
    assert {step.type for step in retired.where("update")} == LEARN - {RECORD}
    assert retired.kinds.isdisjoint({VOLUME_CLAIM, STATEFUL_SET})
    assert all(WEST in name for name in retired.names("delete", "keep"))


def test_a_region_retired_at_once_loses_no_volume_and_no_bucket() -> None:
    change = registered(BASE, RETIRED)
    assert {step.type for step in change.where("keep")} == SAFE_BUCKET | {VOLUME_CLAIM, NAMESPACE}
    assert f"{ACME}-namespace@{CLUSTERS[WEST]}" in change.names("keep")
    removed = change.names("delete", kinds=(NAMESPACE, VOLUME_CLAIM, BUCKET))
    assert removed == [f"{CLUSTERS[WEST]}-system"]


@pytest.mark.slow
def test_a_region_taken_back_adopts_its_bucket_its_namespaces_and_its_volumes(changes: RegionChanges) -> None:
    assert changes.planned.actions == changes.returned.actions
    change = changes.returned.rest
    assert change.names("replace", "keep") == []
    assert change.names("import") == [f"{WEST}-replication-bucket"]
    for name in (f"{ACME}-brain@{WEST}-volume", f"{ACME}-namespace@{CLUSTERS[WEST]}"):
        assert change.actions[name] == "create"
    assert {step.type for step in change.where("update")} == LEARN
    assert len(changes.uids[0]) == 9
    assert changes.uids == [changes.uids[0]] * 3


@pytest.mark.slow
def test_adopt_on_a_bucket_of_the_stack_imports_it_anew_and_deletes_nothing(
    running: Running, changes: RegionChanges
) -> None:
    """The import id names the region, the id does not: the engine takes it for another bucket."""
    running.at(BACK)
    assert running.deploy(BACK, BACK).actions == {}
    assert running.deploy(BACK, BASE).actions == {}
    assert running.deploy(BASE, BACK).actions == {f"{WEST}-replication-bucket": "replace"}
    assert marker(running) == b"kept"
