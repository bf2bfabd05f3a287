"""A stack file's lists and mappings in another order: no change at all."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings

from tests.components.stacks import EU, US, WEST
from tests.day_two.plans import assert_same
from tests.day_two.stacks import ACME, BASE, GLOBEX, company, edited, region
from tests.strategies import Raw, valid_stacks


def full(policy: str) -> Raw:
    """A stack with every list and every mapping of settings, each with several items."""
    selector = {"node.kubernetes.io/instance-type": "m7g.xlarge", "disk": "ssd"}
    networks = ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]
    egress = [{"cidr": "10.9.0.0/16", "port": 6379}, {"cidr": "10.8.0.0/16", "port": 5432}]
    keys = {"OPENAI_API_KEY": {"secure": "sk-1"}, "ANTHROPIC_API_KEY": {"secure": "sk-2"}}

    def edit(raw: Raw) -> None:
        region(US, ingressFrom=networks, nodeSelector=selector, replicateTo=[WEST, EU])(raw)
        company(ACME, apiKeys=keys)(raw)

    return edited(
        BASE,
        edit,
        loadBalancing={"policy": policy},
        network={"extraEgress": egress},
        environment={"LOG_LEVEL": "debug", "MOCK_EMBEDDINGS": "true", "ANOTHER": "1"},
    )


def reversed_(value: Any) -> Any:
    """The same with each list and each mapping the other way round."""
    if isinstance(value, dict):
        return {key: reversed_(item) for key, item in reversed(value.items())}
    return [reversed_(item) for item in reversed(value)] if isinstance(value, list) else value


@pytest.mark.parametrize("policy", ["latency", "weighted", "geo"])
def test_every_list_and_mapping_reversed_changes_nothing(policy: str) -> None:
    assert_same(full(policy), reversed_(full(policy)))


def test_under_failover_the_order_of_companies_changes_nothing() -> None:
    before = full("failover")
    assert_same(before, edited(before, lambda raw: raw["companies"].reverse()))


def test_the_short_form_of_an_item_is_the_same_item() -> None:
    assert_same(
        edited(BASE, companies=[{"name": ACME}, GLOBEX]), edited(BASE, companies=[ACME, {"name": GLOBEX}])
    )


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(drawn=valid_stacks(max_regions=3, max_companies=3))
def test_a_stack_in_any_order_is_the_same_stack(drawn: tuple[Raw, str]) -> None:
    raw, name = drawn
    assume(raw["loadBalancing"]["policy"] != "failover")
    shuffled = copy.deepcopy(raw)
    shuffled["regions"].reverse()
    shuffled["companies"].reverse()
    assert_same(raw, shuffled, stack=name)
