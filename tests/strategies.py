"""Random valid stacks, for property tests of everything that reads settings.

`valid_stacks()` draws `(raw, stack)`: the plain values under `digital-agency:` and the stack's name, as
`settings.parse(raw, stack)` takes them; `config_of(raw)` converts the values to what the Pulumi CLI passes
to a program. All are valid by construction: drawing discards nothing, and is quick.
"""

from __future__ import annotations

import json
import operator
from itertools import islice
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, composite

from tests.company_strategies import companies_of, some

Raw = dict[str, Any]

REGIONS = (
    "us-east-1", "eu-west-1", "us-west-2", "ap-southeast-1", "ap-southeast-2", "sa-east-1", "eu-central-1",
)  # fmt: skip
CODES = ("EU", "AF", "AS", "NA", "OC", "SA", "AN", "country:TR", "country:US", "country:BR", "country:JP")
STACKS = ("prod", "staging", "dev", "local", "pr-12", "2")
DOMAINS = ("agency.example.com", "a.io", "brain.data.example.org", "agency.localhost.test")
POLICIES = ("latency", "weighted", "geo", "failover")

ENDPOINT, AWS_ENDPOINT = "lb.{}.example.net", "lb-1.elb.{}.amazonaws.com"


def config_of(raw: Raw, project: str = "digital-agency") -> dict[str, str]:
    """The values in the form of the Pulumi CLI: scalars as text, lists and mappings as JSON."""
    return {
        f"{project}:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in raw.items()
    }


@composite
def valid_stacks(
    draw: DrawFn, *, max_regions: int = 5, max_companies: int = 6, policy: str | None = None
) -> tuple[Raw, str]:
    """Draw a stack; with `policy` one of that load balancing policy."""
    stack = draw(st.sampled_from(STACKS))
    manager = draw(st.sampled_from(("route53", "route53", "external-dns")))
    policy = policy or draw(st.sampled_from(POLICIES))
    fewest = 2 if (manager, policy) == ("external-dns", "failover") else 1
    most = max(fewest, max_regions)
    names = draw(st.lists(st.sampled_from(REGIONS), min_size=fewest, max_size=most, unique=True))
    top = draw(_top_level(stack=stack, manager=manager, regions=len(names)))
    ingress = top.get("ingress", {})
    internal = ingress.get("scheme") == "internal"
    balanced = ingress.get("controller", "ingress.k8s.aws/alb") == "ingress.k8s.aws/alb"
    balanced = balanced and ingress.get("className") != "nginx"
    regions = draw(
        _regions(names=names, policy=policy, manager=manager, internal=internal, balanced=balanced)
    )
    if draw(st.integers(0, 3)) == 0:
        for region in regions:
            region["kmsKeyArn"] = f"arn:aws:kms:{region['name']}:123456789012:key/0123"
    top["failover"] = draw(_failover(policy=policy, regions=len(names)))
    companies = draw(
        companies_of(
            regions=regions,
            most=max_companies,
            policy=policy,
            manager=manager,
            failover=top["failover"].get("enabled", len(names) > 1),
            long=top.get("identity") != "irsa",
        )
    )
    prefix = some(annotationPrefix=st.just("external-dns.alpha.kubernetes.io/"))
    top["loadBalancing"] = {"policy": policy, "manager": manager, **draw(prefix)}
    return {**top, "regions": shortened(regions), "companies": shortened(companies)}, stack


def shortened(items: list[Raw]) -> list[Raw | str]:
    """Regions or companies, those that have only a name in the short form."""
    return [item["name"] if list(item) == ["name"] else item for item in items]


@composite
def _top_level(draw: DrawFn, *, stack: str, manager: str, regions: int) -> Raw:
    found = draw(_TOP_LEVEL)
    found["domain"] = draw(st.sampled_from(DOMAINS))
    if manager == "route53" or draw(st.booleans()):
        found["hostedZoneId"] = "Z0123456789ABCDEFGHIJ"
    unpinned = ("localhost:5000/agency:latest", "agency", None)
    agency = draw(st.sampled_from(unpinned if stack == "local" else _PINNED))
    if stack == "local" and draw(st.booleans()):
        found.setdefault("replication", {})["endpoint"] = "http://10.88.0.1:5000"
    if agency is not None:
        found["images"] = {"agency": agency, **draw(some(python=st.just("python:3.13.1-slim")))}
    return found


