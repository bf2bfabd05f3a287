"""Sets of IP addresses: which are public, and how much of them some networks cover."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import TypeVar

Network = IPv4Network | IPv6Network
_Version = TypeVar("_Version", IPv4Network, IPv6Network)

EVERY_IPV4 = "0.0.0.0/0"
NOT_PUBLIC_IPV4 = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
)  # fmt: skip
"""Source: IANA's registry of special-purpose IPv4 addresses, and multicast. EKS gives pods addresses of
100.64.0.0/10 and 198.19.0.0/16, too."""
GLOBAL_IPV6 = "2000::/3"
"""All IPv6 addresses that are routed in the internet: no ULA, link-local or multicast address, no NAT64."""
NOT_PUBLIC_IPV6 = ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
"""Within GLOBAL_IPV6: protocols (Teredo), documentation, and 6to4, which has IPv4 addresses inside."""
MOST_PUBLIC = 1 / 256
"""The share of all addresses that a list of known networks may have. The half of them is no such list."""
RFC_1918 = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")

NAT64 = IPv6Network("64:ff9b::/96")
"""The last 32 bits are an IPv4 address (RFC 6052)."""
_MAPPED = IPv6Network("::ffff:0:0/96")
LINK_LOCAL: Sequence[Network] = (
    IPv4Network("169.254.0.0/16"),
    IPv6Network("fe80::/10"),
    IPv6Network("fd00:ec2::/32"),
)
"""Addresses of a node's own services: instance metadata and its credentials, DNS, time."""
_MAPPED_LINK_LOCAL = IPv6Network("::ffff:169.254.0.0/112")
LINK_LOCAL_OVER_NAT64 = IPv6Network("64:ff9b::169.254.0.0/112")
IPV6_OF_LINK_LOCAL = (_MAPPED_LINK_LOCAL, LINK_LOCAL_OVER_NAT64)


def union(networks: Iterable[Network]) -> list[Network]:
    """The fewest networks with the same addresses."""
    own = list(networks)
    return [
        *collapse_addresses(each for each in own if isinstance(each, IPv4Network)),
        *collapse_addresses(each for each in own if isinstance(each, IPv6Network)),
    ]


def without(networks: Iterable[Network], removed: Iterable[Network]) -> list[Network]:
    left = list(networks)
    for gone in removed:
        left = [part for each in left for part in _without(each, gone)]
    return left


def _without(network: Network, gone: Network) -> Iterable[Network]:
    if network.version != gone.version or not network.overlaps(gone):
        return [network]
    if network.prefixlen >= gone.prefixlen:
        return []
    return network.address_exclude(gone)  # type: ignore[arg-type]


@cache
def block(cidr: str, excepted: tuple[str, ...] = ()) -> tuple[Network, ...]:
    """The addresses of a NetworkPolicy's `ipBlock`."""
    return tuple(without([ip_network(cidr)], map(ip_network, excepted)))


def overlaps(networks: Iterable[Network], other: Network) -> bool:
    return any(each.version == other.version and each.overlaps(other) for each in networks)


def public_share(networks: Iterable[Network]) -> float:
    """The share of IPv4 or of IPv6, whichever is larger, that networks cover outside private ranges."""
    covered: dict[int, float] = {4: 0.0, 6: 0.0}
    for network in union(networks):
        if not _is_private(network):
            covered[network.version] += 2.0**-network.prefixlen
    return max(covered.values())


@cache
def _is_private(network: Network) -> bool:
    return network.is_private


def is_public(address: str) -> bool:
    host = ip_network(address)
    every, closed = (EVERY_IPV4, NOT_PUBLIC_IPV4) if host.version == 4 else (GLOBAL_IPV6, NOT_PUBLIC_IPV6)
    return host.overlaps(ip_network(every)) and not any(host.overlaps(ip_network(each)) for each in closed)


def holds_link_local(network: Network) -> bool:
    """Whether some of its addresses are link-local. All of NAT64 is not one: see LINK_LOCAL_OVER_NAT64."""
    return any(network.overlaps(each) for each in (*LINK_LOCAL, _MAPPED_LINK_LOCAL)) or _within(
        network, LINK_LOCAL_OVER_NAT64
    )


def covers_half(networks: Iterable[Network], *, over_nat64: bool) -> bool:
    """Whether together they have half of all IPv4 addresses, or half of the global IPv6 addresses.
    `over_nat64`: an IPv4 address counts also where it is reached through NAT64.
    """
    ipv4, ipv6 = list[IPv4Network](), list[IPv6Network]()
    for network in networks:
        if isinstance(network, IPv4Network):
            ipv4.append(network)
        else:
            ipv6 += _overlap(network, IPv6Network(GLOBAL_IPV6))
            ipv4 += _inside(network, _MAPPED)
            ipv4 += _inside(network, NAT64) if over_nat64 else ()
    return _size(ipv4) * 2 >= 2**32 or _size(ipv6) * 2 >= IPv6Network(GLOBAL_IPV6).num_addresses


def _size(networks: Iterable[_Version]) -> int:
    return sum(network.num_addresses for network in collapse_addresses(networks))


def _within(network: Network, other: IPv6Network) -> bool:
    return isinstance(network, IPv6Network) and network.subnet_of(other)


def _overlap(one: IPv6Network, other: IPv6Network) -> Iterator[IPv6Network]:
    if one.overlaps(other):
        yield max(one, other, key=lambda network: network.prefixlen)


def _inside(network: IPv6Network, prefix: IPv6Network) -> Iterator[IPv4Network]:
    """The IPv4 addresses in the last 32 bits, as far as the network has addresses of the prefix."""
    for part in _overlap(network, prefix):
        last = int(part.network_address) & 0xFFFFFFFF
        yield IPv4Network((last, part.prefixlen - 96))
