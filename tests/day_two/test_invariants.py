"""Whatever becomes whatever: what holds data, or a name that clients use, is never replaced or deleted."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings

from settings import SettingsError, parse
from tests.company_strategies import namespace_of
from tests.components.stacks import EU, US, WEST, eks
from tests.day_two.plans import Plan
from tests.day_two.running import Running
from tests.day_two.stacks import BASE
from tests.day_two.test_volumes import ADVICE
from tests.recording import (
    KUBERNETES_PROVIDER,
    NAMESPACE,
    RECORD,
    SAFE_BUCKET,
    SERVICE,
    STATEFUL_SET,
    VOLUME_CLAIM,
    record,
)
from tests.strategies import REGIONS, Raw, valid_stacks

FIXED = ("domain", "hostedZoneId", "images")
"""Of a stack: another domain is another platform."""
CLUSTERS = {US: "blue", EU: "green", WEST: "green"}
SYSTEM_NAMESPACE = "digital-agency-system"


def assert_data_and_names_stay(change: Plan, after: Raw) -> None:
    fixed = (NAMESPACE, KUBERNETES_PROVIDER, STATEFUL_SET, SERVICE, RECORD, VOLUME_CLAIM, *SAFE_BUCKET)
    # Its name is not known before a certificate is there; then it is the same again.
    assert set(change.names("replace", kinds=fixed)) <= {"certificates-validation"}
    assert change.names("delete", kinds=(VOLUME_CLAIM, *SAFE_BUCKET)) == []
    for step in change.where("delete", kinds=(NAMESPACE,)):
        assert step.old["metadata"]["name"] == SYSTEM_NAMESPACE
    left = {step.name.rpartition("-")[0] for step in change.where("delete", kinds=(KUBERNETES_PROVIDER,))}
    assert not any(one.inputs.get("clusterIdentifier") in left for one in record(after))
    companies = {parsed.namespace for parsed in parse(after, "dev").companies}
    if after["loadBalancing"]["manager"] == "route53":
        removed = set(change.names("delete", kinds=(RECORD,)))
        assert removed.isdisjoint(f"{name}-name" for name in companies)


def here(drawn: Raw) -> Raw:
    """A drawn stack as the running one: its domain, its regions and clusters, no key and no protection."""
    there = sorted({name for name in REGIONS if name in json.dumps(drawn["regions"])})
    free = [name for name in CLUSTERS if name not in there]
    moved = {name: name if name in CLUSTERS else free.pop() for name in there}
    text = re.sub("|".join(moved), lambda found: moved[found[0]], json.dumps(drawn))
    found: dict[str, Any] = json.loads(text) | {key: BASE[key] for key in FIXED}
    found.get("replication", {}).pop("endpoint", None)
    regions = [one if isinstance(one, dict) else {"name": one} for one in found["regions"]]
    found["regions"] = [
        eks(name := region["name"], CLUSTERS[name])
        | region
        | {"cluster": {"eks": CLUSTERS[name]}, "adopt": False}
        for region in regions
    ]
    companies = [one if isinstance(one, dict) else {"name": one} for one in found["companies"]]
    others = [company for company in companies if namespace_of(company["name"]) not in ("acme", "globex")]
    found["companies"] = [
        {key: other[key] for key in other if key not in ("apiKeys", "protect")} for other in others
    ]
    return found


@pytest.mark.slow
@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(drawn=valid_stacks(max_regions=3, max_companies=2))
def test_any_stack_can_become_any_other(running: Running, drawn: tuple[Raw, str]) -> None:
    """A chain: each drawn stack is deployed where the one before it runs."""
    after = here(drawn[0])
    try:
        parse(after, "dev")
    except SettingsError:
        assume(False)
    after = running.adopting(after)
    planned = running.preview(after)
    if isinstance(planned, str):
        assert ADVICE in planned, planned  # a volume that was kept would come back as another
        return
    assert_data_and_names_stay(planned, after)
    done = running.up(after).actions
    assert done.items() <= planned.actions.items()
    # An update that depends on what is not known in a preview may turn out to be none.
    assert {planned.actions[name] for name in planned.actions.keys() - done.keys()} <= {"update"}


def test_a_stack_that_was_deployed_has_no_changes_and_no_drift(running: Running) -> None:
    assert running.drift(BASE) == []
