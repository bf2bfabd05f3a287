"""Public addresses, and how much networks cover."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from plan.networks import NOT_PUBLIC_IPV4, NOT_PUBLIC_IPV6, covers_half, holds_link_local, is_public

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


def test_link_local_addresses_are_found_in_any_network_around_them() -> None:
    for cidr in ("169.254.170.23/32", "168.0.0.0/5", "fd00:ec2::/48", "fd00::/8", "fe80::/64", "::/0"):
        assert holds_link_local(ip_network(cidr)), cidr
    for cidr in ("10.0.0.0/8", "169.253.0.0/16", "64:ff9b::/96", "fd00:9::/64", "2000::/3"):
        assert not holds_link_local(ip_network(cidr)), cidr


def halves(*cidrs: str, over_nat64: bool = True) -> bool:
    return covers_half(map(ip_network, cidrs), over_nat64=over_nat64)


def test_overlapping_networks_count_once() -> None:
    assert not halves(*["0.0.0.0/2"] * 4, "0.0.0.0/3", "64:ff9b::/98")
    assert halves("0.0.0.0/2", "64:ff9b::8000:0/98")
    assert not halves("0.0.0.0/2", "64:ff9b::8000:0/98", over_nat64=False)
    assert not halves("2000::/5", "fc00::/7", "2001::/16")


@given(st.sets(st.integers(0, 255), max_size=255))
def test_half_is_half_whatever_the_pieces(numbers: set[int]) -> None:
    assert halves(*(f"{number}.0.0.0/8" for number in numbers)) is (len(numbers) >= 128)
