"""Numbers in the documentation match the recorded resources."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from docs import list_licences
from plan.limits import COMPANIES_PER_EDGE
from settings.values import quantity
from tests.recording import ROOT, STATEFUL_SET, VOLUME_CLAIM, record, record_file

TABLE, COSTS, FIRST = (
    (ROOT / "docs" / f"{page}.md").read_text() for page in ("resources", "costs", "first-deployment")
)
COMPONENTS = ("Tenant", "Brain", "Agent")


def stack(companies: int, clusters: list[dict[str, str]]) -> dict[str, Any]:
    regions = [
        {"name": name, "cluster": cluster, "ingressFrom": ["10.0.0.0/24"]}
        for name, cluster in zip(("us-east-1", "eu-west-1"), clusters, strict=True)
    ]
    return {
        "domain": "agency.example.com",
        "hostedZoneId": "Z0123456789ABCDEFGHIJ",
        "images": {"agency": "registry.example.com/agency:1.4.2"},
        "regions": regions,
        "companies": [f"company-{number}" for number in range(companies)],
    }


def kinds(companies: int, clusters: list[dict[str, str]]) -> Counter[str]:
    counted = Counter(it.type.rpartition(":")[2] for it in record(stack(companies, clusters)))
    counted["Tenant, Brain, Agent (components)"] = sum(counted.pop(name, 0) for name in COMPONENTS)
    return counted


TWO_CLUSTERS: list[dict[str, str]] = [{"eks": "blue"}, {"eks": "blue"}]
ONE_CLUSTER: list[dict[str, str]] = [{"context": "shared", "eksName": "blue"}] * 2


@pytest.mark.parametrize(
    ("column", "clusters", "total"),
    [
        (2, TWO_CLUSTERS, "{} resources where each region has a cluster"),
        (3, ONE_CLUSTER, "{} where both share one"),
    ],
)
def test_the_table_accounts_for_every_resource_of_a_company(
    column: int, clusters: list[dict[str, str]], total: str
) -> None:
    rows = [line.split("|") for line in TABLE.splitlines() if re.match(r"\| .* \| \d+ \|", line)]
    listed = {row[1].strip(): int(row[column]) for row in rows}
    one, two = kinds(1, clusters), kinds(2, clusters)
    counted = {kind: number for kind in two if (number := two[kind] - one[kind])}
    assert listed == counted
    assert total.format(sum(counted.values())) in TABLE


def test_the_page_counts_the_rest_of_the_stack() -> None:
    one, two = kinds(1, TWO_CLUSTERS), kinds(2, TWO_CLUSTERS)
    controller = [it for it in record(stack(1, TWO_CLUSTERS)) if "-blue-failover-" in it.name]
    assert f"failover controller ({len(controller) // 2})" in " ".join(TABLE.split())
    rest = sum(one.values()) - (sum(two.values()) - sum(one.values()))
    assert f"{rest} resources for two regions" in TABLE


def test_the_costs_are_those_of_the_deployed_resources() -> None:
    resources = record_file(ROOT / "Pulumi.prod.yaml").by_urn.values()
    sets = [it.inputs for it in resources if it.type == STATEFUL_SET]
    (agent,), (brain,) = (
        [it for it in sets if it["metadata"] == {**it["metadata"], "namespace": "acme", "name": name}]
        for name in ("agent-us-east-1", "brain-us-east-1")
    )
    cpu, memory = amounts("requests", agent, brain)
    assert f"ask for {cpu} CPUs and {memory} GiB" in COSTS
    assert f"{cpu} CPUs and {memory} GiB of a region" in " ".join(FIRST.split())
    cpu, memory = amounts("limits", agent, brain)
    assert f"up to {cpu} CPUs and {memory} GiB" in COSTS
    volumes = [
        it.inputs["spec"]["resources"]["requests"]["storage"]
        for it in resources
        if it.type == VOLUME_CLAIM and it.name.startswith("acme-") and "us-east-1" in it.name
    ]
    assert f"volumes are {float(sum(map(quantity, volumes))) / 2**30:g} GiB" in COSTS
    assert f"for each {COMPANIES_PER_EDGE} companies" in COSTS
    assert f" {len(sets) // 2} × 57" in COSTS


def amounts(which: str, *sets: dict[str, Any]) -> tuple[str, str]:
    """CPUs and GiB of all containers that run as long as their pods."""
    specs = [it["spec"]["template"]["spec"] for it in sets]
    sidecars = [it for spec in specs for it in spec["initContainers"] if it.get("restartPolicy") == "Always"]
    containers = [*sidecars, *(it for spec in specs for it in spec["containers"])]
    cpu, memory = (
        float(sum(quantity(it["resources"][which][unit]) for it in containers)) for unit in ("cpu", "memory")
    )
    return f"{cpu:g}", f"{memory / 2**30:g}"


def test_the_page_of_licences_is_current() -> None:
    assert list_licences.OUT.read_text() == list_licences.page(), "run python -m docs.list_licences"
    assert list_licences.PROGRAMS.keys() == {folder.name for folder in (ROOT / "local" / "go").iterdir()}
