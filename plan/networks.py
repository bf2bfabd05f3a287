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
NAT64 = IPv6Network("64:ff9b::/96")
"""The last 32 bits are an IPv4 address (RFC 6052)."""
NOT_PUBLIC: Sequence[Network] = [
    *(ip_network(each) for each in (*NOT_PUBLIC_IPV4, *NOT_PUBLIC_IPV6, "fc00::/7")),
    NAT64,
]
MOST_PUBLIC = 1 / 256
"""The share of all addresses that a list of known networks may have. The half of them is no such list."""
RFC_1918 = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")

_EVERY_BIT = 0xFFFFFFFF
_FORMS = (
    (NAT64, 96, 0),
    (IPv6Network("64:ff9b:1::/48"), 96, 0),
    (IPv6Network("::ffff:0:0/96"), 96, 0),
    (IPv6Network("::/96"), 96, 0),
    (IPv6Network("2002::/16"), 16, 0),
    (IPv6Network("2001::/32"), 32, 0),
    (IPv6Network("2001::/32"), 96, _EVERY_BIT),
)
"""IPv6 networks with an IPv4 address inside: where its 32 bits begin, and which of them are inverted. NAT64,
local NAT64 (RFC 8215), IPv4-mapped, IPv4-compatible, 6to4, and Teredo's server and client (RFC 4380)."""
LINK_LOCAL: Sequence[Network] = (
    IPv4Network("169.254.0.0/16"),
    IPv6Network("fe80::/10"),
    IPv6Network("fd00:ec2::/32"),
)
"""Addresses of a node's own services: instance metadata and its credentials, DNS, time."""
_LINK_LOCAL_OVER_NAT64 = IPv6Network("64:ff9b::169.254.0.0/112")


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


def is_wide(networks: Iterable[Network]) -> bool:
    """Whether networks are a part of the internet that nobody lists, IPv4 addresses inside of IPv6 ones
    included: more than MOST_PUBLIC of all addresses."""
    own = list(networks)
    return public_share([*own, *(inner for each in own for inner in embedded(each))]) > MOST_PUBLIC


def private_parts(networks: Iterable[Network]) -> list[Network]:
    """Which ranges that are not public such a part of the internet includes. Networks that are private, or
    NAT64, are no part of it: whoever opens one means it."""
    public = [each for each in union(networks) if not _is_private(each)]
    return [each for each in NOT_PUBLIC if public_share(public) > MOST_PUBLIC and overlaps(public, each)]


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


def embedded(network: Network) -> Iterator[IPv4Network]:
    """The IPv4 addresses inside of a network's IPv6 addresses."""
    for prefix, first, inverted in _FORMS:
        if isinstance(network, IPv6Network) and network.overlaps(prefix):
            narrow = max(network, prefix, key=lambda each: each.prefixlen)
            bits = int(narrow.network_address) >> (96 - first) & _EVERY_BIT ^ inverted
            yield IPv4Network((bits, min(max(narrow.prefixlen - first, 0), 32)), strict=False)


def exceptions(cidr: str) -> tuple[str, ...]:
    """What an opening of a network leaves out: link-local addresses behind NAT64, which is opened whole."""
    network = ip_network(cidr)
    whole = isinstance(network, IPv6Network) and _LINK_LOCAL_OVER_NAT64.subnet_of(network)
    return (str(_LINK_LOCAL_OVER_NAT64),) if whole and network != _LINK_LOCAL_OVER_NAT64 else ()


def link_local_in(networks: Iterable[Network]) -> list[Network]:
    """Which link-local ranges some of their addresses are in, or an IPv4 address inside of one."""
    own = list(networks)
    inner = [each for network in own for each in embedded(network)]
    return [each for each in LINK_LOCAL if overlaps([*own, *inner], each)]