_PINNED = ("registry.example.com/agency:1.4.2", f"agency@sha256:{'0' * 64}")
_PUBLIC_ALB = {"className": "public", "controller": "ingress.k8s.aws/alb"}
_TRAEFIK = {"className": "traefik.internal", "controller": "traefik.io/ingress-controller"}
_TOP_LEVEL = some(
    identity=st.sampled_from(("pod-identity", "irsa")),
    podUser=st.sampled_from((1, 1000, 10001)),
    waitForReady=st.booleans(),
    environment=st.sampled_from(({}, {"LOG_LEVEL": "debug", "MOCK_EMBEDDINGS": "true"})),
    ingress=st.builds(
        operator.or_,
        st.sampled_from(({}, {"className": "alb"}, {"className": "nginx"}, _PUBLIC_ALB, _TRAEFIK)),
        some(namespace=st.just("ingress-traefik"), scheme=st.sampled_from(("internet-facing", "internal"))),
    ),
    replication=some(
        enabled=st.booleans(),
        syncInterval=st.sampled_from((5, 60, 3600)),
        deleteMarkers=st.booleans(),
        objectLock=st.sampled_from(
            ({"mode": "governance", "days": 30}, {"mode": "compliance", "days": 3660})
        ),
        timeControl=st.booleans(),
        bandwidthLimit=st.sampled_from(("off", "10M", "512k:off")),
        transfers=st.sampled_from((1, 4, 64)),
        retention=st.sampled_from(({}, {"allHours": 24}, {"hourlyHours": 168, "dailyDays": 7})),
    ),
    network=some(
        monitoringNamespace=st.just("monitoring"),
        extraEgress=st.sampled_from(
            (
                [],
                [{"cidr": "10.9.0.0/16", "port": 6379}, {"cidr": "fd00:9::/64", "port": 1}],
                [{"cidr": "10.100.0.10/32", "port": 53, "protocol": "UDP"}],
            )
        ),
    ),
    pods=some(
        imagePullSecrets=st.sampled_from(([], ["mirror"])),
        runtimeClassName=st.just("gvisor"),
        priorityClassName=st.just("business-critical"),
    ),
)


@composite
def _failover(draw: DrawFn, *, policy: str, regions: int) -> Raw:
    choices: tuple[bool | None, ...] = (None, True, False)
    if regions == 1:
        choices = (False,) if policy == "failover" else (None, False)
    enabled = draw(st.sampled_from(choices))
    found = draw(some(intervalSeconds=st.sampled_from((3, 10)), failureThreshold=st.integers(1, 5)))
    return found if enabled is None else {"enabled": enabled, **found}


@composite
def _regions(
    draw: DrawFn, *, names: list[str], policy: str, manager: str, internal: bool, balanced: bool
) -> list[Raw]:
    limited = manager == "external-dns"
    all_active = limited and policy in ("latency", "geo")
    first_active = draw(st.integers(0, len(names) - 1))
    default = draw(st.integers(0, len(names) - 1))
    codes = iter(draw(st.permutations(CODES)))
    # external-dns makes one type of record for all regions of a company: aliases, or CNAMEs of endpoints.
    endpoints: tuple[str, ...] = ("", AWS_ENDPOINT, ENDPOINT)
    if limited:
        endpoints = draw(st.sampled_from((("", AWS_ENDPOINT), (ENDPOINT,))))
    regions = []
    for index, name in enumerate(names):
        region = {"name": name, **draw(_region(name=name, others=[each for each in names if each != name]))}
        if endpoint := draw(st.sampled_from(endpoints)).format(name):
            region["endpoint"] = endpoint
            if draw(st.booleans()):
                region["ingressClass"] = "nginx"
        passive = index != first_active and not all_active and draw(st.booleans())
        if passive or draw(st.booleans()):
            region["active"] = not passive
        if not (limited and policy == "weighted" and passive):
            region["weight"] = draw(st.integers(1 if limited else 0, 255))
        if policy == "geo":
            count = 1 if limited else draw(st.integers(0, 3))
            region["geo"] = list(islice(codes, count))
            if index == default:
                region["geo"][:1] = ["default"]
        cluster = region.get("cluster", {})
        if internal or (balanced and "endpoint" not in region and {"eks"} != cluster.keys()):
            region.setdefault("ingressFrom", [f"10.{index}.0.0/24"])
        if not region.get("geo", True) and draw(st.booleans()):
            del region["geo"]
        regions.append(region if draw(st.booleans()) or set(region) - {"name", "weight"} else {"name": name})
    return regions


@composite
def _region(draw: DrawFn, *, name: str, others: list[str]) -> Raw:
    found = draw(_REGION)
    if draw(st.integers(0, 3)) == 0:
        found["certificateArn"] = f"arn:aws:acm:{name}:123456789012:certificate/11111111-2222"
    if others and draw(st.integers(0, 3)) == 0:
        found["replicateTo"] = draw(st.lists(st.sampled_from(others), unique=True))
    return found


_PROVIDER = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABCDEF"
_EKS = {"eks": "prod-blue"}
_REGION = some(
    cluster=st.sampled_from(
        (
            _EKS,
            _EKS,
            {**_EKS, "endpoint": "https://ABCDEF.gr7.eks.amazonaws.com", "certificateAuthority": "Q0E="},
            {"context": "shared"},
            {"context": "shared", "eksName": "prod-green", "oidcProviderArn": _PROVIDER},
            {"context": "Admin@prod.example.com"},
        )
    ),
    adopt=st.booleans(),
    nodeSelector=st.sampled_from(({}, {"node.kubernetes.io/instance-type": "m7g.xlarge"})),
    tolerations=st.sampled_from(
        (
            [],
            [{"key": "dedicated", "value": "agents", "effect": "NoSchedule"}],
            [{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}],
        )
    ),
    storageClass=st.sampled_from(("gp3", "local.path")),
    ingressFrom=st.sampled_from((["10.0.0.0/24", "10.0.1.0/24"], ["fd00::/64"])),
)
