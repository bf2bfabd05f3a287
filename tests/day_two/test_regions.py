"""A region joins, is drained, is retired, comes back: the others only learn of it, its data is kept."""

from __future__ import annotations

from functools import lru_cache

from local.embedded.state import State
from tests.components.stacks import EU, US, WEST, context, eks, stack
from tests.day_two.paper import Plan, deploy, edited, plan
from tests.day_two.stacks import ACME, BASE, GLOBEX, company, region, without
from tests.recording import (
    BUCKET,
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
LEARN = {BUCKET_REPLICATION, ROLE_POLICY, RECORD}
"""By what other regions know of one."""

DRAINED: Raw = edited(BASE, company(ACME, regions=[US, EU]))
RETIRED: Raw = edited(DRAINED, without(WEST))


@lru_cache
def retired() -> tuple[Plan, Plan, State]:
    """The region drained, then retired, done on paper."""
    drained, state = deploy(BASE, DRAINED)
    gone, state = deploy(state, RETIRED)
    return drained, gone, state


def of_another_region(change: Plan, name: str) -> list[str]:
    """Names of what is changed and is not the region's own."""
    return [step.entry["name"] for step in change if name not in step.entry["name"]]


def test_a_region_that_joins_is_only_made_known_to_the_others() -> None:
    after = edited(BASE, lambda raw: raw["regions"].append(eks(ASIA)))
    change = plan(BASE, after)
    assert change.learned == sorted(
        [f"{ACME}-{kind}@{name}-config" for kind in ("agent", "brain") for name in (US, EU, WEST)]
        + [f"eks-{folder}-failover-settings" for folder in (f"{EU}-green", f"{US}-blue", f"{WEST}-green")]
    )
    change = change.rest
    updated = {step.entry["type"] for step in change.where("update")}
    assert updated == LEARN, str(change)
    assert change.names("update", kinds=(RECORD,)) == [f"{ACME}-name"]
    assert change.names("replace", "keep") == []
    assert all("._tree" in name for name in change.names("delete"))
    assert all(ASIA in name or "._tree" in name for name in change.names("create"))
    assert not any(GLOBEX in name for name in change.actions)  # it lives where it lived


def test_a_region_that_joins_a_cluster_beside_another_leaves_that_one_s_pods_alone() -> None:
    before = stack(regions=[context(US)])
    change = plan(before, stack(regions=[context(US), context(EU)]))
    assert change.learned == [f"acme-{kind}@{US}-config" for kind in ("agent", "brain")]
    updated = {step.entry["type"] for step in change.rest.where("update")}
    # The quota has room for twice as many pods; the region's own bucket now copies to the other. A second
    # region brings the failover controller, to which pods open up and edges lead.
    assert updated <= {QUOTA, ROLE_POLICY, RECORD, NETWORK_POLICY, INGRESS}, str(change)
    assert change.names("replace", "keep") == []
    assert change.names("update", kinds=(STATEFUL_SET, VOLUME_CLAIM)) == []


def test_a_drained_region_keeps_its_volumes_its_bucket_and_its_cluster() -> None:
    drained, _, _ = retired()
    assert sorted(drained.names("keep")) == [
        f"{ACME}-agent@{WEST}-volume",
        f"{ACME}-brain@{WEST}-volume",
        f"{ACME}-namespace@eks-{WEST}-green",
    ]
    assert drained.names("replace") == []
    assert drained.kinds.isdisjoint(SAFE_BUCKET | {BUCKET_REPLICATION, ROLE_POLICY, KUBERNETES_PROVIDER})
    others = of_another_region(drained.rest, WEST)
    assert all("._tree" in name or name == f"{ACME}-name" for name in others), others


def test_a_retired_region_s_bucket_stays_with_all_that_makes_it_safe() -> None:
    _, gone, _ = retired()
    assert {step.entry["type"] for step in gone.where("keep")} == SAFE_BUCKET
    assert all("nothing manages it from now on" in str(step) for step in gone.where("keep"))
    assert gone.names("replace", "create") == []
    assert gone.learned == [f"eks-{name}-failover-settings" for name in (f"{EU}-green", f"{US}-blue")]
    gone = gone.rest
    assert {step.entry["type"] for step in gone.where("update")} == {BUCKET_REPLICATION, ROLE_POLICY}
    assert gone.kinds.isdisjoint({VOLUME_CLAIM, STATEFUL_SET})
    assert all(WEST in name for name in gone.names("delete", "keep"))


def test_a_region_retired_at_once_loses_no_volume_and_no_bucket() -> None:
    change = plan(BASE, RETIRED)
    assert {step.entry["type"] for step in change.where("keep")} == SAFE_BUCKET | {VOLUME_CLAIM, NAMESPACE}
    assert change.names("replace") == []
    assert f"{ACME}-namespace@eks-{WEST}-green" in change.names("keep")
    removed = change.names("delete", kinds=(NAMESPACE, VOLUME_CLAIM, BUCKET))
    assert removed == [f"eks-{WEST}-green-system"]


def test_a_region_taken_back_adopts_its_bucket_its_namespaces_and_its_volumes() -> None:
    _, _, state = retired()
    back = edited(BASE, region(WEST, adopt=True))
    change = plan(state, back).rest
    assert change.names("replace", "keep") == []
    bucket = f"{WEST}-replication-bucket"
    imported = {name: one.import_id for name, one in change.registered.items() if one.import_id}
    assert imported == {bucket: f"agency-example-com-dev-{WEST}"}
    assert change.actions[bucket] == "create"
    for name in (f"{ACME}-brain@{WEST}-volume", f"{ACME}-namespace@eks-{WEST}-green"):
        assert change.actions[name] == "create"
        assert_taken_over(change, name)
    assert {step.entry["type"] for step in change.where("update")} == LEARN


def assert_taken_over(change: Plan, name: str) -> None:
    """An object that is there already is no error: it is changed, under a field manager of a fixed name."""
    made = change.registered[name]
    urn, _, _ = made.provider.rpartition("::")
    [provider] = [one for one in change.registered.values() if one.urn == urn]
    assert provider.inputs["upsertExistingObjects"] in (True, "true")
    assert made.inputs["metadata"]["annotations"]["pulumi.com/patchForce"] == "true"
    assert made.inputs["metadata"]["annotations"]["pulumi.com/patchFieldManager"] == "digital-agency"


def test_adopt_changes_nothing_while_the_bucket_is_the_stack_s() -> None:
    assert plan(BASE, edited(BASE, region(WEST, adopt=True))).actions == {}
