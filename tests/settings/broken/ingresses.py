"""Problems of load balancers, IngressClasses and the controllers that serve them."""

from __future__ import annotations

from tests.settings.broken.base import NO_VALUE, Broken, wrong
from tests.settings.edits import both, drop, on_eks, put

EDGES = [
    Broken(
        "a class whose controller nobody knows",
        put("ingress.className", "alb-public"),
        "ingress.controller",
        NO_VALUE,
        "missing (required for className alb-public). Set the IngressClass's spec.controller",
    ),
    Broken(
        "a controller without a domain",
        put("ingress", {"className": "public", "controller": "alb"}),
        "ingress.controller",
        '"alb"',
        "the spec.controller of an IngressClass, such as ingress.k8s.aws/alb",
    ),
    Broken(
        "load balancers of EKS Auto Mode",
        put("ingress", {"controller": "eks.amazonaws.com/alb"}),
        "ingress.controller",
        '"eks.amazonaws.com/alb"',
        "must be ingress.k8s.aws/alb or that of an ingress controller in the cluster",
    ),
    Broken(
        "settings of AWS's load balancers for another controller",
        put("ingress.loadBalancer", {"ipAddressType": "dualstack"}),
        "ingress.loadBalancer",
        '{"ipAddressType": "dualstack"}',
        "Only the AWS Load Balancer Controller reads the key.",
    ),
    Broken(
        "settings of a load balancer that is not created",
        both(
            on_eks,
            put("regions[1].endpoint", "lb.example.net"),
            put("regions[1].loadBalancer.sslPolicy", "ELBSecurityPolicy-FS-1-2-Res-2020-10"),
        ),
        "regions[1].loadBalancer",
        '{"sslPolicy": "ELBSecurityPolicy-FS-1-2-Res-2020-10"}',
        "No AWS load balancer is created in this region. What all have is in ingress.loadBalancer.",
    ),
    Broken(
        "an attribute that the program sets",
        both(on_eks, put("ingress.loadBalancer.attributes", {"client_keep_alive.seconds": "3600"})),
        "ingress.loadBalancer.attributes.client_keep_alive.seconds",
        '"3600"',
        "must not be set",
    ),
    Broken(
        "an attribute without a dot",
        both(on_eks, put("ingress.loadBalancer.attributes", {"idle": 900})),
        "ingress.loadBalancer.attributes.idle",
        '"idle"',
        "must be the key of an Application Load Balancer's attribute",
    ),
    Broken(
        "an attribute's value with a comma",
        both(on_eks, put("ingress.loadBalancer.attributes", {"access_logs.s3.bucket": "a,b"})),
        "ingress.loadBalancer.attributes.access_logs.s3.bucket",
        '"a,b"',
        "without a comma",
    ),
    Broken(
        "clients' networks beside security groups",
        both(
            on_eks,
            put("regions[0].loadBalancer.securityGroups", ["sg-0a"]),
            put("regions[0].loadBalancer.inboundCidrs", ["10.0.0.0/8"]),
        ),
        "regions[0].loadBalancer.inboundCidrs",
        '["10.0.0.0/8"]',
        "must not be set",
    ),
    Broken(
        "a web ACL of another region",
        both(
            on_eks,
            put(
                "regions[0].loadBalancer.webAclArn",
                "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/a/b",
            ),
        ),
        "regions[0].loadBalancer.webAclArn",
        '"arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/a/b"',
        "must be a web ACL of us-east-1",
    ),
    *(
        Broken(
            f"{value} for the attribute {key}",
            both(on_eks, put("ingress.loadBalancer.attributes", {key: value})),
            f"ingress.loadBalancer.attributes.{key}",
            f'"{str(value).lower()}"' if text.startswith("must") else NO_VALUE,
            text,
        )
        for key, value, text in (
            ("idle_timeout.timeout_seconds", 4001, "must be a whole number from 1 to 4000"),
            ("idle_timeout.timeout_seconds", "5m", "must be a whole number from 1 to 4000"),
            ("deletion_protection.enabled", "yes", "must be one of true, false"),
            ("routing.http.xff_header_processing.mode", "drop", "must be one of append, preserve, remove"),
            ("access_logs.s3.bucket", "logs", "must be set for each region, in regions[].loadBalancer"),
            ("idle_timeout.seconds", 600, "unknown key. Did you mean idle_timeout.timeout_seconds? Known"),
            ("dns_record.client_routing_policy", "x", "unknown key. Known keys: access_logs.s3.bucket"),
        )
    ),
    Broken(
        "logs without a bucket",
        both(on_eks, put("regions[0].loadBalancer.attributes", {"access_logs.s3.enabled": True})),
        "regions[0].loadBalancer.attributes.access_logs.s3.bucket",
        NO_VALUE,
        "missing (required when access_logs.s3.enabled is true)",
    ),
    Broken(
        "load balancers without IPv4 addresses, which health checks need",
        both(on_eks, put("ingress.loadBalancer.ipAddressType", "dualstack-without-public-ipv4")),
        "ingress.loadBalancer.ipAddressType",
        '"dualstack-without-public-ipv4"',
        "must be ipv4 or dualstack",
    ),
    Broken(
        "clients by IPv6 of load balancers without it",
        both(on_eks, put("ingress.loadBalancer.inboundCidrs", ["10.0.0.0/8", "2001:db8::/32"])),
        "ingress.loadBalancer.inboundCidrs",
        '["2001:db8::/32"]',
        "must be IPv4 networks without ipAddressType: dualstack",
    ),
    Broken(
        "a security policy with TLS 1.0",
        both(on_eks, put("ingress.loadBalancer.sslPolicy", "ELBSecurityPolicy-2016-08")),
        "ingress.loadBalancer.sslPolicy",
        '"ELBSecurityPolicy-2016-08"',
        "a security policy without TLS before 1.2",
    ),
    Broken(
        "a subnet twice",
        both(on_eks, put("regions[0].loadBalancer.subnets", ["subnet-0a", "subnet-0b", "subnet-0a"])),
        "regions[0].loadBalancer.subnets",
        '"subnet-0a"',
        "must have each once",
    ),
    Broken(
        "a single subnet",
        both(on_eks, put("regions[0].loadBalancer.subnets", ["subnet-0a"])),
        "regions[0].loadBalancer.subnets",
        '["subnet-0a"]',
        "must be in two zones or more",
    ),
    wrong(
        "a class of a region without an endpoint",
        "regions[1].ingressClass",
        "nginx",
        "must not be set without endpoint",
    ),
    Broken(
        "a second load balancer beside an endpoint",
        both(on_eks, put("regions[1].endpoint", "lb.example.net"), put("regions[1].ingressClass", "alb")),
        "regions[1].ingressClass",
        '"alb"',
        "must be the class of an ingress controller in the cluster, such as nginx",
    ),
    Broken(
        "a second load balancer beside an endpoint, by another name of the class",
        both(
            on_eks,
            put("ingress", {"className": "public", "controller": "ingress.k8s.aws/alb"}),
            put("regions[1].endpoint", "lb.example.net"),
            put("regions[1].ingressClass", "public"),
        ),
        "regions[1].ingressClass",
        '"public"',
        "must be the class of an ingress controller in the cluster, such as nginx",
    ),
    Broken(
        "a full edge of a class by another name",
        both(
            on_eks,
            put("ingress", {"className": "public", "controller": "ingress.k8s.aws/alb"}),
            put("companies", [f"client-{number}" for number in range(99)]),
        ),
        "companies[98].edge",
        "1",
        "must be 2, got 1. Edge 1 is full (98 companies per load balancer).",
    ),
    Broken(
        "a full edge",
        both(on_eks, put("companies", [f"client-{number}" for number in range(99)])),
        "companies[98].edge",
        "1",
        "must be 2, got 1. Edge 1 is full (98 companies per load balancer).",
    ),
    Broken(
        "an edge that is full by far, beside one that is full",
        both(
            on_eks,
            put("companies", [{"name": f"c-{number}", "edge": 1 + (number < 98)} for number in range(200)]),
        ),
        "companies[196].edge",
        "1",
        "Edge 1 is full (98 companies per load balancer). The same applies to 3 more",
    ),
    Broken(
        "internal load balancers without their subnets",
        both(put("ingress.scheme", "internal"), put("regions[0].ingressFrom", ["10.0.0.0/24"])),
        "regions[1].ingressFrom",
        NO_VALUE,
        "missing (required when ingress.scheme is internal). Set the load balancer's subnets",
    ),
    Broken(
        "load balancers before an ambient cluster, without their subnets",
        both(on_eks, drop("regions[1].cluster")),
        "regions[1].ingressFrom",
        NO_VALUE,
        "missing (required with className alb, unless",
    ),
    Broken(
        "load balancers before a cluster of the kubeconfig, by another name of the class",
        both(
            on_eks,
            put("ingress", {"className": "public", "controller": "ingress.k8s.aws/alb"}),
            put("regions[0].cluster", {"context": "prod", "eksName": "prod-blue"}),
        ),
        "regions[0].ingressFrom",
        NO_VALUE,
        "missing (required with className public, unless",
    ),
    Broken(
        "load balancers before a cluster that is not looked up, without their subnets",
        both(
            on_eks,
            put("regions[0].cluster.endpoint", "https://blue.example.com"),
            put("regions[0].cluster.certificateAuthority", "Q0E="),
        ),
        "regions[0].ingressFrom",
        NO_VALUE,
        "missing (required with cluster.endpoint",
    ),
]
