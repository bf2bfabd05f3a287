"""Sets of IP addresses: what several networks cover together."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

Network = IPv4Network | IPv6Network

LINK_LOCAL = ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32")
"""Where a node's credentials and the metadata of EC2 are."""


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
        if not network.is_private:
            covered[network.version] += 2.0**-network.prefixlen
    return max(covered.values())
