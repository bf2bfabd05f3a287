"""The picture of a stack."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ops.__main__ import main
from ops.errors import DONE
from ops.topology import page, picture, source
from settings import Settings, from_config
from settings.routes import accelerators_of
from tests.components.stacks import EU, US, WEST, context, eks, many_companies, stack, two_regions
from tests.recording import ROOT
from tests.strategies import Raw, config_of

PICTURE = ROOT / "docs" / "topology.svg"


def settings(raw: Raw) -> Settings:
    return from_config(config_of(raw), "dev")


def block(text: str, region: str) -> str:
    """What is drawn inside of a region."""
    return text.partition(f'\n"{region}": ')[2].partition("\n}")[0]


@pytest.mark.slow
@pytest.mark.services
def test_the_readme_s_picture_is_that_of_the_stack_prod(tmp_path: Path) -> None:
    assert main(["topology", "--stack", "prod", "--out", str(tmp_path)]) == DONE

    drawn = (tmp_path / "prod.svg").read_text()
    assert PICTURE.read_text() == drawn, (
        "run make topology STACK=prod and copy topology/prod.svg to docs/topology.svg"
    )
    ElementTree.fromstring(drawn)
    assert drawn[drawn.index("<svg") :] in (tmp_path / "prod.html").read_text()


def test_companies_stand_in_their_regions_with_their_volumes() -> None:
    run = settings(many_companies())
    text = source(run)

    for region in run.regions:
        inside = block(text, region.name)
        role = "active" if region.active else "passive"
        assert inside.startswith(f'"{region.name} ({role})"')
        for company in run.companies:
            drawn = f'companies."{company.namespace}": "{company.namespace}\\nagent {company.agent.storage},'
            assert (drawn in inside) is (region in run.regions_of(company)), (region.name, company.name)


def test_clusters_and_load_balancers_are_named() -> None:
    text = source(settings(stack(regions=[context(US), context(EU), eks(WEST, active=False)])))

    assert 'edge: "lb.us-east-1.example.net"' in block(text, US)
    assert 'cluster: "context shared, shared"' in block(text, US)
    assert 'edge: "load balancer"' in block(text, WEST)
    assert 'cluster: "EKS blue"' in block(text, WEST)
    assert f'dns -> "{WEST}".edge {{class: standby}}' in text
    assert f'dns -> "{US}".edge\n' in text


def test_several_load_balancers_are_counted() -> None:
    companies = ["acme", {"name": "globex", "edge": 2}]
    assert 'edge: "2 load balancers"' in source(settings(stack(companies=companies)))


def test_each_accelerator_leads_to_the_load_balancers_of_its_companies_regions() -> None:
    companies = ["acme", {"name": "globex", "regions": [US, EU]}, {"name": "hooli", "regions": [US, EU]}]
    regions = [eks(region) for region in (US, EU, WEST)]
    balancing = {"policy": "latency", "manager": "global-accelerator"}
    run = settings(stack(regions=regions, companies=companies, loadBalancing=balancing))
    text = source(run)

    assert 'dns: "Route53: <company>.' in text
    for accelerator in accelerators_of(run):
        key = f'accelerators."{accelerator.label}"'
        companies_ = "acme" if len(accelerator.regions) == 3 else "globex, hooli"
        assert f'{key}: "accelerator {accelerator.label}\\n{companies_}"' in text
        assert f"dns -> {key}\n" in text
        for region in (US, EU, WEST):
            assert (f'{key} -> "{region}".edge\n' in text) is (region in accelerator.regions)
    assert f'dns -> "{US}"' not in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, '"S3 replication\\neach bucket to all others"'),
        (
            {"replicateTo": [EU]},
            f'"S3 replication\\n{US} to {EU}\\n{EU} to {US}, {WEST}\\n{WEST} to {US}, {EU}"',
        ),
        ({"replicateTo": []}, f'"S3 replication\\n{EU} to {US}, {WEST}\\n{WEST} to {US}, {EU}"'),
    ],
)
def test_replication_is_as_the_rules_say(changes: Raw, message: str) -> None:
    text = source(settings(stack(regions=[eks(US, **changes), eks(EU), eks(WEST)])))
    assert f"replication: {message}" in text
    assert f'"{EU}".bucket <-> replication' in text
    assert f'"{US}".bucket {"<-" if changes == {"replicateTo": []} else "<->"} replication' in text


def test_without_copies_there_are_no_buckets() -> None:
    text = source(settings(two_regions(replication={"enabled": False})))
    assert "bucket" not in text and "replication" not in text


def test_without_failover_there_is_no_controller() -> None:
    assert "failover controller" not in source(settings(two_regions(failover={"enabled": False})))


@pytest.mark.slow
@pytest.mark.services
def test_a_large_stack_is_drawn_and_its_page_needs_nothing_else() -> None:
    companies = [f"company-{number:02d}" for number in range(50)]
    svg = picture(source(settings(stack(regions=[eks(US), eks(EU), eks(WEST)], companies=companies))))
    whole = page("Stack <large>", svg)

    assert svg.count("company-07") == 3
    assert "<title>Stack &lt;large&gt;</title>" in whole
    assert re.findall(r'(?:src|href)="(?!#|data:)', whole) == []
    assert not re.search(r"url\((?!['\"]?(#|data:))", whole)
