"""Problems of failover, load balancing and edges."""

from __future__ import annotations

from typing import Any

from tests.settings.broken.base import NO_VALUE, Broken, wrong
from tests.settings.edits import EU, US, WEST, Edit, both, drop, on_eks, put
from tests.strategies import Raw


def _regions(*regions: Any) -> Edit:
    return put("regions", list(regions))


def _balanced(policy: str, manager: str = "route53") -> Edit:
    return put("loadBalancing", {"policy": policy, "manager": manager})


def _by_external_dns(what: str, policy: str, feature: str, *edits: Edit) -> Broken:
    return Broken(
        f"external-dns and {what}",
        both(_balanced(policy, "external-dns"), *edits),
        "loadBalancing.manager",
        '"external-dns"',
        f"external-dns cannot express policy {policy} {feature}",
    )


def _on_eks(raw: Raw) -> None:
    raw["regions"] = [{"name": one} if isinstance(one, str) else one for one in raw["regions"]]
    on_eks(raw)


def _by_accelerator(what: str, reason: str, *edits: Edit, policy: str = "latency") -> Broken:
    return Broken(
        f"Global Accelerator and {what}",
        both(_balanced(policy, "global-accelerator"), *edits, _on_eks),
        "loadBalancing.manager",
        '"global-accelerator"',
        f"Global Accelerator cannot keep the routing promises with {reason}",
    )


def _arn(region: str, kind: str = "net") -> str:
    return f"arn:aws:elasticloadbalancing:{region}:123456789012:loadbalancer/{kind}/front/0123456789abcdef"


_PASSIVE_EU = {"name": EU, "active": False}

FAILOVER = [
    Broken(
        "failover with a single region",
        both(_regions(US), put("failover.enabled", True)),
        "failover.enabled",
        "true",
        "must be false with a single region",
    ),
    Broken(
        "policy failover with a single region",
        both(_regions(US), _balanced("failover")),
        "loadBalancing.policy",
        '"failover"',
        "must be another policy with a single region",
    ),
    Broken(
        "checks of its own with failover off",
        both(put("failover.enabled", False), put("companies[2].dedicatedHealthChecks", True)),
        "companies[2].dedicatedHealthChecks",
        "true",
        "Or set failover.enabled: true",
    ),
    Broken(
        "checks of its own with a single region",
        both(_regions(US), put("companies[2].dedicatedHealthChecks", True)),
        "companies[2].dedicatedHealthChecks",
        "true",
        "Or add regions",
    ),
    Broken(
        "a probe that waits longer than a round",
        put("failover", {"intervalSeconds": 2, "timeoutSeconds": 3}),
        "failover.timeoutSeconds",
        "3",
        "must be at most failover.intervalSeconds (2)",
    ),
    wrong("a round of no time", "failover.intervalSeconds", 0, "from 1 to 3600"),
    wrong("no failed round until a failure", "failover.failureThreshold", 0, "a whole number from 1 to 100"),
    wrong("no good round until a recovery", "failover.recoveryThreshold", -3, "a whole number from 1 to 100"),
    wrong("failover of yes", "failover.enabled", "yes", "true or false"),
]

BALANCING = [
    wrong(
        "a policy that there is not",
        "loadBalancing.policy",
        "round-robin",
        "'latency', 'weighted', 'geo' or 'failover'",
    ),
    wrong(
        "a manager that there is not",
        "loadBalancing.manager",
        "cloudflare",
        "'route53', 'external-dns' or 'global-accelerator'",
    ),
    wrong(
        "the global accelerator",
        "loadBalancing.globalAccelerator",
        True,
        "Set loadBalancing.manager: global-accelerator instead",
    ),
    wrong(
        "an annotation prefix without a slash",
        "loadBalancing.annotationPrefix",
        "external-dns.kubernetes.io",
        "external-dns.kubernetes.io/",
    ),
    Broken(
        "no hosted zone",
        drop("hostedZoneId"),
        "hostedZoneId",
        NO_VALUE,
        "Set the id of the domain's Route53 zone",
    ),
    wrong("a hosted zone by name", "hostedZoneId", "example.com.", "such as Z0123456789ABCDEFGHIJ"),
    _by_external_dns(
        "a passive region by latency", "latency", f"with passive regions ({EU})", _regions(US, _PASSIVE_EU)
    ),
    _by_external_dns(
        "a passive region by place",
        "geo",
        f"with passive regions ({EU})",
        _regions({"name": US, "geo": ["default"]}, _PASSIVE_EU | {"geo": ["EU"]}),
    ),
    _by_external_dns(
        "a region for two places",
        "geo",
        f"with 2 geo codes instead of 1 in a region ({EU})",
        _regions({"name": US, "geo": ["default"]}, {"name": EU, "geo": ["EU", "AF"]}),
    ),
    _by_external_dns(
        "a company away from the default place",
        "geo",
        f"without the geo code `default` (in {EU}), for client-b",
        _regions({"name": US, "geo": ["default"]}, {"name": EU, "geo": ["EU"]}),
        put("companies[1].regions", [EU]),
    ),
    _by_external_dns(
        "failover over three regions", "failover", "with 3 regions instead of 2", _regions(US, EU, WEST)
    ),
    _by_external_dns(
        "failover of a company over one region",
        "failover",
        "with 1 regions instead of 2",
        put("companies[1].regions", [US]),
    ),
    *(
        Broken(
            f"external-dns and {what} beside a load balancer that is made",
            both(
                _balanced(policy, "external-dns"),
                _regions({"name": US, "geo": ["default"]}, {"name": EU, "geo": ["EU"], "endpoint": endpoint}),
            ),
            "loadBalancing.manager",
            '"external-dns"',
            f"external-dns cannot express alias records for load balancers of AWS ({US}) and CNAME records"
            f" for other endpoints ({EU}) under one name, for client-a, client-b, client-c.",
        )
        for policy, what, endpoint in (
            ("latency", "an endpoint", "lb.example.net"),
            ("failover", "an endpoint of another name", "lb.agency.example.com"),
            ("weighted", "an endpoint that only looks like AWS's", "elb.us-east-1.amazonaws.com.example.net"),
            ("geo", "an endpoint of AWS without alias records", "x.lambda-url.eu-west-1.on.aws"),
        )
    ),
    Broken(
        "external-dns and an endpoint beside one of AWS",
        both(
            _balanced("latency", "external-dns"),
            _regions(
                {"name": US, "endpoint": "lb-1.elb.us-east-1.amazonaws.com"},
                {"name": EU, "endpoint": "lb.example.net"},
                WEST,
            ),
            put("companies[0].regions", [US, WEST]),
            put("companies[1].regions", [EU]),
        ),
        "loadBalancing.manager",
        '"external-dns"',
        f"({US}, {WEST}) and CNAME records for other endpoints ({EU}) under one name, for client-c.",
    ),
    _by_external_dns(
        "a drained region beside a passive one",
        "weighted",
        f"with passive regions and an active region of weight 0 ({US})",
        _regions({"name": US, "weight": 0}, _PASSIVE_EU),
    ),
]

