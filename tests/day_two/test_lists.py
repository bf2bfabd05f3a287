"""A stack file's lists and mappings in another order: no change at all."""

from __future__ import annotations

from typing import Any

import pytest

from tests.components.stacks import EU, US, WEST
from tests.day_two.paper import edited, plan
from tests.day_two.stacks import ACME, BASE, GLOBEX, company, region
from tests.strategies import Raw


def full(policy: str) -> Raw:
    """A stack with every list and every mapping of settings, each with several items."""
    selector = {"node.kubernetes.io/instance-type": "m7g.xlarge", "disk": "ssd"}
    networks = ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]
    egress = [{"cidr": "10.9.0.0/16", "port": 6379}, {"cidr": "10.8.0.0/16", "port": 5432}]

    def edit(raw: Raw) -> None:
        region(US, ingressFrom=networks, nodeSelector=selector, replicateTo=[WEST, EU])(raw)
        company(ACME, apiKeys={"OPENAI_API_KEY": "sk-1", "ANTHROPIC_API_KEY": "sk-2"})(raw)

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
    before = full(policy)
    change = plan(before, reversed_(before))
    assert change.actions == {}, "\n".join(
        f"{step} {', '.join(map(str, step.changed))[:300]}" for step in change
    )


def test_under_failover_the_order_of_companies_changes_nothing() -> None:
    before = full("failover")
    assert plan(before, edited(before, lambda raw: raw["companies"].reverse())).actions == {}


def test_the_short_form_of_an_item_is_the_same_item() -> None:
    after = edited(BASE, lambda raw: raw.update(companies=[ACME, {"name": GLOBEX, "regions": [US, EU]}]))
    assert plan(BASE, after).actions == {}
