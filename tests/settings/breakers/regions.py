"""Ways to break the regions of a stack."""

from __future__ import annotations

from settings.values import aws_regions
from tests.settings.breakers.base import Breaker, Pick, any_region, long_form, new_region
from tests.strategies import Raw


def no_regions(raw: Raw, pick: Pick) -> str:
    raw["regions"] = []
    return "regions"


def no_active_region(raw: Raw, pick: Pick) -> str:
    for region in long_form(raw, "regions"):
        region["active"] = False
    return "regions"


def a_region_twice(raw: Raw, pick: Pick) -> str:
    regions = long_form(raw, "regions")
    regions.append({"name": pick(regions)["name"]})
    return f"regions[{len(regions) - 1}].name"


def not_an_aws_region(raw: Raw, pick: Pick) -> str:
    path, region = any_region(raw, pick)
    region["name"] = pick(["us-east-9", "US-EAST-1", "eu-west", "cn-north-1", "", "aws-global"])
    return f"{path}.name"


def a_bad_weight(raw: Raw, pick: Pick) -> str:
    path, region = any_region(raw, pick)
    region["weight"] = pick([-1, 256, 1.5, "10", True, None, [1]])
    return f"{path}.weight"


def an_unknown_key_of_a_region(raw: Raw, pick: Pick) -> str:
    path, region = any_region(raw, pick)
    key = pick(["wieght", "Active", "storage_class", "zone", "node-selector"])
    region[key] = 1
    return f"{path}.{key}"


def a_place_twice(raw: Raw, pick: Pick) -> str:
    _, region = any_region(raw, pick)
    region["geo"] = ["OC", *(code for code in region.get("geo", []) if code != "OC")]
    path, _ = new_region(raw, geo=["OC"])
    return f"{path}.geo"


def an_unknown_place(raw: Raw, pick: Pick) -> str:
    path, region = any_region(raw, pick)
    region["geo"] = [*region.get("geo", []), pick(["XX", "eu", "country:XX", "country:tr", "TR", ""])]
    return f"{path}.geo"


def policy_geo_without_a_default(raw: Raw, pick: Pick) -> str:
    raw.setdefault("loadBalancing", {})["policy"] = "geo"
    for region in long_form(raw, "regions"):
        region["geo"] = [code for code in region.get("geo", []) if code != "default"]
    return "regions"


def a_bad_subnet(raw: Raw, pick: Pick) -> str:
    path, region = any_region(raw, pick)
    region["ingressFrom"] = ["10.0.0.0/8", pick(["10.0.0.1/8", "10.0.0.0", "10.0.0.0/33", "all", "", 10])]
    return f"{path}.ingressFrom[1]"


def both_eks_and_context(raw: Raw, pick: Pick) -> str:
    path, region = any_region(raw, pick)
    region["cluster"] = {"eks": "blue", "context": "blue"}
    return f"{path}.cluster"


def an_endpoint_without_authority(raw: Raw, pick: Pick) -> str:
    path, region = any_region(raw, pick)
    region["cluster"] = {"eks": "blue", "endpoint": "https://blue.example.com"}
    return f"{path}.cluster"


def copies_to_where_none_can_be(raw: Raw, pick: Pick) -> str:
    path, region = any_region(raw, pick)
    region["replicateTo"] = [pick([region["name"], "me-central-1"])]
    return f"{path}.replicateTo"


def internal_without_subnets(raw: Raw, pick: Pick) -> str:
    raw.setdefault("ingress", {})["scheme"] = "internal"
    path, region = any_region(raw, pick)
    region.pop("ingressFrom", None)
    return f"{path}.ingressFrom"


def too_many_regions(raw: Raw, pick: Pick) -> str:
    raw["regions"] = sorted(aws_regions())[:14]
    raw["companies"], raw["replication"] = [], {}
    return "regions"


REGIONS: tuple[Breaker, ...] = (
    no_regions,
    no_active_region,
    a_region_twice,
    not_an_aws_region,
    a_bad_weight,
    an_unknown_key_of_a_region,
    a_place_twice,
    an_unknown_place,
    policy_geo_without_a_default,
    a_bad_subnet,
    both_eks_and_context,
    an_endpoint_without_authority,
    copies_to_where_none_can_be,
    internal_without_subnets,
    too_many_regions,
)
