"""Whatever becomes whatever: what holds data, or a name that clients use, is never replaced or deleted."""

from __future__ import annotations

import copy

from hypothesis import HealthCheck, Phase, assume, given, settings

from local.embedded.deployment import named
from settings import SettingsError, parse
from tests.day_two.paper import Plan, plan
from tests.day_two.test_regions import SAFE_BUCKET
from tests.recording import KUBERNETES_PROVIDER, NAMESPACE, RECORD, SERVICE, STATEFUL_SET, VOLUME_CLAIM
from tests.strategies import Raw, valid_stacks

FIXED = ("domain", "hostedZoneId", "images")
"""Of a stack: another domain is another platform."""
SYSTEM_NAMESPACE = "digital-agency-system"

few = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def assert_data_and_names_stay(change: Plan, after: Raw) -> None:
    """A replacement of what holds data may be planned only to be refused as a whole."""
    for step in change.where("replace", kinds=(VOLUME_CLAIM, *SAFE_BUCKET)):
        assert any(named(step.entry) in text for text in change.refusals), str(step)
    fixed = (NAMESPACE, KUBERNETES_PROVIDER, STATEFUL_SET, SERVICE, RECORD)
    # Its name is not known before a certificate is there; then it is the same again.
    assert set(change.names("replace", kinds=fixed)) <= {"certificates-validation"}
    assert change.names("delete", kinds=(VOLUME_CLAIM, *SAFE_BUCKET)) == []
    for step in change.where("delete", kinds=(NAMESPACE,)):
        assert step.entry["inputs"]["metadata"]["name"] == SYSTEM_NAMESPACE
    left = {
        step.entry["name"].rpartition("-")[0] for step in change.where("delete", kinds=(KUBERNETES_PROVIDER,))
    }
    assert not any(one.inputs.get("clusterIdentifier") in left for one in change.registered.values())
    companies = {parsed.namespace for parsed in parse(after, "dev").companies}
    if after["loadBalancing"]["manager"] == "route53":
        removed = set(change.names("delete", kinds=(RECORD,)))
        assert removed.isdisjoint(f"{name}-name" for name in companies)


def followed(before: Raw, after: Raw) -> Raw:
    """`after` as the same platform as `before`: its domain, and each region where it is."""
    found = copy.deepcopy(after)
    for key in FIXED:
        if key in before:
            found[key] = before[key]
    where = {one["name"]: one for one in before["regions"] if isinstance(one, dict)}
    bare = {one for one in before["regions"] if isinstance(one, str)}
    for index, one in enumerate(found["regions"]):
        name = one if isinstance(one, str) else one["name"]
        if name in where or name in bare:
            own = {} if isinstance(one, str) else {key: one[key] for key in one if key != "cluster"}
            cluster = where.get(name, {}).get("cluster")
            found["regions"][index] = {"name": name, **own} | ({"cluster": cluster} if cluster else {})
    return found


@few
@given(
    before=valid_stacks(max_regions=3, max_companies=3), after=valid_stacks(max_regions=3, max_companies=3)
)
def test_any_stack_can_become_any_other(before: tuple[Raw, str], after: tuple[Raw, str]) -> None:
    old, new = before[0], followed(before[0], after[0])
    for raw in (old, new):
        try:
            parse(raw, "dev")
        except SettingsError:
            assume(False)
    assert_data_and_names_stay(plan(old, new), new)


@few
@given(drawn=valid_stacks(max_regions=3, max_companies=3))
def test_a_stack_in_any_order_is_the_same_stack(drawn: tuple[Raw, str]) -> None:
    raw, name = drawn
    assume(raw["loadBalancing"]["policy"] != "failover")
    shuffled = copy.deepcopy(raw)
    shuffled["regions"].reverse()
    shuffled["companies"].reverse()
    assert plan(raw, shuffled, stack=name).actions == {}
