"""Stack files of the tests, as plain settings: small ones to change, and one with many companies."""

from __future__ import annotations

from typing import Any

from tests.strategies import Raw

DOMAIN = "agency.example.com"
ZONE = "Z0123456789ABCDEFGHIJ"
IMAGE = "registry.example.com/agency:1.4.2"
US, EU, WEST = "us-east-1", "eu-west-1", "us-west-2"
CLUSTER_AUTHORITY = "Y2VydGlmaWNhdGU="


def stack(**settings: Any) -> Raw:
    """One region in an EKS cluster and one company, unless `settings` say otherwise."""
    base: Raw = {
        "domain": DOMAIN,
        "hostedZoneId": ZONE,
        "images": {"agency": IMAGE},
        "regions": [eks(US)],
        "companies": ["acme"],
    }
    return {key: value for key, value in (base | settings).items() if value is not None}


def eks(name: str, cluster: str = "blue", **more: Any) -> Raw:
    """A region whose EKS cluster is looked up, with a load balancer's subnet."""
    return {"name": name, "cluster": {"eks": cluster}, "ingressFrom": ["10.0.0.0/24"], **more}


def context(name: str, cluster: Raw | None = None, **more: Any) -> Raw:
    """A region in a cluster that all regions share, with a load balancer of its own."""
    return {
        "name": name,
        "cluster": {"context": "shared", **(cluster or {})},
        "endpoint": f"lb.{name}.example.net",
        **more,
    }


def endpoint(name: str, **more: Any) -> Raw:
    """A region in an EKS cluster of which nothing has to be looked up."""
    cluster = {
        "eks": "blue",
        "endpoint": f"https://{name}.eks.example.net",
        "certificateAuthority": CLUSTER_AUTHORITY,
    }
    return {"name": name, "cluster": cluster, "ingressFrom": ["10.0.0.0/24"], **more}


def two_regions(**settings: Any) -> Raw:
    return stack(regions=[eks(US), eks(EU)], **settings)


AWKWARD_NAMES = ("brain", "agent", "data", "a", "Acme_Corp", "acme")
"""Companies whose names are also parts of paths, of labels and of each other's names."""


def many_companies(**settings: Any) -> Raw:
    """Three regions in two clusters, one of them shared; six companies with awkward names."""
    regions = [
        context(US, ingressFrom=["10.0.0.0/24", "10.0.1.0/24"]),
        context(EU, ingressFrom=["10.1.0.0/24"]),
        eks(WEST, "green", active=False, ingressFrom=["10.2.0.0/24"]),
    ]
    companies: list[Any] = [{"name": name} for name in AWKWARD_NAMES]
    companies[1] |= {"regions": [EU, WEST], "edge": 2}
    companies[2] |= {"dedicatedHealthChecks": True, "protect": True}
    companies[3] |= {
        "agent": {"replicas": 3, "accessMode": "ReadWriteMany", "mountBrain": True},
        "brain": {"accessMode": "ReadWriteMany"},
        "apiKeys": {"OPENAI_API_KEY": {"secure": "v1:b2YtYS1hbG9uZQ=="}},
    }
    return stack(
        **{
            "regions": regions,
            "companies": companies,
            "network": {
                "monitoringNamespace": "monitoring",
                "extraEgress": [{"cidr": "10.9.0.0/16", "port": 6379}, {"cidr": "10.8.0.0/16", "port": 5432}],
            },
            **settings,
        }
    )
