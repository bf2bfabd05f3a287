"""Problems of failover, load balancing and edges."""

from __future__ import annotations

from typing import Any

from tests.settings.broken.base import NO_VALUE, Broken, wrong
from tests.settings.edits import EU, US, WEST, Edit, both, drop, put


def stack_of(*regions: Any) -> Edit:
    return put("regions", list(regions))


def balanced(policy: str, manager: str = "route53") -> Edit:
    return put("loadBalancing", {"policy": policy, "manager": manager})


def _by_external_dns(what: str, policy: str, feature: str, *edits: Edit) -> Broken:
    return Broken(
        f"external-dns and {what}",
        both(balanced(policy, "external-dns"), *edits),
        "loadBalancing.manager",
        '"external-dns"',
        f"external-dns cannot express policy {policy} {feature}",
    )


PASSIVE_EU = {"name": EU, "active": False}

FAILOVER = [
    Broken(
        "failover with a single region",
        both(stack_of(US), put("failover.enabled", True)),
        "failover.enabled",
        "true",
        "must be false with a single region",
    ),
    Broken(
        "policy failover with a single region",
        both(stack_of(US), balanced("failover")),
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
        both(stack_of(US), put("companies[2].dedicatedHealthChecks", True)),
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
        "a passive region by latency", "latency", f"with passive regions ({EU})", stack_of(US, PASSIVE_EU)
    ),
    _by_external_dns(
        "a passive region by place",
        "geo",
        f"with passive regions ({EU})",
        stack_of({"name": US, "geo": ["default"]}, PASSIVE_EU | {"geo": ["EU"]}),
    ),
    _by_external_dns(
        "a region for two places",
        "geo",
        f"with 2 geo codes instead of 1 in a region ({EU})",
        stack_of({"name": US, "geo": ["default"]}, {"name": EU, "geo": ["EU", "AF"]}),
    ),
    _by_external_dns(
        "a company away from the default place",
        "geo",
        f"without the geo code `default` (in {EU}), for client-b",
        stack_of({"name": US, "geo": ["default"]}, {"name": EU, "geo": ["EU"]}),
        put("companies[1].regions", [EU]),
    ),
    _by_external_dns(
        "failover over three regions", "failover", "with 3 regions instead of 2", stack_of(US, EU, WEST)
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
                balanced(policy, "external-dns"),
                stack_of({"name": US, "geo": ["default"]}, {"name": EU, "geo": ["EU"], "endpoint": endpoint}),
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
            balanced("latency", "external-dns"),
            stack_of(
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
        stack_of({"name": US, "weight": 0}, PASSIVE_EU),
    ),
]

GEO = [
    Broken(
        "policy geo without a default",
        both(balanced("geo"), put("regions[0].geo", ["EU"])),
        "regions",
        f'{{"{US}": ["EU"], "{EU}": []}}',
        "must have exactly one region with geo: [default]",
    ),
    Broken(
        "policy geo with two defaults",
        both(balanced("geo"), put("regions[0].geo", ["default"]), put("regions[1].geo", ["AS", "default"])),
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
