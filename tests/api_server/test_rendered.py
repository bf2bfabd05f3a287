"""The real API server takes every rendered object, under Pod Security `restricted`, without a warning."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.api_server.server import Manifest, Server, manifests
from tests.components.stacks import EU, US, WEST, context, eks, endpoint, stack
from tests.components.test_render import render, stack_file
from tests.recording import ROOT
from tests.strategies import Raw, valid_stacks

ASIA, SOUTH = "ap-southeast-1", "sa-east-1"
EXTERNAL = {"manager": "external-dns"}
PROVIDER = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABCDEF"

STACKS: dict[str, Raw] = {
    "one region in the ambient cluster": stack(
        regions=[{"name": US, "ingressFrom": ["10.0.0.0/24"]}], companies=["ambient", "Second_One"]
    ),
    "five regions in one cluster, by place": stack(
        regions=[
            context(US, geo=["default"]),
            context(EU, geo=["EU", "AF", "country:TR"]),
            context(WEST, active=False),
            context(ASIA, geo=["AS", "OC"], nodeSelector={"node.kubernetes.io/instance-type": "m7g.xlarge"}),
            context(SOUTH, geo=["country:BR"], storageClass="local.path"),
        ],
        companies=["geo-all", {"name": "geo-two", "regions": [EU, US], "dedicatedHealthChecks": True}],
        loadBalancing={"policy": "geo"},
        ingress={"className": "nginx"},
    ),
    "three clusters, by weight, with a role a company": stack(
        regions=[
            eks(US, weight=0),
            endpoint(EU, weight=255),
            context(WEST, {"context": "own", "eksName": "green", "oidcProviderArn": PROVIDER}, active=False),
        ],
        companies=["weight-a", {"name": "weight-b", "edge": 3, "protect": True}],
        identity="irsa",
        loadBalancing={"policy": "weighted"},
    ),
    "external-dns, the nearest": stack(
        regions=[eks(US), eks(EU)],
        companies=["ext-near"],
        loadBalancing={**EXTERNAL, "policy": "latency"},
        hostedZoneId=None,
    ),
    "external-dns, the first": stack(
        regions=[context(US), context(EU)],
        companies=[{"name": "ext-first", "regions": [EU, US]}],
        loadBalancing={
            **EXTERNAL,
            "policy": "failover",
            "annotationPrefix": "external-dns.alpha.kubernetes.io/",
        },
    ),
    "thirty companies behind two edges": stack(
        regions=[eks(US), eks(EU)],
        companies=[{"name": f"many-{number:02}", "edge": 1 + number % 2} for number in range(30)],
    ),
    "shared volumes, several pods, keys, everything open that can be": stack(
        regions=[
            context(US, ingressFrom=["10.0.0.0/24", "fd00::/64"], storageClass="efs"),
            context(EU, ingressFrom=["10.1.0.0/24"], active=False),
        ],
        companies=[
            {
                "name": "rich",
                "agent": {
                    "replicas": 3,
                    "accessMode": "ReadWriteMany",
                    "mountBrain": True,
                    "resources": {
                        "requests": {"cpu": 2, "memory": "4Gi"},
                        "limits": {"cpu": 8, "memory": "16Gi"},
                    },
                },
                "brain": {"accessMode": "ReadWriteMany", "replicas": 2, "storage": "1.5Ti"},
                "apiKeys": {"OPENAI_API_KEY": {"secure": "v1:b25l"}, "GOOGLE_API_KEY": {"secure": "v1:dHdv"}},
            },
            {"name": "given-keys", "apiKeys": {"secretName": "llm.keys"}},
            {"name": "n" * 63},
        ],
        ingress={"scheme": "internal"},
        network={
            "monitoringNamespace": "monitoring",
            "extraEgress": [{"cidr": "10.9.0.0/16", "port": 6379}, {"cidr": "fd00:9::/64", "port": 1}],
        },
        environment={"LOG_LEVEL": "debug", "MOCK_EMBEDDINGS": "true"},
        podUser=1,
        waitForReady=False,
        loadBalancing={"policy": "failover"},
        replication={"enabled": False},
    ),
}


def rendered(raw: Raw, folder: Path, name: str = "dev") -> list[Manifest]:
    assert render(stack_file(folder, raw), folder / "out", "--stack", name) == 0
    return manifests(folder / "out")


@pytest.mark.parametrize("raw", STACKS.values(), ids=STACKS)
def test_every_object_and_every_pod_is_taken_without_a_warning(
    raw: Raw, server: Server, tmp_path: Path
) -> None:
    found = rendered(raw, tmp_path)
    assert sum(one["kind"] == "StatefulSet" for one in found) >= 2 * len(raw["companies"])
    assert server.complaints(found) == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("Pulumi.*.yaml")), ids=lambda path: path.name)
def test_every_committed_stack_is_taken_without_a_warning(path: Path, server: Server, tmp_path: Path) -> None:
    """Later ones may share companies with earlier ones, whose limits the admission may still remember."""
    assert render(path, tmp_path / "out") == 0
    found = manifests(tmp_path / "out")
    assert {"StatefulSet", "NetworkPolicy", "ConfigMap"} <= {one["kind"] for one in found}
    assert server.complaints(found, guarded=False) == []


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(drawn=valid_stacks(max_companies=3))
def test_objects_of_any_stack_are_taken_without_a_warning(
    drawn: tuple[Raw, str], server: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    raw, name = drawn
    # Names come again with other limits: to see them, the admission's cache would have to be waited for.
    assert server.complaints(rendered(raw, tmp_path_factory.mktemp("drawn"), name), guarded=False) == []


# That these tests can fail.


@pytest.fixture(scope="module")
def workload(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """A StatefulSet, with all that its pods need."""
    found = rendered(stack(companies=["sabotaged"]), tmp_path_factory.mktemp("sabotaged"))
    assert server.complaints(found) == []
    return next(one for one in found if one["kind"] == "StatefulSet")


def test_a_pod_without_its_hardening_is_refused_and_its_stateful_set_warned_of(
    server: Server, workload: Manifest
) -> None:
    """The policy pack's tests break each part of the hardening."""
    weaker = copy.deepcopy(workload)
    weaker["spec"]["template"]["spec"]["hostNetwork"] = True
    refused, warned = server.run(weaker), server.apply(weaker)
    assert refused is not None
    assert "403" in refused and 'violates PodSecurity "restricted' in refused and "host namespaces" in refused
    assert warned is not None
    assert "warning" in warned and "host namespaces" in warned


def test_a_pod_over_the_company_s_limits_is_refused(server: Server, workload: Manifest) -> None:
    larger = copy.deepcopy(workload)
    larger["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] = "999Gi"
    assert "maximum memory usage per Pod" in str(server.run(larger))


def test_a_key_that_the_api_does_not_know_is_refused(server: Server, workload: Manifest) -> None:
    misspelt = copy.deepcopy(workload)
    misspelt["spec"]["template"]["spec"]["grace"] = 90
    assert "field not declared in schema" in str(server.apply(misspelt))
