"""Where connections to accelerators go, and the kernel's rules for it."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from local.cluster.accelerators import addresses
from local.cluster.accelerators.api import Listener
from local.cluster.accelerators.packet_filter import rules
from local.cluster.accelerators.routes import Propagation, routes
from local.cluster.model import Network, zones_of
from plan.accelerators import PROPAGATION_SECONDS

US, EU, ASIA = "us-east-1", "eu-west-1", "ap-southeast-2"
FIXED = ("100.64.0.1", "100.64.0.2")
BALANCERS = {US: "100.64.2.1", EU: "100.64.1.1", ASIA: "100.64.3.1"}
NETWORK = Network(prefix="10.90", bridge="da1", numbers={EU: 1, US: 2})


def listener(*regions: str) -> Listener:
    """A region's name stands for its endpoint's ARN."""
    groups = [
        {
            "EndpointGroupRegion": region,
            "TrafficDialPercentage": 100.0,
            "EndpointDescriptions": [{"EndpointId": region, "Weight": 128}],
        }
        for region in regions
    ]
    return Listener(addresses=FIXED, ports=[(443, 443), (80, 80)], groups=groups)


def leads_to(healthy: set[str], *regions: str) -> set[str]:
    found = routes([listener(*regions)], healthy.__contains__, BALANCERS)
    assert found.keys() == {(address, port, port) for address in FIXED for port in (443, 80)}
    return set(found.values())


@pytest.mark.parametrize(
    ("healthy", "region"),
    [({US, EU}, EU), ({US}, US), ({EU}, EU), (set[str](), EU)],
)
def test_both_addresses_lead_to_the_first_healthy_region_by_name_else_to_the_first(
    healthy: set[str], region: str
) -> None:
    assert leads_to(healthy, US, EU) == {BALANCERS[region]}


def test_the_order_is_that_of_the_listener_s_own_regions() -> None:
    assert leads_to({US, EU, ASIA}, US, EU, ASIA) == {BALANCERS[ASIA]}
    assert leads_to({US, EU, ASIA}, US, EU) == {BALANCERS[EU]}


def test_what_is_not_ready_leads_nowhere() -> None:
    assert routes([listener()], lambda endpoint: True, BALANCERS) == {}
    assert routes([listener(EU)], lambda endpoint: True, {}) == {}


def test_a_change_of_health_counts_when_it_has_lasted() -> None:
    at = [0.0]
    known = Propagation(lambda: at[0])

    def heard(now: float, health: bool | None) -> bool:
        at[0] = now
        return known.is_healthy(EU, health)

    assert not heard(0, None)
    assert heard(1, True), "the first judgement counts at once"
    assert heard(5, False)
    assert heard(5 + PROPAGATION_SECONDS - 0.1, False)
    assert not heard(5 + PROPAGATION_SECONDS, False)
    assert not heard(40, True)
    assert not heard(41, False), "it has not lasted"
    assert not heard(60, True)
    assert not heard(60 + PROPAGATION_SECONDS - 0.1, True)
    assert heard(60 + PROPAGATION_SECONDS, True)


def test_the_kernel_gets_one_rule_for_each_address_and_port() -> None:
    text = rules({(FIXED[0], 443, 443): "100.64.1.1", (FIXED[1], 80, 81): "100.64.2.1"}, "10.90.0.2")
    assert text.splitlines() == [
        "*nat",
        ":PREROUTING ACCEPT",
        ":POSTROUTING ACCEPT",
        "-A PREROUTING -d 100.64.0.1/32 -p tcp -m tcp --dport 443:443 -j DNAT --to-destination 100.64.1.1",
        "-A PREROUTING -d 100.64.0.2/32 -p tcp -m tcp --dport 80:81 -j DNAT --to-destination 100.64.2.1",
        "-A POSTROUTING -m conntrack --ctstate DNAT -j SNAT --to-source 10.90.0.2",
        "COMMIT",
    ]


def test_accelerators_have_addresses_that_nobody_else_has() -> None:
    own = ip_network(addresses.network_of(NETWORK))
    assert own.subnet_of(ip_network(NETWORK.balancers))  # type: ignore[arg-type]
    assert not any(ip_address(NETWORK.balancer(region, 1)) in own for region in (EU, US))
    inside = addresses.inside(NETWORK)
    assert ip_address(inside) in ip_network(NETWORK.cidr)
    assert inside not in {NETWORK.host, *map(NETWORK.node, (*zones_of(EU), *zones_of(US)))}
    assert len(addresses.veth(NETWORK)) <= 15
