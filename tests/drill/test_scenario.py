"""The companies that a drill watches, where their clients are and go, and the limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.drill.scenario import MOST_WATCHED, MemoryMode, scenario_of
from ops.errors import WRONG_CALL, OperatorError
from ops.stack import Stack
from tests.drill.scenarios import EU, US, scenario, settings

ASIA = "ap-southeast-2"


def region(name: str, **more: object) -> dict[str, object]:
    return {"name": name, "cluster": {"context": "local"}, "endpoint": f"{name}.local.test", **more}


def test_clients_move_or_not_by_the_priority_of_a_company_s_regions() -> None:
    tenants = {tenant.name: tenant for tenant in scenario(US).tenants}
    assert {name: (one.usual_region, one.failover_region, one.moves) for name, one in tenants.items()} == {
        "acme": (US, EU, True),
        "globex": (US, EU, True),
        "hooli": (EU, EU, False),
    }
    assert [one.name for one in scenario(EU).moving] == ["hooli"]


@pytest.mark.parametrize("policy", ["latency", "weighted", "geo"])
def test_where_several_regions_serve_the_drill_asks_from_near_the_one_that_fails(policy: str) -> None:
    regions = [region(US, geo=["default", "NA"]), region(EU, geo=["EU", "country:TR"])]
    for name, other in ((US, EU), (EU, US)):
        planned = scenario(name, loadBalancing={"policy": policy}, regions=regions)
        assert {(tenant.usual_region, tenant.failover_region) for tenant in planned.tenants} == {
            (name, other)
        }


def test_the_next_region_is_the_next_of_the_order_that_is_there() -> None:
    planned = scenario(
        US,
        ("acme",),
        regions=[region(EU), region(US), region(ASIA)],
        companies=[{"name": "acme", "regions": [US, ASIA, EU]}],
    )
    assert [(tenant.usual_region, tenant.failover_region) for tenant in planned.tenants] == [(US, ASIA)]
    assert planned.others == (EU, ASIA)


def test_a_passive_region_has_no_clients_to_lose() -> None:
    planned = scenario(
        EU, loadBalancing={"policy": "latency"}, regions=[region(US), region(EU, active=False)]
    )
    assert not any(tenant.moves for tenant in planned.tenants)


@pytest.mark.parametrize(
    ("policy", "passive", "memory"),
    [
        ("failover", False, MemoryMode.FOLLOWS),
        ("latency", False, MemoryMode.REPLICATED),
        ("latency", True, MemoryMode.FOLLOWS),
    ],
)
def test_the_memory_mode_follows_from_the_policy(policy: str, passive: bool, memory: MemoryMode) -> None:
    regions = [region(US), region(EU, active=not passive)]
    planned = scenario(US, ("acme",), loadBalancing={"policy": policy}, regions=regions)
    assert [tenant.memory for tenant in planned.tenants] == [memory]


def test_without_replication_the_memory_is_local() -> None:
    assert {tenant.memory for tenant in scenario(replication={"enabled": False}).tenants} == {
        MemoryMode.LOCAL
    }


def test_at_the_defaults_the_figures_are_those_that_are_promised() -> None:
    limits = scenario().limits
    assert (limits.flag, limits.endpoints, limits.gap) == (20, 27, 30)
    assert (limits.clear, limits.back) == (20, 27)
    assert limits.age == 10 + 30


def test_behind_a_load_balancer_of_aws_endpoints_come_back_once_it_sees_them_healthy() -> None:
    regions = [{"name": name, "cluster": {"eks": "blue"}} for name in (US, EU)]
    for name, back in (("alb", 27 + 28), ("nginx", 27)):
        limits = scenario(regions=regions, ingress={"className": name}).limits
        assert (limits.endpoints, limits.clear, limits.back) == (27, 20, back)


def test_slower_controllers_have_more_time() -> None:
    limits = scenario(failover={"intervalSeconds": 10, "timeoutSeconds": 2, "recoveryThreshold": 5}).limits
    assert (limits.flag, limits.endpoints, limits.gap) == (36, 43, 46)
    assert (limits.clear, limits.back) == (56, 63)


def test_each_health_path_is_asked_at_its_load_balancer() -> None:
    planned = scenario(companies=["acme", {"name": "hooli", "dedicatedHealthChecks": True}])
    assert planned.health == (
        (f"{US}.local.test", f"/healthz/{US}"),
        (f"{US}.local.test", f"/healthz/{US}/hooli"),
    )


def test_load_balancers_of_one_region_have_names_of_their_own() -> None:
    regions = [{"name": US, "cluster": {"context": "one"}}, {"name": EU, "cluster": {"context": "two"}}]
    planned = scenario(
        regions=regions, companies=["acme", {"name": "globex", "edge": 2}], images={"agency": "a:1"}
    )
    assert planned.edges == {
        "us-east-1.agency.test": US,
        "us-east-1-2.agency.test": US,
        "eu-west-1.agency.test": EU,
        "eu-west-1-2.agency.test": EU,
    }
    assert len(planned.health) == 2


def test_of_many_companies_some_are_watched() -> None:
    planned = scenario(companies=[f"company-{number}" for number in range(MOST_WATCHED + 5)])
    assert len(planned.tenants) == MOST_WATCHED


@pytest.mark.parametrize(
    ("region_", "companies", "changed", "text"),
    [
        ("us-west-2", [], {}, "--region: us-west-2 is not in .*; must be one of us-east-1, eu-west-1"),
        (US, [], {"failover": {"enabled": False}}, "failover is off, so nothing would notice an outage"),
        (
            US,
            ["acme"],
            {"companies": [{"name": "acme", "regions": [EU]}]},
            "--company: acme is not in us-east-1",
        ),
        (US, ["initech"], {}, "--company: initech is not in"),
        (
            US,
            [],
            {"companies": [{"name": "acme", "regions": [US]}]},
            "no company of .* is in us-east-1 and an",
        ),
        (
            US,
            [],
            {"hostedZoneId": None, "loadBalancing": {"policy": "failover", "manager": "external-dns"}},
            "hostedZoneId: missing \\(required\\): its records lead clients to another",
        ),
    ],
)
def test_an_impossible_drill_is_rejected(
    region_: str, companies: list[str], changed: dict[str, object], text: str
) -> None:
    stack = Stack(name="local", file=Path("Pulumi.local.yaml"), settings=settings(**changed))
    with pytest.raises(OperatorError, match=text) as error:
        scenario_of(stack, region_, companies, quick_replication=True)
    assert error.value.code == WRONG_CALL
