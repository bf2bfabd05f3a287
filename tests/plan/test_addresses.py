"""What networks cover together."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.networks import block, overlaps, public_share, union, without


@pytest.mark.parametrize(
    ("cidrs", "share"),
    [
        (["0.0.0.0/0"], 1.0),
        (["0.0.0.0/1", "128.0.0.0/1"], 1.0),
        (["0.0.0.0/1"], 0.5),
        (["0.0.0.0/1", "0.0.0.0/2"], 0.5),
        (["::/1", "8000::/1"], 1.0),
        (["10.0.0.0/8", "192.168.0.0/16", "fd00::/8"], 0.0),
        (["104.16.0.0/13"], 2.0**-13),
        (["0.0.0.0/0", "2000::/3"], 1.0),
    ],
)
def test_the_public_share_is_that_of_the_union(cidrs: list[str], share: float) -> None:
    assert public_share(map(ip_network, cidrs)) == share


NETWORKS = st.builds(
    lambda address, length: ip_network((address, length), strict=False),
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
)


@given(st.lists(NETWORKS, max_size=5), st.lists(NETWORKS, max_size=4), st.integers(0, 2**32 - 1))
def test_an_address_is_in_what_is_left_unless_it_was_removed(
    networks: list, removed: list, number: int
) -> None:  # type: ignore[type-arg]
    address = ip_address(number)
    left = union(without(networks, removed))

    expected = any(address in each for each in networks) and not any(address in each for each in removed)
    assert any(address in each for each in left) is expected


def test_a_block_is_without_its_exceptions() -> None:
    networks = block("0.0.0.0/0", ("169.254.0.0/16",))
    assert not overlaps(networks, ip_network("169.254.169.254/32"))
    assert overlaps(networks, ip_network("169.253.0.0/16"))
    assert not overlaps(networks, ip_network("::/0"))
