"""Guards: the namespace, its number of pods, and their size."""

from __future__ import annotations

from typing import Any

import pytest

from components.guards import limits, namespace, quota
from settings import Company, Settings, parse
from settings.values import quantity
from tests.components import pod_rules
from tests.components.stacks import EU, US, WEST, context, eks, stack
from tests.recording import NAMESPACE, QUOTA, record


def company_of(**more: Any) -> tuple[Settings, Company]:
    settings = parse(stack(companies=[{"name": "acme", **more}]), "dev")
    return settings, settings.companies[0]


def largest(company: Company) -> dict[str, str]:
    found = {limit["type"]: limit for limit in limits(company)["spec"]["limits"]}
    maximum: dict[str, str] = found["Pod"]["max"]
    return maximum


def test_a_namespace_enforces_the_restricted_standard_and_is_taken_over_when_it_was_kept() -> None:
    settings, company = company_of()
    metadata = namespace(settings, company, settings.regions)["metadata"]
    for mode in ("enforce", "audit", "warn"):
        assert metadata["labels"][f"pod-security.kubernetes.io/{mode}"] == "restricted"
    assert metadata["annotations"]["pulumi.com/patchForce"] == "true"


def test_pods_wait_for_the_load_balancers_of_aws_in_each_namespace_that_has_one() -> None:
    """One region of a shared cluster is enough; a controller in the cluster knows no such thing."""
    gate = {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}
    mixed = [context(US), {"name": EU, "cluster": {"context": "shared"}, "ingressFrom": ["10.0.0.0/24"]}]
    for raw, wanted in (
        (stack(regions=[*mixed, eks(WEST)]), True),
        (stack(regions=[eks(US)], ingress={"className": "b", "controller": "ingress.k8s.aws/alb"}), True),
        (stack(regions=[context(US), context(EU)]), False),
        (stack(regions=[eks(US)], ingress={"className": "nginx"}), False),
    ):
        spaces = record(raw).of(NAMESPACE)
        assert {resource.inputs["metadata"]["name"] for resource in spaces} == {
            "acme",
            "digital-agency-system",
        }
        for resource in spaces:
            assert (gate.items() <= resource.inputs["metadata"]["labels"].items()) is wanted, resource.name


@pytest.mark.parametrize(("regions", "pods"), [(1, 4), (2, 8), (5, 20)])
def test_a_quota_lets_every_pod_roll_at_the_same_time(regions: int, pods: int) -> None:
    settings, company = company_of()
    assert quota(settings, company, regions)["spec"]["hard"]["pods"] == str(pods)


def test_no_company_gets_a_load_balancer_or_a_node_port_of_its_own() -> None:
    settings, company = company_of()
    hard = quota(settings, company, 1)["spec"]["hard"]
    assert (hard["services.loadbalancers"], hard["services.nodeports"]) == ("0", "0")


def test_the_quota_of_a_shared_cluster_counts_its_regions_whether_the_company_is_in_them_or_not() -> None:
    """Or moving a company would block its own pods."""
    regions = [context(US), context(EU), context(WEST)]
    run = record(stack(regions=regions, companies=[{"name": "acme", "regions": [US]}]))
    assert run.manifest(QUOTA, "company", namespace="acme")["spec"]["hard"]["pods"] == "12"


def test_the_largest_pod_is_the_larger_of_agent_and_brain_with_their_sidecars() -> None:
    """The gate's limits are those of the published chart's sidecar: 200m and 256Mi."""
    _, company = company_of()
    assert quantity(largest(company)["cpu"]) == quantity("2") + quantity("500m") + quantity("200m")
    assert quantity(largest(company)["memory"]) == quantity("4Gi") + quantity("512Mi") + quantity("256Mi")
    _, company = company_of(brain={"resources": {"limits": {"cpu": "8", "memory": "16Gi"}}})
    assert quantity(largest(company)["cpu"]) == quantity("8200m")
    assert quantity(largest(company)["memory"]) == quantity("16Gi") + quantity("256Mi")


def test_a_pod_smaller_than_what_restores_it_has_room_for_that() -> None:
    """Init containers run before the others, and alone."""
    tiny = {"resources": {kind: {"cpu": "50m", "memory": "64Mi"} for kind in ("requests", "limits")}}
    run = record(stack(companies=[{"name": "acme", "agent": tiny, "brain": tiny}]))
    pod_rules.namespaces_admit_their_pods(run)


@pytest.mark.parametrize("memory", ["1.5Gi", "1500M", "4294967297"])
def test_an_odd_amount_is_never_rounded_below_what_a_pod_asks_for(memory: str) -> None:
    resources = {"requests": {"memory": "1Gi"}, "limits": {"cpu": "2500m", "memory": memory}}
    _, company = company_of(agent={"resources": resources})
    assert quantity(largest(company)["memory"]) >= quantity(memory) + quantity("768Mi")
    assert quantity(largest(company)["cpu"]) >= quantity("3200m")


def test_a_container_without_resources_gets_small_defaults() -> None:
    _, company = company_of()
    found = {limit["type"]: limit for limit in limits(company)["spec"]["limits"]}
    default, request = found["Container"]["default"], found["Container"]["defaultRequest"]
    assert all(quantity(request[unit]) <= quantity(default[unit]) for unit in ("cpu", "memory"))
