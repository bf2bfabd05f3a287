"""Problems of AWS Global Accelerator and its endpoints."""

from __future__ import annotations

from tests.settings.broken.base import NO_VALUE, Broken
from tests.settings.broken.routing import PASSIVE_EU, balanced, stack_of
from tests.settings.edits import EU, US, WEST, Edit, both, drop, on_eks, put
from tests.strategies import Raw


def _on_eks(raw: Raw) -> None:
    raw["regions"] = [{"name": one} if isinstance(one, str) else one for one in raw["regions"]]
    on_eks(raw)


def _by_accelerator(what: str, reason: str, *edits: Edit, policy: str = "latency") -> Broken:
    return Broken(
        f"Global Accelerator and {what}",
        both(balanced(policy, "global-accelerator"), *edits, _on_eks),
        "loadBalancing.manager",
        '"global-accelerator"',
        'no dedicatedHealthChecks, got "global-accelerator". Global Accelerator cannot keep the routing'
        f" promises with {reason}",
    )


def _arn(region: str, kind: str = "net") -> str:
    return f"arn:aws:elasticloadbalancing:{region}:123456789012:loadbalancer/{kind}/front/0123456789abcdef"


_ACCELERATED = balanced("latency", "global-accelerator")


def _accelerated(*edits: Edit) -> Edit:
    return both(_ACCELERATED, *edits, _on_eks)


ACCELERATED = [
    _by_accelerator("weights", "policy weighted: a traffic dial is a share", policy="weighted"),
    _by_accelerator("an order of regions", "policy failover: without a healthy region", policy="failover"),
    _by_accelerator(
        "places",
        "policy geo: it does not know the client's country",
        stack_of({"name": US, "geo": ["default"]}, EU),
        policy="geo",
    ),
    _by_accelerator("a passive region", f"passive regions ({EU})", stack_of(US, PASSIVE_EU)),
    _by_accelerator("four regions", "4 regions: it tries the nearest 3", stack_of(US, EU, WEST, "sa-east-1")),
    _by_accelerator(
        "checks of its own",
        "health checks of a company's own, for client-c",
        put("companies[2].dedicatedHealthChecks", True),
    ),
    _by_accelerator(
        "IPv6 in one of two regions",
        f"ipAddressType dualstack in {EU} alone of its regions: set it for all, in ingress.loadBalancer, or",
        stack_of(US, {"name": EU, "loadBalancer": {"ipAddressType": "dualstack"}}),
    ),
    Broken(
        "Global Accelerator and a controller without load balancers",
        both(_ACCELERATED, put("regions[0].endpointArn", _arn(US))),
        "regions[1].endpointArn",
        NO_VALUE,
        "missing (required with className nginx)",
    ),
    Broken(
        "Global Accelerator and regions that share a cluster",
        both(
            _accelerated(),
            put("regions[0].endpointArn", _arn(US)),
            *(put(f"regions[{n}].cluster", {"context": "shared"}) for n in (0, 1)),
            *(put(f"regions[{n}].ingressFrom", ["10.0.0.0/24"]) for n in (0, 1)),
        ),
        "regions[1].endpointArn",
        NO_VALUE,
        "missing (required where regions share a cluster",
    ),
    Broken(
        "Global Accelerator without a hosted zone",
        _accelerated(drop("hostedZoneId")),
        "hostedZoneId",
        NO_VALUE,
        "Set the id of the domain's Route53 zone",
    ),
    Broken(
        "Global Accelerator and an endpoint without an ARN",
        _accelerated(stack_of(US, {"name": EU, "endpoint": "lb.example.net"})),
        "regions[1].endpointArn",
        NO_VALUE,
        "missing (required with endpoint)",
    ),
    Broken(
        "Global Accelerator and an endpoint of another region",
        _accelerated(stack_of(US, {"name": EU, "endpointArn": _arn(US)})),
        "regions[1].endpointArn",
        f'"{_arn(US)}"',
        f"must be a Network Load Balancer of {EU}",
    ),
    Broken(
        "an endpoint that is an Application Load Balancer",
        _accelerated(stack_of(US, {"name": EU, "endpointArn": _arn(EU, "app")})),
        "regions[1].endpointArn",
        f'"{_arn(EU, "app")}"',
        "must be the ARN of a Network Load Balancer",
    ),
    Broken(
        "one endpoint for two edges",
        _accelerated(
            stack_of(US, {"name": EU, "endpointArn": _arn(EU)}),
            put("companies[2].edge", 2),
        ),
        "companies[2].edge",
        "2",
        f"endpointArn of {EU} is one load balancer, that of edge 1",
    ),
]
