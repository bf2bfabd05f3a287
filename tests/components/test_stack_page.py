"""The page that the Pulumi console shows for a stack."""

from __future__ import annotations

import re
from pathlib import Path

from tests.components.stacks import EU, US, WEST, context, eks, endpoint, many_companies, stack, two_regions
from tests.recording import ROOT, Recording, record


def readme(run: Recording) -> str:
    return str(run.outputs["readme"])


def test_every_place_is_filled_in(committed: Recording, committed_file: Path) -> None:
    page = readme(committed)

    assert "{{" not in page
    assert page.startswith(f"# Digital Agency: {committed_file.name.split('.')[1]}")


def test_companies_have_their_address_and_regions_their_role_and_bucket() -> None:
    run = record(many_companies())
    page = readme(run)

    for company in run.settings.companies:
        assert f"| {company.name} | [{company.namespace}.{run.settings.domain}]" in page
    for region in run.settings.regions:
        bucket = run.outputs["regions"][region.name]["bucket"]
        (row,) = [line for line in page.splitlines() if line.startswith(f"| {region.name} |")]
        assert f"| {'active' if region.active else 'passive'} |" in row
        assert row.endswith(f"| {bucket} |")
        assert f"{region.name}.console.aws.amazon.com/s3/buckets/{bucket}?" in page
    assert f"{WEST}.console.aws.amazon.com/eks/home?region={WEST}#/clusters/green" in page


def test_an_existing_load_balancer_is_the_edge() -> None:
    page = readme(record(stack(regions=[context(US), context(EU)])))
    assert f"| {US} | active | shared | lb.{US}.example.net |" in page


def test_without_replication_no_bucket_is_named() -> None:
    page = readme(record(stack(regions=[eks(US)], replication={"enabled": False})))
    assert f"| {US} | active | blue | {US}.agency.example.com | no snapshots |" in page
    assert "/s3/buckets/" not in page


def test_every_output_is_described() -> None:
    described = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "Pulumi.README.md").read_text(), re.MULTILINE))
    runs = [
        record(two_regions()),
        record(stack(regions=[context(US)])),
        record(stack(regions=[endpoint(US)])),
    ]
    assert {name for run in runs for name in run.outputs} == described