_ACCELERATED = _balanced("latency", "global-accelerator")


def _accelerated(*edits: Edit) -> Edit:
    return both(_ACCELERATED, *edits, _on_eks)


ACCELERATED = [
    _by_accelerator("weights", "policy weighted: a traffic dial is a share", policy="weighted"),
    _by_accelerator("an order of regions", "policy failover: without a healthy region", policy="failover"),
    _by_accelerator(
        "places",
        "policy geo: it does not know the client's country",
        _regions({"name": US, "geo": ["default"]}, EU),
        policy="geo",
    ),
    _by_accelerator("a passive region", f"passive regions ({EU})", _regions(US, _PASSIVE_EU)),
    _by_accelerator("four regions", "4 regions: it tries the nearest 3", _regions(US, EU, WEST, "sa-east-1")),
    _by_accelerator(
        "checks of its own",
        "health checks of a company's own, for client-c",
        put("companies[2].dedicatedHealthChecks", True),
    ),
    _by_accelerator(
        "IPv6 in one of two regions",
        "ipAddressType dualstack in some of its regions",
        _regions(US, {"name": EU, "loadBalancer": {"ipAddressType": "dualstack"}}),
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
        _accelerated(_regions(US, {"name": EU, "endpoint": "lb.example.net"})),
        "regions[1].endpointArn",
        NO_VALUE,
        "missing (required with endpoint)",
    ),
    Broken(
        "Global Accelerator and an endpoint of another region",
        _accelerated(_regions(US, {"name": EU, "endpointArn": _arn(US)})),
        "regions[1].endpointArn",
        f'"{_arn(US)}"',
        f"must be a Network Load Balancer of {EU}",
    ),
    Broken(
        "an endpoint that is an Application Load Balancer",
        _accelerated(_regions(US, {"name": EU, "endpointArn": _arn(EU, "app")})),
        "regions[1].endpointArn",
        f'"{_arn(EU, "app")}"',
        "must be the ARN of a Network Load Balancer",
    ),
    Broken(
        "one endpoint for two edges",
        _accelerated(
            _regions(US, {"name": EU, "endpointArn": _arn(EU)}),
            put("companies[2].edge", 2),
        ),
        "companies[2].edge",
        "2",
        f"endpointArn of {EU} is one load balancer, that of edge 1",
    ),
]

GEO = [
    Broken(
        "policy geo without a default",
        both(_balanced("geo"), put("regions[0].geo", ["EU"])),
        "regions",
        f'{{"{US}": ["EU"], "{EU}": []}}',
        "must have exactly one region with geo: [default]",
    ),
    Broken(
        "policy geo with two defaults",
        both(_balanced("geo"), put("regions[0].geo", ["default"]), put("regions[1].geo", ["AS", "default"])),
        "regions[1].geo",
        '"default"',
        "must be unique; regions[0].geo has the same code",
    ),
    Broken(
        "a place in two regions",
        both(put("regions[0].geo", ["country:TR"]), put("regions[1].geo", ["country:TR"])),
        "regions[1].geo",
        '"country:TR"',
        "must be unique; regions[0].geo has the same code",
    ),
    Broken(
        "a place twice in a region",
        put("regions[1].geo", ["EU", "EU"]),
        "regions[1].geo",
        '"EU"',
        "must be unique; regions[1].geo has the same code",
    ),
    Broken(
        "a continent that there is not",
        put("regions[1].geo", ["XX"]),
        "regions[1].geo",
        '"XX"',
        "a continent (AF",
    ),
    Broken(
        "a country that there is not",
        put("regions[1].geo", ["country:XX"]),
        "regions[1].geo",
        '"country:XX"',
        "such as country:TR",
    ),
    Broken(
        "a country without its mark",
        put("regions[1].geo", ["TR"]),
        "regions[1].geo",
        '"TR"',
        "such as country:TR",
    ),
    wrong("a place that is no list", "regions[1].geo", "EU", "a list"),
]
