"""Public addresses, and how much networks cover."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.networks import (
    NOT_PUBLIC_IPV4,
    NOT_PUBLIC_IPV6,
    block,
    embedded,
    exceptions,
    is_public,
    is_wide,
    link_local_in,
    private_parts,
)

EDGES = [
    edge + step
    for cidr in (*NOT_PUBLIC_IPV4, *NOT_PUBLIC_IPV6, "2000::/3", "64:ff9b::/96", "fc00::/7", "fe80::/10")
    for network in [ip_network(cidr)]
    for edge, step in ((network[0], 0), (network[-1], 0), (network[0], -1), (network[-1], 1))
    if 0 <= int(edge) + step < 2**network.max_prefixlen
]


def test_no_address_is_public_that_is_not_global() -> None:
    assert [edge for edge in EDGES if is_public(str(edge)) and not edge.is_global] == []


def test_ordinary_addresses_are_public() -> None:
    """S3, STS, model providers, and neighbours of what is private."""
    for address in (
        "52.216.1.1",
        "162.159.140.245",
        "9.255.255.255",
        "11.0.0.0",
        "172.32.0.0",
        "100.128.0.0",
    ):
        assert is_public(address), address
    for address in ("2600:1fa0::1", "2a00:1450:4001::1", "2606:4700::6810:1"):
        assert is_public(address), address


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_a_private_ipv4_address_is_private_however_it_is_written_in_ipv6(address: IPv4Address) -> None:
    for prefix in ("64:ff9b::", "::ffff:0:0", "::", "64:ff9b:1::"):
        assert not is_public(str(IPv6Address(int(ip_address(prefix)) + int(address))))


def near(cidr: str) -> bool:
    """Of an opening as pods have it."""
    return bool(link_local_in(block(cidr, exceptions(cidr))))


@pytest.mark.parametrize(
    "cidr",
    [
        "169.254.170.23/32", "168.0.0.0/5", "fd00:ec2::/48", "fd00::/8", "fe80::/64", "::/0",
        "::ffff:a9fe:a9fe/128", "::ffff:0:0/96", "::a9fe:a9fe/128", "64:ff9b::a9fe:a9fe/128",
        "64:ff9b::a9fe:0/112", "64:ff9b:1::a9fe:a9fe/128", "64:ff9b:1:2::/96", "2002:a9fe:a9fe::/48",
        "2002:a9fe::/32", "2002:a9fe:a9fe:1::1/128", "2002::/16", "2001:0:a9fe:a9fe::/64",
        "2001:0:102:304:0:0:5601:5601/128", "2001::/32", "2000::/3",
    ],
)  # fmt: skip
def test_link_local_addresses_are_found_in_any_network_around_them_and_inside_of_ipv6(cidr: str) -> None:
    assert near(cidr)


@pytest.mark.parametrize(
    "cidr",
    [
        "10.0.0.0/8", "169.253.0.0/16", "64:ff9b::/96", "64:ff9b::a00:0/104", "fd00:9::/64", "2002:a00::/24",
        "2001:0:102:304:0:0:5701:5601/128", "2001:4860::/32", "2600::/12",
    ],
)  # fmt: skip
def test_other_networks_hold_no_link_local_address(cidr: str) -> None:
    assert not near(cidr)


@given(st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 32))
def test_a_network_of_embedded_addresses_has_those_of_the_ipv4_network(
    address: IPv4Address, length: int
) -> None:
    inner = IPv4Network((address, length), strict=False)
    bits = int(inner.network_address)
    for prefix, first in (("64:ff9b::", 96), ("2002::", 16), ("::ffff:0:0", 96)):
        outer = IPv6Network((int(ip_address(prefix)) + (bits << 96 - first), first + length))
        assert inner in list(embedded(outer))


def wide(*cidrs: str) -> bool:
    return is_wide(map(ip_network, cidrs))


def test_more_than_the_two_hundred_and_fifty_sixth_part_of_the_internet_is_wide() -> None:
    assert not wide(*["52.0.0.0/8"] * 4, "52.0.0.0/9", "64:ff9b::3400:0/104")
    assert wide("52.0.0.0/8", "64:ff9b::3500:0/104") and wide("2002:3400::/23") and wide("52.0.0.0/7")
    assert not wide("10.0.0.0/8", "192.168.0.0/16", "fc00::/7", "2600:1f00::/24")


def test_a_part_of_the_internet_includes_no_private_range() -> None:
    parts = [str(each) for each in private_parts(map(ip_network, ["8.0.0.0/6"]))]
    assert parts == ["10.0.0.0/8"]
    for cidrs in (["52.0.0.0/6"], ["10.0.0.0/8", "52.0.0.0/7"], ["64:ff9b::/96"], ["fc00::/7"]):
        assert private_parts(map(ip_network, cidrs)) == []
