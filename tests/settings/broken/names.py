"""Problems of names: of companies, of the stack, and of what is made of the domain."""

from __future__ import annotations

from tests.settings.broken.base import NO_VALUE, REQUIRED, Broken, wrong
from tests.settings.edits import Edit, both, drop, on_eks, put

_LONG = "agents.platform.internal.division.subsidiary.mycompany.example.com"
_CONTRACT = "a-z, A-Z, 0-9, _ and -"


def _company(name: str) -> Edit:
    return put("companies[1].name", name)


def _named(what: str, name: str, text: str, *edits: Edit) -> Broken:
    return Broken(what, both(_company(name), *edits), "companies[1].name", f'"{name}"', text)


NAMES = [
    _named("a company's name with a space", "client b", _CONTRACT),
    _named("a company's name with a dot", "client.b", _CONTRACT),
    _named("a company's name with an umlaut", "clänt", _CONTRACT),
    _named("a company's name without a letter", "", _CONTRACT),
    _named("a company's name of 64 characters", "b" * 64, "1 to 63 of"),
    _named("a company's name that begins with a dash", "-b", "must begin and end with a letter or a digit"),
    _named("a company's name that ends with a dash", "b-", "must begin and end with a letter or a digit"),
    _named(
        "a company's name that begins with an underscore", "_b", "must begin and end with a letter or a digit"
    ),
    _named("a company called default", "default", "default belongs to Kubernetes"),
    _named("a company called Default", "Default", "default belongs to Kubernetes"),
    _named("a company called kube-system", "kube-system", "belongs to Kubernetes"),
    _named("a company called kube_public", "kube_public", "kube-public belongs to Kubernetes"),
    _named("a company called digital-agency-system", "digital-agency-system", "belongs to this program"),
    _named("a company called Digital_Agency_System", "Digital_Agency_System", "belongs to this program"),
    _named("a company called diverged", "Diverged", "belongs to diverged files"),
    _named("a company called ingress-nginx", "ingress-nginx", "belongs to the ingress controller"),
    _named(
        "a company called like the monitoring's namespace",
        "watch",
        "belongs to monitoring",
        put("network.monitoringNamespace", "watch"),
    ),
    _named("a company called like a region", "eu-west-1", "must not be the name of a region or an edge"),
    _named(
        "a company called like a region that the stack does not have yet",
        "Sa_East_1",
        "must not be the name of a region or an edge",
    ),
    _named("a company called like an edge", "us-east-1-2", "must not be the name of a region or an edge"),
    _named("two companies with one name", "client-a", "The namespace client-a belongs to client-a"),
    _named("two companies with one namespace", "Client_A", "The namespace client-a belongs to client-a"),
    _named(
        "a company's name that makes a role's name too long",
        "b" * 50,
        "must lead to a role name of at most 64 characters with identity irsa",
        put("identity", "irsa"),
    ),
    Broken("no domain", drop("domain"), "domain", NO_VALUE, REQUIRED),
    wrong("a domain of one label", "domain", "agency", "a DNS name in lower case"),
    wrong("a domain in upper case", "domain", "Agency.example.com", "lower case"),
    Broken(
        "a domain that makes a bucket's name too long",
        put("domain", "a-long-name-of-a-domain.agency.example.com"),
        "domain",
        '"a-long-name-of-a-domain.agency.example.com"',
        "a-long-name-of-a-domain-agency-example-com-production-12-us-east-1 has",
        stack="production-12",
    ),
    wrong(
        "a domain that makes the replication role's name too long",
        "domain",
        "d" * 44 + ".com",
        "must lead to a role name of at most 64 characters",
    ),
    wrong(
        "a domain that makes a bucket's name like one of S3's",
        "domain",
        "xn--bcher-kva.example",
        "must lead to a bucket name that S3 accepts",
    ),
    Broken(
        "a domain for which ACM makes no certificate",
        both(put("domain", _LONG), put("namePrefix", "mc"), on_eks),
        "domain",
        f'"{_LONG}"',
        "must have at most 62 characters",
    ),
    Broken(
        "a domain that makes a company's host too long",
        both(
            put("domain", ".".join(["d" * 48] * 4) + ".example"), put("namePrefix", "mc"), _company("b" * 63)
        ),
        "domain",
        '"dddd',
        "must lead to DNS names that Route53 accepts",
    ),
    Broken(
        "a domain that makes names of routing too long",
        both(put("domain", ".".join(["d" * 59] * 4) + ".com"), put("namePrefix", "mc")),
        "domain",
        '"dddd',
        "must lead to DNS names that Route53 accepts",
    ),
    wrong(
        "an endpoint that is a company's own host",
        "regions[0].endpoint",
        "client-a.agency.example.com",
        "must be the name of an existing load balancer",
    ),
    wrong(
        "an endpoint that is another region's host",
        "regions[0].endpoint",
        "eu-west-1.agency.example.com",
        "This program makes that name",
    ),
    Broken("a stack's name in upper case", both(), "stack name", '"Prod"', "a-z, 0-9 and -", stack="Prod"),
    Broken("a stack's name with a dot", both(), "stack name", '"prod.eu"', "a-z, 0-9 and -", stack="prod.eu"),
    Broken(
        "a stack's name with a dash at its end",
        both(),
        "stack name",
        '"prod-"',
        "a-z, 0-9 and -",
        stack="prod-",
    ),
]
