"""Answers where AWS Global Accelerator sends a connection, by what its API returns.

The rules and their sources (developer guide of Global Accelerator unless another is named):

- a load balancer is healthy only if each of its target groups has a healthy target ("Changing health check
  options");
- a connection goes to the nearest endpoint group whose traffic dial is above zero ("Endpoint groups"); a dial
  between 0 and 100 is a share of what goes there anyway, and where the rest goes is shown by one example
  only: not supported here;
- without a healthy endpoint of a weight above zero there, Global Accelerator looks in other groups, by
  distance, and ignores their dials. One sentence says that it tries three groups, the example below it
  three more ("How failover works for unhealthy endpoints"), a page of re:Post two more
  ("global-accelerator-failover-different-region"): each number is a case here;
- when it finds none, it takes a random endpoint of the group nearest to the client, whose dial may be zero;
- among healthy endpoints of a group, by weight ("How endpoint weights work").

Simplified: health and dials take effect at once, connections live for no time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

EndpointGroup = Mapping[str, Any]
"""As `DescribeEndpointGroup` returns it."""
Answer = dict[str, Fraction]
"""Id of the endpoint to probability."""
TRIED = (3, 4)
"""Groups in which Global Accelerator looks, the first one included: what the documentation allows."""


class NotModelled(ValueError):
    """The documentation does not say what happens."""


def answers(
    groups: Sequence[EndpointGroup], nearest: Sequence[str], healthy: Callable[[str], bool]
) -> list[Answer]:
    """Where a new connection goes, in each way that the documentation allows.

    `nearest` lists AWS regions by the client's distance; `healthy` maps an endpoint's id to its state.
    """
    ordered = sorted(groups, key=lambda group: nearest.index(group["EndpointGroupRegion"]))
    if len({group["EndpointGroupRegion"] for group in groups}) != len(groups):
        raise NotModelled("a listener has one endpoint group a region")
    if any(group["TrafficDialPercentage"] not in (0, 100) for group in groups):
        raise NotModelled("a traffic dial between 0 and 100")
    first = next((group for group in ordered if group["TrafficDialPercentage"]), None)
    if first is None:
        raise NotModelled("every traffic dial is zero")
    by_distance = [first, *(group for group in ordered if group is not first)]
    return [_answer(by_distance[:tried], ordered[0], healthy) for tried in TRIED]


def _answer(tried: Sequence[EndpointGroup], nearest: EndpointGroup, healthy: Callable[[str], bool]) -> Answer:
    for group in tried:
        weights = {
            each["EndpointId"]: each["Weight"]
            for each in group["EndpointDescriptions"]
            if each["Weight"] > 0 and healthy(each["EndpointId"])
        }
        if weights:
            return {name: Fraction(weight, sum(weights.values())) for name, weight in weights.items()}
    anywhere = [each["EndpointId"] for each in nearest["EndpointDescriptions"]]
    return {name: Fraction(1, len(anywhere)) for name in anywhere}


def balancer_is_healthy(target_groups: Mapping[str, Sequence[str]]) -> bool:
    """Whether a load balancer with these target groups (the states of their targets) counts as healthy."""
    return all("healthy" in states for states in target_groups.values())
