"""A stack of two regions and three companies, and scenarios of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ops.drill.scenario import Scenario, scenario_of
from ops.stack import Stack
from settings import Settings, parse

US, EU = "us-east-1", "eu-west-1"
SYNC = 10.0
NOWHERE: Mapping[str, str] = MappingProxyType({})


def settings(**changed: Any) -> Settings:
    regions = [
        {"name": name, "cluster": {"context": "local"}, "endpoint": f"{name}.local.test"} for name in (US, EU)
    ]
    config = {
        "domain": "agency.test",
        "hostedZoneId": "Z0LOCALLOCALLOCALLOC",
        "regions": regions,
        "ingress": {"className": "nginx"},
        "loadBalancing": {"policy": "failover"},
        "replication": {"syncInterval": int(SYNC)},
        "companies": ["acme", "globex", {"name": "hooli", "regions": [EU, US]}],
        **changed,
    }
    return parse(config, "local")


def accelerated(**changed: Any) -> dict[str, Any]:
    """What the same stack has with Global Accelerator."""
    regions = [
        {
            "name": name,
            "cluster": {"context": "local"},
            "endpoint": f"{name}.local.test",
            "endpointArn": f"arn:aws:elasticloadbalancing:{name}:123456789012:loadbalancer/net/front/0123",
        }
        for name in (US, EU)
    ]
    return {
        "regions": regions,
        "loadBalancing": {"policy": "latency", "manager": "global-accelerator"},
        **changed,
    }


def scenario(
    region: str = US,
    watched: tuple[str, ...] = (),
    client_regions: Mapping[str, str] = NOWHERE,
    **changed: Any,
) -> Scenario:
    stack = Stack(name="local", file=Path("Pulumi.local.yaml"), settings=settings(**changed))
    return scenario_of(stack, region, watched, quick_replication=True, client_regions=client_regions)
